"""Files of sources: what they say of themselves, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from cross_task_case import source
from pydantic import ValidationError
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torchvision import models

from monai_ext.landmarks import InputError
from monai_ext.networks.cross_task import SourceCard, read_source, write_source

CARD = SourceCard(
    architecture="resnet18",
    normalization="image",
    in_channels=3,
    num_classes=5,
    class_names=("Ada", "Björk", "Chen", "Dora", "Eli"),
    trained_on="Five people, 20 images each.",
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sources") / "faces.safetensors"
    write_source(path, source().state_dict(), CARD)
    return path


@pytest.fixture(scope="module")
def torchvision_state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return models.resnet18(num_classes=5).state_dict()


def test_a_source_comes_back_with_its_card(own: Path) -> None:
    found, report = read_source(own)
    wanted = source()
    assert report.card == CARD
    assert (report.missing, report.unexpected, report.changes) == ((), (), ())
    state = found.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in wanted.state_dict().items())
    assert (found.architecture, found.normalization, found.num_classes) == ("resnet18", "image", 5)
    assert not any(parameter.requires_grad for parameter in found.parameters())
    assert not found.training


def test_the_file_is_torchvisions_state_dict_with_metadata(own: Path) -> None:
    models.resnet18(num_classes=5).load_state_dict(load_file(own))
    with safe_open(own, framework="pt") as file:
        metadata = file.metadata()
    assert metadata["architecture"] == "resnet18"
    assert metadata["normalization"] == "image"
    assert metadata["num_classes"] == "5"
    assert json.loads(metadata["class_names"]) == list(CARD.class_names)
    assert metadata["trained_on"] == "Five people, 20 images each."


def test_torchvisions_state_dict_can_be_written(tmp_path: Path, torchvision_state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "s.safetensors"
    write_source(path, torchvision_state, CARD)
    found, _ = read_source(path, "image")
    assert found.head is not None
    assert torch.equal(found.head.fc.weight, torchvision_state["fc.weight"])
    assert torch.equal(found.encoder.layer3[1].bn2.running_var, torchvision_state["layer3.1.bn2.running_var"])


def test_vggface2_weights_are_not_changed_twice(tmp_path: Path, torchvision_state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "s.safetensors"
    card = CARD.model_copy(update={"normalization": "vggface2"})
    write_source(path, torchvision_state, card)
    found, report = read_source(path)
    assert torch.equal(found.encoder.conv1.weight, torchvision_state["conv1.weight"])
    assert report.changes == ()


def test_another_normalisation_is_refused(own: Path) -> None:
    with pytest.raises(InputError, match="normalisation 'image', not 'imagenet'") as caught:
        read_source(own, "imagenet")
    assert str(own) in str(caught.value)


@torch.inference_mode()
def test_grey_gives_what_three_equal_channels_gave(own: Path) -> None:
    colour, (grey, report) = read_source(own)[0].double(), read_source(own, in_channels=1)
    image = torch.randn(1, 1, 64, 96, dtype=torch.float64)
    found, wanted = grey.double()(image), colour(image.expand(1, 3, 64, 96))
    torch.testing.assert_close(found.logits, wanted.logits, rtol=1e-5, atol=1e-5)
    assert report.card.in_channels == 1
    assert any("added up" in change for change in report.changes)
    with pytest.raises(InputError, match="3 channels, not 2"):
        read_source(own, in_channels=2)


def test_weights_from_elsewhere_need_a_normalisation(
    tmp_path: Path, torchvision_state: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "w.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in torchvision_state.items()}, path, {"format": "pt"})
    for unknown in (None, "image"):
        with pytest.raises(
            InputError, match=r"do not say .* one of imagenet, efficientnet-lite, radimagenet, vggface2, dlib"
        ):
            read_source(path, unknown)
    with pytest.raises(InputError, match="Unknown normalisation 'caffe'"):
        read_source(path, "caffe")
    found, report = read_source(path, "imagenet")
    assert (found.num_classes, report.card.trained_on) == (5, "")


def test_wrong_weights_are_refused(tmp_path: Path, torchvision_state: dict[str, torch.Tensor]) -> None:
    good = torchvision_state
    path = tmp_path / "w.pth"
    headless = {name: tensor for name, tensor in good.items() if not name.startswith("fc.")}
    for state, message in [
        ({"features.0.weight": torch.ones(2)}, r"no first convolution of 7 x 7 .*'features.0.weight'"),
        ({**good, "conv1.weight": torch.ones(64, 3, 3, 3)}, "no first convolution of 7 x 7"),
        ({k: v for k, v in good.items() if k != "layer2.0.bn1.bias"}, "they lack 1 of its 102 .*'layer2.0.bn1.bias'"),
        ({**good, "layer2.0.se.weight": torch.ones(1)}, "1 tensors that it has not, first 'layer2.0.se.weight'"),
        ({**headless, "fc.bias": torch.ones(5)}, "only 'fc.bias' of the classifier"),
        ({**good, "fc.weight": torch.ones(5, 7)}, r"'fc.weight' is \(5, 7\) and has to be \(5, 512\)"),
        ({**good, "bn1.bias": torch.full((64,), torch.nan)}, "'bn1.bias' has values that are not finite"),
    ]:
        torch.save(state, path)
        with pytest.raises(InputError, match=message) as caught:
            read_source(path, "imagenet")
        assert str(path) in str(caught.value)


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        read_source(tmp_path / "absent.pth", "imagenet")
    (tmp_path / "model.onnx").write_bytes(b"x")
    with pytest.raises(InputError, match="no known format"):
        read_source(tmp_path / "model.onnx", "imagenet")
    (tmp_path / "bad.safetensors").write_bytes(b"not tensors")
    with pytest.raises(InputError, match="cannot be read"):
        read_source(tmp_path / "bad.safetensors")


def test_a_damaged_card_is_refused(tmp_path: Path, torchvision_state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "s.safetensors"
    tensors = {"conv1.weight": torchvision_state["conv1.weight"].contiguous()}
    for change, message in [
        ({"architecture": "lenet"}, "'lenet' is none of"),
        ({"architecture": "convnext_atto"}, "convnext_atto gives maps at 1/4, 1/8"),
        ({"num_classes": "five"}, "Expecting value"),
        ({"class_names": '["Ada"]'}, "1 class names for 5 classes"),
        ({"normalization": "bgr"}, "Unknown normalisation 'bgr'"),
    ]:
        save_file(tensors, path, {**CARD.metadata(), **change})
        with pytest.raises(InputError, match=message):
            read_source(path)


def test_what_cannot_be_read_is_not_written(tmp_path: Path, torchvision_state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "s.safetensors"
    with pytest.raises(InputError, match=r"\.safetensors file, not as 's.pth'"):
        write_source(tmp_path / "s.pth", torchvision_state, CARD)
    with pytest.raises(InputError, match=r"'fc.weight' is \(5, 512\) and has to be \(6, 512\)"):
        write_source(path, torchvision_state, CARD.model_copy(update={"num_classes": 6, "class_names": ()}))
    with pytest.raises(InputError, match="not finite"):
        write_source(path, {**torchvision_state, "fc.bias": torch.full((5,), torch.inf)}, CARD)
    with pytest.raises(ValidationError, match="2 class names for 5 classes"):
        SourceCard(**{**CARD.model_dump(), "class_names": ("a", "b")})
    assert list(tmp_path.iterdir()) == []
