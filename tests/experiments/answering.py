"""A stand-in for trained models: every answer lies a fixed step from the truth."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from monai_ext.experiments import ablation, cell_folder, cross_validation, simulation
from monai_ext.images import read_frame
from monai_ext.landmarks import Frame, Landmarks, Protocol, write_json_atomically, write_markups
from monai_ext.models import CARD
from monai_ext.studies import Studies

NAMES = ("bright", "dark")
SIZE = (400, 300)
#: From the truth to an answer, in pixels along x and y: 5 px.
STEP = (3.0, 4.0)

PROTOCOL = Protocol.model_validate(
    {
        "name": "blobs",
        "title": "Blobs",
        "channels": "grey",
        "landmarks": [{"name": name, "description": name} for name in NAMES],
        "network": {"decoder_channels": [16, 12, 8, 8, 8], "input_size": {"width": 64, "height": 64}},
        "recipe": {"max_epochs": 2, "batch_size": 2},
    }
)


class Blobs:
    """Labelled images and the models that answer them.

    Args:
        root: folder of the studies.
        count: of the images ``i0``, ``i1``, ...
        missing: (image, landmark) indices of landmarks that are truly missing, and rightly called so.
    """

    def __init__(self, root: Path, count: int = 6, missing: frozenset[tuple[int, int]] = frozenset()) -> None:
        rng = np.random.default_rng(0)
        root.mkdir(parents=True)
        self.studies = Studies(root)
        self.points = {f"i{i}": rng.uniform(50, 250, (2, 2)) for i in range(count)}
        self.status = {f"i{i}": [int((i, k) not in missing) for k in range(2)] for i in range(count)}
        for image, points in self.points.items():
            Image.fromarray(rng.integers(0, 255, SIZE[::-1], dtype=np.uint8)).save(root / f"{image}.png")
            label = Landmarks(NAMES, points, Frame(*SIZE), self.status[image])
            write_markups(self.studies.label_path(image), label)

    def calibrate(self, size: tuple[float, float], *images: str) -> None:
        """States the millimetres per pixel along x and y of some images, or of all."""
        sizes = {image: {"mm_per_px": list(size)} for image in images or self.points}
        write_json_atomically(self.studies.root / "calibration.json", sizes)

    def answer_in(self, patch: pytest.MonkeyPatch) -> None:
        """Puts the stand-in where series train and load their models."""

        def train(protocol: Protocol, images: object, folder: Path, options: object, **more: object) -> object:
            write_json_atomically(folder / CARD, {})
            return SimpleNamespace(epochs=1, val_error=5.0, unit="px", history=[], card=object())

        def predict(path: Path, decoders: tuple[str, ...]) -> dict[str, object]:
            image = Path(path).stem
            found = Landmarks(NAMES, self.points[image] + STEP, read_frame(path), self.status[image])
            return dict.fromkeys(decoders, SimpleNamespace(landmarks=found, coarse=None))

        model = SimpleNamespace(protocol=PROTOCOL, version="v1", predict_decoders=predict)
        patch.setattr(cell_folder, "train_model", train)
        for series in (ablation, cross_validation, simulation):
            patch.setattr(series, "Predictor", SimpleNamespace(load=lambda *args: model))
