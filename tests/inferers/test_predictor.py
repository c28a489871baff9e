"""The predictor against a network whose heatmaps are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from monai_ext.inferers import ImageBatch, Predictor, read_output
from monai_ext.landmarks import InputError, Protocol, Status
from monai_ext.landmarks.errors import ModelError
from monai_ext.landmarks.geometry import fit_matrix
from monai_ext.models import ModelCard
from monai_ext.networks import HeatmapOutput

WIDTH, HEIGHT = 90, 50


class BrightestSpot(nn.Module):
    """Answers the image itself as the logits of every landmark, so that the peak is the brightest place."""

    def __init__(self, presence: list[float]) -> None:
        super().__init__()
        self.presence = presence

    def forward(self, image: torch.Tensor) -> HeatmapOutput:
        k = len(self.presence)
        return HeatmapOutput(3 * image[:, :1].expand(-1, k, -1, -1), torch.tensor([self.presence]))


def protocol(k: int, **network) -> Protocol:
    return Protocol.model_validate(
        {
            "name": "spots",
            "title": "Spots",
            "channels": "grey",
            "landmarks": [{"name": f"spot_{i}", "description": "a spot"} for i in range(k)],
            "network": {"input_size": {"width": 128, "height": 96}} | network,
        }
    )


def predictor(presence: list[float], **network) -> Predictor:
    card = ModelCard(
        protocol=protocol(len(presence), **network),
        version="v9", weights="-", sha256="-", labels_used=1, val_images=(), val_error=1, unit="px", epochs=1, seed=0,
        date="-",
    )  # fmt: skip
    return Predictor(BrightestSpot(presence), card)


@pytest.mark.parametrize("center", [(30.3, 20.8), (3.2, 4.4), (86.1, 44.7), (86.5, 3.0)])
@pytest.mark.parametrize("k", [1, 19])
def test_points_come_back_in_original_pixels(tmp_path, center, k) -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    spot = 30 + 200 * np.exp(-((x - center[0]) ** 2 + (y - center[1]) ** 2) / (2 * 2.5**2))
    Image.fromarray(spot.round().astype(np.uint8)).save(tmp_path / "spot.png")

    landmarks = predictor([4.0] * k).predict(tmp_path / "spot.png")

    assert landmarks.names == tuple(f"spot_{i}" for i in range(k))
    assert landmarks.frame.size == (WIDTH, HEIGHT)
    np.testing.assert_allclose(landmarks.points, [center] * k, atol=0.15)
    assert (landmarks.status == Status.DEFINED).all()


def test_a_doubtful_presence_is_reported_as_missing_with_its_confidence(tmp_path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 90), np.uint8)).save(tmp_path / "a.png")
    logit = float(np.log(0.2 / 0.8))

    landmarks = predictor([5.0, logit]).predict(tmp_path / "a.png")

    assert landmarks.status.tolist() == [Status.DEFINED, Status.MISSING]
    assert landmarks.confidence[1] == pytest.approx(0.8, abs=1e-5)
    assert landmarks.point("spot_1") is None


def test_every_image_of_a_batch_has_its_own_map() -> None:
    task = protocol(1, decoder="gaussian_fit", sigma=2.0)
    task = task.model_copy(update={"recipe": task.recipe.model_copy(update={"loss": "mse"})})
    sizes = [(90, 50), (300, 400)]
    matrices = torch.stack([torch.from_numpy(fit_matrix(size, (128, 96))) for size in sizes])
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(128.0), indexing="ij")
    heatmaps = torch.exp(-((x - 60.25) ** 2 + (y - 41.5) ** 2) / 8).expand(2, 1, 96, 128)

    found = read_output(HeatmapOutput(heatmaps, None), ImageBatch(heatmaps, matrices, torch.tensor(sizes)), task)
    points, status, confidence = found.points, found.status, found.confidence
    assert found.coarse is None

    for i, (width, height) in enumerate(sizes):
        scale = min(128 / width, 96 / height)
        left, top = (128 - width * scale) / 2, (96 - height * scale) / 2
        expected = [(60.25 + 0.5 - left) / scale - 0.5, (41.5 + 0.5 - top) / scale - 0.5]
        np.testing.assert_allclose(points[i, 0], expected, atol=0.02)
    assert status.tolist() == [[1], [1]]
    assert (confidence > 0.9).all()


def test_a_peak_in_the_letterbox_answers_the_border_of_the_image() -> None:
    task = protocol(1, decoder="argmax")
    task = task.model_copy(update={"recipe": task.recipe.model_copy(update={"loss": "mse"})})
    matrix = torch.from_numpy(fit_matrix((90, 50), (128, 96)))[None]
    heatmaps = torch.zeros(1, 1, 96, 128)
    heatmaps[0, 0, 2, 64] = 1  # above the image, which begins at row 12

    points = read_output(
        HeatmapOutput(heatmaps, None), ImageBatch(heatmaps, matrix, torch.tensor([[90, 50]])), task
    ).points

    assert points[0, 0, 1] == -0.5
    assert 0 < points[0, 0, 0] < 90


def test_a_damaged_image_is_one_sentence(tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")

    with pytest.raises(InputError, match=r"a\.png"):
        predictor([1.0]).predict(tmp_path / "a.png")


def test_a_check_that_raises_ends_the_prediction_before_the_network(tmp_path) -> None:
    Image.fromarray(np.zeros((50, 90), np.uint8)).save(tmp_path / "a.png")
    served = predictor([1.0])
    seen: list[str] = []
    served.network.register_forward_pre_hook(lambda *_: seen.append("network"))

    def stop() -> None:
        seen.append("check")
        raise TimeoutError

    with pytest.raises(TimeoutError):
        served.predict_stages(tmp_path / "a.png", stop)
    assert seen == ["check"]

    served.predict_stages(tmp_path / "a.png", lambda: seen.append("check"))
    assert seen == ["check", "check", "network"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("part", ["heatmaps", "presence"])
def test_a_network_without_finite_values_gives_no_point(tmp_path, value, part) -> None:
    class Damaged(BrightestSpot):
        def forward(self, image: torch.Tensor) -> HeatmapOutput:
            output = super().forward(image)
            if part == "presence":
                return output._replace(presence=torch.tensor([[0.0, value]]))
            heatmaps = output.heatmaps.clone()
            heatmaps[0, 1, 5, 7] = value
            return output._replace(heatmaps=heatmaps)

    Image.fromarray(np.arange(WIDTH * HEIGHT, dtype=np.uint8).reshape(HEIGHT, WIDTH)).save(tmp_path / "spot.png")
    whole = predictor([4.0, 4.0])
    damaged = Predictor(Damaged([4.0, 4.0]), whole.card)
    with pytest.raises(ModelError, match=r"The model spots v9 answers spot\.png with values that are not finite"):
        damaged.predict(tmp_path / "spot.png")
    assert whole.predict(tmp_path / "spot.png").defined.all()
