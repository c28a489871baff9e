from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from monai_ext.landmarks import InputError, Protocol
from monai_ext.models import (
    KEPT_VERSIONS,
    Calibration,
    ConformalRadius,
    find_model,
    load_network,
    publish,
    read_calibration,
    read_card,
)
from monai_ext.networks import build_network


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return Protocol.model_validate(
        {
            "name": "tip",
            "title": "Tip",
            "channels": "grey",
            "landmarks": [{"name": "tip", "description": "the tip"}],
            "network": {"decoder_channels": [16, 12, 8, 8, 4], "input_size": {"width": 64, "height": 32}},
        }
    )


@pytest.fixture(scope="module")
def network(protocol) -> torch.nn.Module:
    torch.manual_seed(1)
    return build_network(protocol).eval()


def card(protocol: Protocol, **changes) -> dict:
    return {
        "protocol": protocol,
        "labels_used": 7,
        "val_images": ("a", "b"),
        "val_error": 1.5,
        "unit": "px",
        "epochs": 3,
        "seed": 0,
        "date": "2026-01-02T03:04:05+00:00",
    } | changes


def test_a_published_model_comes_back_bit_for_bit(tmp_path, protocol, network) -> None:
    published = publish(tmp_path / "tip", network.state_dict(), card(protocol))

    loaded, read = load_network(tmp_path / "tip")

    assert read == published
    assert (read.version, read.weights, read.protocol) == ("v1", "v1.safetensors", protocol)
    assert not loaded.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name


def test_versions_count_up_and_only_the_last_five_stay(tmp_path, protocol, network) -> None:
    folder = tmp_path / "tip"
    for _ in range(7):
        last = publish(folder, network.state_dict(), card(protocol))

    assert last.version == "v7"
    assert sorted(p.name for p in folder.glob("*.safetensors")) == [f"v{i}.safetensors" for i in range(3, 8)]
    assert sorted(p.name for p in folder.glob("v*.json")) == [f"v{i}.json" for i in range(3, 8)]
    assert read_card(folder).version == "v7"


def test_half_precision_halves_the_file_and_keeps_the_answer(tmp_path, protocol, network) -> None:
    publish(tmp_path / "full", network.state_dict(), card(protocol))
    publish(tmp_path / "half", network.state_dict(), card(protocol), half_precision=True)
    sizes = [(tmp_path / kind / "v1.safetensors").stat().st_size for kind in ("full", "half")]
    image = torch.rand(1, 1, 32, 64)

    with torch.no_grad():
        difference = load_network(tmp_path / "half")[0](image).heatmaps - network(image).heatmaps

    assert 1.9 < sizes[0] / sizes[1] < 2.0
    assert difference.abs().max() < 0.02


def test_weights_that_are_not_finite_are_never_published(tmp_path, protocol, network) -> None:
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    name = next(iter(state))
    state[name].view(-1)[0] = float("nan")

    with pytest.raises(InputError, match=name):
        publish(tmp_path / "tip", state, card(protocol))

    assert find_model("tip", tmp_path) is None


def test_a_reader_sees_the_old_model_until_the_card_is_replaced(tmp_path, protocol, network, monkeypatch) -> None:
    import monai_ext.models.store as store

    publish(tmp_path / "tip", network.state_dict(), card(protocol))
    whole = store.write_atomically

    def fail_at_the_card(path: Path, data: object) -> None:
        if Path(path).name == store.CARD:
            raise OSError("disk full")
        whole(path, data)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "write_atomically", fail_at_the_card)
    with pytest.raises(OSError, match="disk full"):
        publish(tmp_path / "tip", network.state_dict(), card(protocol, val_error=0.5))

    assert load_network(tmp_path / "tip")[1].val_error == 1.5


def calibration(version: str = "", sha256: str = "") -> Calibration:
    radius = ConformalRadius.fit([[float(n)] for n in range(30)], ["tip"])
    return Calibration(protocol="tip", version=version, sha256=sha256, images=30, radius=radius)


def test_a_calibration_lies_beside_its_version_and_goes_with_it(tmp_path, protocol, network) -> None:
    folder = tmp_path / "tip"
    publish(folder, network.state_dict(), card(protocol), calibration=calibration())
    publish(folder, network.state_dict(), card(protocol))

    assert read_calibration(folder, "v1") == calibration("v1", read_card(folder, "v1").sha256)
    assert read_calibration(folder, "v2") is None
    for _ in range(KEPT_VERSIONS):
        publish(folder, network.state_dict(), card(protocol), calibration=calibration())
    assert sorted(path.name for path in folder.glob("*.calibration.json")) == [
        f"v{n}.calibration.json" for n in range(3, 8)
    ]


def test_a_version_takes_nothing_from_one_of_its_name_whose_weights_are_gone(tmp_path, protocol, network) -> None:
    folder = tmp_path / "tip"
    publish(folder, network.state_dict(), card(protocol), calibration=calibration())
    for name in ("card.json", "v1.json", "v1.safetensors"):
        (folder / name).unlink()

    assert publish(folder, network.state_dict(), card(protocol)).version == "v1"

    assert read_calibration(folder, "v1") is None


@pytest.mark.parametrize("last", ["v2.safetensors", "v2.json", "v2.calibration.json", "card.json"])
@pytest.mark.parametrize("killed", [True, False])
def test_a_version_is_never_current_without_its_calibration(
    tmp_path, protocol, network, monkeypatch, last, killed
) -> None:
    import monai_ext.models.calibration as calibrations
    import monai_ext.models.store as store

    folder = tmp_path / "tip"
    publish(folder, network.state_dict(), card(protocol), calibration=calibration())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    whole = store.write_atomically

    def fail(path: Path, data: object) -> None:
        if Path(path).name == last:
            raise KeyboardInterrupt if killed else OSError("disk full")
        whole(path, data)  # type: ignore[arg-type]

    for module in (store, calibrations):
        monkeypatch.setattr(module, "write_atomically", fail)
    with pytest.raises(KeyboardInterrupt if killed else OSError):
        publish(folder, network.state_dict(), card(protocol), calibration=calibration())
    monkeypatch.undo()

    assert load_network(folder)[1].version == "v1"
    assert read_calibration(folder, "v1") == calibration("v1", read_card(folder, "v1").sha256)
    assert {name: (folder / name).read_bytes() for name in before} == before
    if not killed:
        assert {path.name for path in folder.iterdir()} == set(before)
    # what a kill left is not taken for a part of the next version
    following = publish(folder, network.state_dict(), card(protocol))
    assert read_calibration(folder, following.version) is None


def test_trained_wins_over_shipped(tmp_path, protocol, network) -> None:
    publish(tmp_path / "pretrained/tip", network.state_dict(), card(protocol))
    roots = (tmp_path / "model", tmp_path / "pretrained")
    assert find_model("tip", *roots) == tmp_path / "pretrained/tip"

    publish(tmp_path / "model/tip", network.state_dict(), card(protocol))

    assert find_model("tip", *roots) == tmp_path / "model/tip"
    assert find_model("nose", *roots) is None


@pytest.mark.parametrize("damage", ["truncate", "change", "remove", "other network", "card"])
def test_damage_is_said_and_never_becomes_random_weights(tmp_path, protocol, network, damage) -> None:
    folder = tmp_path / "tip"
    publish(folder, network.state_dict(), card(protocol))
    weights, path = folder / "v1.safetensors", folder / "card.json"
    data = bytearray(weights.read_bytes())
    if damage == "truncate":
        weights.write_bytes(data[: len(data) // 2])
    elif damage == "change":
        data[-1] ^= 1
        weights.write_bytes(data)
    elif damage == "remove":
        weights.unlink()
    elif damage == "card":
        path.write_text(path.read_text()[:50])
    else:
        document = json.loads(path.read_text())
        document["protocol"]["network"]["decoder_channels"] = [32, 24, 16, 8, 4]
        assert document["sha256"] == hashlib.sha256(data).hexdigest()
        path.write_text(json.dumps(document))

    with pytest.raises(InputError, match="card" if damage == "card" else "weights"):
        load_network(folder)


def test_a_model_that_replaces_a_shipped_one_has_a_version_of_its_own(tmp_path, protocol, network) -> None:
    assert publish(tmp_path / "tip", network.state_dict(), card(protocol), after="v1").version == "v2"
    assert publish(tmp_path / "tip", network.state_dict(), card(protocol), after="v1").version == "v3"
