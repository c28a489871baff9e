"""Versions of a model: which there are, which stay, and the way back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from monai_ext.landmarks import InputError, Protocol
from monai_ext.models import (
    CARD,
    ROLLBACKS,
    SHIPPED,
    ModelCard,
    newest_whole_version,
    publish,
    read_card,
    roll_back,
    rollbacks,
    version_files,
    version_numbers,
    versions,
)


def protocol_of(*names: str) -> Protocol:
    landmarks = [{"name": name, "description": name} for name in names]
    return Protocol.model_validate({"name": "tip", "title": "Tip", "channels": "grey", "landmarks": landmarks})


def put(folder: Path, *names: str, after: str | None = None, parent: str | None = None) -> ModelCard:
    """Publishes weights that tell the version that they are of."""
    number = float(max([0, *version_numbers(folder)]) + 1)
    facts = {"labels_used": 7, "val_images": ("a", "b"), "val_error": 10 - number, "unit": "px", "epochs": 3, "seed": 0}
    facts |= {"protocol": protocol_of(*(names or ("tip",))), "date": "2026-01-02T03:04:05+00:00", "parent": parent}
    return publish(folder, {"weight": torch.tensor([number])}, facts, after=after)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three versions, the third of which is current."""
    for _ in range(3):
        put(tmp_path / "tip")
    return tmp_path / "tip"


def listed(folder: Path, shipped: Path | None = None) -> list[tuple[str, bool, bool]]:
    """(name, current, whole) of each version."""
    return [(version.name, version.current, not version.problem) for version in versions(folder, shipped)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in (CARD, ROLLBACKS)}


def test_versions_are_listed_newest_first_with_their_cards(folder: Path) -> None:
    found = list(versions(folder))

    assert listed(folder) == [("v3", True, True), ("v2", False, True), ("v1", False, True)]
    assert [version.card and version.card.val_error for version in found] == [7.0, 8.0, 9.0]


def test_ten_follows_nine(folder: Path) -> None:
    put(folder, after="v9")

    assert [name for name, _, _ in listed(folder)] == ["v10", "v3", "v2", "v1"]


def test_every_rollback_that_changes_the_version_is_recorded(folder: Path) -> None:
    assert rollbacks(folder) == []
    roll_back(folder, by="ada")
    roll_back(folder, "v2")
    roll_back(folder, "v3")
    with (folder / ROLLBACKS).open("a") as stream:
        stream.write("half a li")

    assert [(record["from"], record["to"], record["by"]) for record in rollbacks(folder)] == [
        ("v3", "v2", "ada"),
        ("v2", "v3", None),
    ]


def test_going_back_and_forth_changes_the_card_alone(folder: Path) -> None:
    before = contents(folder)
    newest = (folder / CARD).read_bytes()

    assert roll_back(folder).name == "v2"
    assert read_card(folder).version == "v2"
    assert (folder / CARD).read_bytes() == (folder / "v2.json").read_bytes()
    assert listed(folder) == [("v3", False, True), ("v2", True, True), ("v1", False, True)]
    assert roll_back(folder).name == "v1"
    assert roll_back(folder, "v3").name == "v3"
    assert (folder / CARD).read_bytes() == newest
    assert contents(folder) == before


def test_numbers_go_on_above_all_after_a_rollback(folder: Path) -> None:
    roll_back(folder, "v1")

    assert put(folder, after="v1", parent="v1").version == "v4"
    assert [(name, current) for name, current, _ in listed(folder)] == [
        ("v4", True), ("v3", False), ("v2", False), ("v1", False),
    ]  # fmt: skip
    assert roll_back(folder).name == "v3"


def test_publishing_keeps_the_version_that_it_replaces_however_old_it_is(folder: Path) -> None:
    put(folder)
    put(folder)
    roll_back(folder, "v1")

    put(folder)
    assert version_numbers(folder) == [1, 3, 4, 5, 6]
    put(folder)
    assert version_numbers(folder) == [3, 4, 5, 6, 7]
    assert sorted(path.name for path in folder.glob("v*")) == sorted(
        f"v{number}.{kind}" for number in range(3, 8) for kind in ("json", "safetensors")
    )


def test_all_files_of_a_version_go_with_it(folder: Path) -> None:
    for number in (1, 11):
        (folder / f"v{number}.calibration.json").write_text("{}")
    assert [path.name for path in version_files(folder, 1)] == ["v1.calibration.json", "v1.json", "v1.safetensors"]

    for _ in range(3):
        put(folder, after="v11")

    assert version_files(folder, 1) == []
    assert [path.name for path in version_files(folder, 11)] == ["v11.calibration.json"]


def test_a_file_beside_a_version_is_no_version(folder: Path) -> None:
    (folder / "v2.calibration.json").write_text("{}")
    (folder / "vision.json").write_text("{}")

    assert [name for name, _, _ in listed(folder)] == ["v3", "v2", "v1"]


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("v9", "There is no version 'v9' of tip: there are v3, v2, v1."),
        ("3", "There is no version '3' of tip"),
        ("../v1", "There is no version '../v1' of tip"),
        (SHIPPED, "There is no version 'shipped' of tip"),
    ],
)
def test_an_unknown_version_is_refused(folder: Path, to: str, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        roll_back(folder, to)

    assert str(refused.value).startswith(sentence)
    assert read_card(folder).version == "v3"


def test_the_first_version_has_none_before_it(folder: Path) -> None:
    roll_back(folder, "v1")

    with pytest.raises(InputError, match=r"no version of tip before v1: choose another with --to, of v3, v2, v1\."):
        roll_back(folder)
    with pytest.raises(InputError, match="nothing was published there"):
        roll_back(folder.parent / "nose")


def test_a_damaged_version_is_never_made_current(folder: Path) -> None:
    weights = folder / "v2.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00\x00")
    (folder / "v1.safetensors").unlink()

    with pytest.raises(InputError, match=r"The version v2 cannot be used: .*are not those of their card \(SHA-256"):
        roll_back(folder)
    with pytest.raises(InputError, match=r"v1\.safetensors are missing"):
        roll_back(folder, "v1")

    assert listed(folder) == [("v3", True, True), ("v2", False, False), ("v1", False, False)]


def test_a_card_of_another_version_is_a_damage(folder: Path) -> None:
    shutil.copy(folder / "v1.json", folder / "v2.json")

    with pytest.raises(InputError, match=r"The version v2 cannot be used: .*v2\.json is that of v1"):
        roll_back(folder)


def test_a_card_with_an_option_that_is_gone_names_it(folder: Path) -> None:
    card = json.loads((folder / "v1.json").read_text())
    card["protocol"]["network"] = {"name": "zian", "backbone": "unet_small", "norm": "group"}
    (folder / "v1.json").write_text(json.dumps(card))

    where = r"protocol\.network\.\S*norm"
    with pytest.raises(InputError, match=rf"v1\.json is damaged \({where}: Input should be 'batch'\);"):
        read_card(folder, "v1")


def test_a_damaged_current_card_is_replaced_by_the_newest_version(folder: Path) -> None:
    (folder / CARD).write_text("{")

    assert [current for _, current, _ in listed(folder)] == [False] * 3
    assert roll_back(folder).name == "v3"
    assert read_card(folder).version == "v3"


def test_damaged_current_weights_do_not_hinder_the_way_back(folder: Path) -> None:
    (folder / "v3.safetensors").write_bytes(b"")

    assert listed(folder)[0] == ("v3", True, False)
    assert roll_back(folder).name == "v2"


def test_a_version_of_other_landmarks_is_refused(folder: Path) -> None:
    put(folder, "tip", "root")

    with pytest.raises(InputError, match="v3 finds tip, but the current v4 finds tip, root"):
        roll_back(folder)
    assert newest_whole_version(folder, ("tip",)) == "v3"
    assert newest_whole_version(folder, ("tip", "root")) == "v4"
    assert newest_whole_version(folder, ("nose",)) is None


def test_the_newest_whole_version_is_not_a_damaged_one(folder: Path) -> None:
    (folder / "v3.safetensors").write_bytes(b"")

    assert newest_whole_version(folder, ("tip",)) == "v2"


def test_the_shipped_model_and_the_way_back_from_it(folder: Path, tmp_path: Path) -> None:
    shipped = tmp_path / "pretrained" / "tip"
    put(shipped)
    own = contents(shipped)
    roll_back(folder, "v1", shipped)

    with pytest.raises(InputError, match="before v1: choose another with --to, of v3, v2, v1, shipped"):
        roll_back(folder, None, shipped)
    assert roll_back(folder, SHIPPED, shipped).name == SHIPPED
    assert not (folder / CARD).exists()
    assert listed(folder, shipped) == [
        ("v3", False, True), ("v2", False, True), ("v1", False, True), (SHIPPED, True, True),
    ]  # fmt: skip
    with pytest.raises(InputError, match="before shipped"):
        roll_back(folder, None, shipped)
    assert roll_back(folder, "v3", shipped).name == "v3"
    assert listed(folder, shipped)[-1] == (SHIPPED, False, True)
    assert contents(shipped) == own


def test_a_version_without_a_card_of_its_own_can_be_returned_to(folder: Path) -> None:
    (folder / "v3.json").unlink()

    assert listed(folder)[0] == ("v3", True, True)
    roll_back(folder)
    assert roll_back(folder, "v3").name == "v3"


def test_a_full_disk_leaves_the_current_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import monai_ext.models.model_versions as module

    def full(path: Path, data: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_atomically", full)
    with pytest.raises(OSError, match="No space left"):
        roll_back(folder)
    assert read_card(folder).version == "v3"
