"""A network, a loss and a transform of a module outside the package, as docs/extending.md has them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Frame, InputError, Landmarks, Protocol, plugins, write_markups
from monai_ext.landmarks.network_config import NETWORKS
from monai_ext.landmarks.plugins import GROUP, VARIABLE, load_plugins
from monai_ext.landmarks.protocol_file import read_protocol
from monai_ext.landmarks.recipe import LOSSES, TRANSFORMS, Augmentation
from monai_ext.losses import build_training_loss, register_loss
from monai_ext.losses.heatmap_loss import _CLASSES
from monai_ext.losses.mse import SummedMSELoss
from monai_ext.networks import LandmarkNetwork, NetworkConfig, build_network, register_network
from monai_ext.studies import Studies
from monai_ext.transforms.pipeline import training_transforms

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
MODULE, ASKED = (re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[1] for kind in ("python", "yaml"))
HEAD = "name: task\ntitle: Task\nchannels: grey\nlandmarks:\n  - {name: a, description: a}\n"


@pytest.fixture
def protocol_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The page's protocol beside its module, which the environment names; nothing stays registered."""
    (tmp_path / "spots.py").write_text(MODULE)
    (tmp_path / "task.yaml").write_text(HEAD + ASKED)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv(VARIABLE, " spots ,")
    load_plugins.cache_clear()
    yield tmp_path / "task.yaml"
    load_plugins.cache_clear()
    sys.modules.pop("spots", None)
    for registry in (NETWORKS, LOSSES, TRANSFORMS, _CLASSES):
        for name in ("spots", "absolute", "negative"):
            registry.pop(name, None)


def labelled_study(root: Path) -> Studies:
    studies = Studies(root)
    for index in range(4):
        point = np.array([[20.0 + 10 * index, 30.0]])
        y, x = np.mgrid[:64, :96]
        spot = 200 * np.exp(-((x - point[0, 0]) ** 2 + (y - 30) ** 2) / 18)
        Image.fromarray(spot.astype(np.uint8)).save(root / f"image_{index}.png")
        write_markups(studies.label_path(f"image_{index}"), Landmarks(("a",), point, Frame(96, 64), [1]))
    return studies


def test_a_step_of_training_uses_all_three_and_the_model_answers(protocol_file: Path, tmp_path: Path) -> None:
    protocol = read_protocol(protocol_file)
    root = tmp_path / "studies"
    root.mkdir()
    images = labelled_images(labelled_study(root))

    result = train_model(protocol, images, tmp_path / "task", TrainOptions(max_epochs=1, epoch_steps=1))

    predictor = Predictor.load(tmp_path / "task")
    assert (result.card.version, predictor.protocol.network.features) == ("v1", 8)
    assert type(predictor.network).__name__ == "Spots"
    assert protocol == Protocol.model_validate_json(protocol.model_dump_json())
    assert predictor.protocol.network == protocol.network
    assert predictor.protocol.recipe.augmentation == protocol.recipe.augmentation
    assert predictor.predict(images[0].image).points.shape == (1, 2)
    assert any(type(step).__name__ == "RandNegatived" for step in training_transforms(protocol).transforms)


def test_the_networks_parameters_and_loss_are_those_of_the_module(protocol_file: Path) -> None:
    protocol = read_protocol(protocol_file)
    network = build_network(protocol)
    image, point = torch.zeros(1, 1, 64, 96), torch.tensor([[[200.0, 0.0]]])
    output = network(image)

    loss = build_training_loss(protocol)(output, point, torch.zeros(1, 1))  # missing: its target is nothing

    assert sum(p.numel() for p in network.parameters()) == 8 * 81 + 8 + 8 * 81 + 1
    torch.testing.assert_close(loss, output.heatmaps.abs().mean())
    assert network.deepest_part() is network.encoder


def test_an_installed_package_names_its_modules(protocol_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [EntryPoint("s", "spots", group)])

    assert read_protocol(protocol_file).network.name == "spots"
    assert GROUP in PAGE


@pytest.mark.parametrize(
    ("change", "line", "reason"),
    [
        (("features: 8", "features: 0"), 6, r"network\.features: .*\(got 0\)"),
        (("features: 8", "feature: 8"), 6, r"the key 'network\.feature' is unknown"),
        (("name: spots", "name: dots"), 6, r"network\.name: unknown network 'dots'; use one of .*'spots', or load"),
        (("absolute", "l1"), 8, r"recipe\.loss: unknown loss 'l1'; use one of .*, 'absolute', or load"),
        (("0.3", "3"), 11, r"recipe\.augmentation\.further\.0\.probability: .*\(got 3\)"),
        (("negative", "positive"), 11, r"recipe\.augmentation\.further\.0\.name: unknown transform 'positive'"),
    ],
)
def test_mistakes_are_refused_with_their_line(protocol_file: Path, change, line: int, reason: str) -> None:
    text = protocol_file.read_text()
    protocol_file.write_text(text.replace(*change))
    with pytest.raises(InputError, match=rf"line {line}: {reason}"):
        read_protocol(protocol_file)


def test_without_its_module_a_protocol_is_refused(protocol_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(InputError, match=r"line 6: network\.name: unknown network 'spots'; .* load the plug-in"):
        read_protocol(protocol_file)


def test_a_module_that_fails_is_named(protocol_file: Path) -> None:
    protocol_file.with_name("spots.py").write_text("import no_such_library")
    reason = r"The plug-in spots cannot be loaded \(ModuleNotFoundError: .*no_such_library'\).*[^.]\.$"
    with pytest.raises(InputError, match=reason):
        read_protocol(protocol_file)


def test_names_are_given_and_stand_for_one_thing() -> None:
    with pytest.raises(InputError, match="There is a loss 'mse' already"):
        register_loss("mse")(SummedMSELoss)
    with pytest.raises(InputError, match="The options NetworkConfig need a name of their own"):
        register_network(NetworkConfig)(LandmarkNetwork)


def test_documents_without_plugins_are_as_before() -> None:
    assert "further" not in Augmentation().model_dump()
    assert "further" not in Augmentation().model_dump_json()


def test_protocols_of_the_package_are_read_without_torch() -> None:
    code = (
        "import sys\nfrom monai_ext.landmarks.protocol_file import read_protocols, shipped_dir\n"
        "names = {p.network.name for p in read_protocols([shipped_dir('protocols')]).values()}\n"
        "print(sorted(names), 'torch' in sys.modules, 'monai' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "['heatmap_net', 'zian', 'zoom_net'] False False\n"
