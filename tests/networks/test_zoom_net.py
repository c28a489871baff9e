"""The network that looks twice: windows in place to a fraction of a pixel, about what was found, and what it learns."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_ext.landmarks import ZoomNetConfig
from monai_ext.networks.output import HeatmapOutput
from monai_ext.networks.zoom_net import WindowFrame, ZoomNet, draw_windows


class Seen(nn.Module):
    """Answers with what it sees: channel k is the heatmap of landmark k."""

    stride = 1

    def forward(self, image: torch.Tensor) -> HeatmapOutput:
        self.size = tuple(image.shape[2:])
        return HeatmapOutput(image, image.amax((2, 3)), 1)


def blobs(points: list[list[float]], size_wh: tuple[int, int], sigma: float = 2.0) -> torch.Tensor:
    """(1, K, H, W) a Gaussian about each point (x, y)."""
    x, y = torch.arange(size_wh[0]), torch.arange(size_wh[1])[:, None]
    return torch.stack([torch.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * sigma**2)) for u, v in points])[None]


def test_a_window_is_drawn_where_its_frame_says() -> None:
    """A linear image keeps its values under bilinear samples and means: each cell holds that of its place."""
    x, y = torch.arange(70.0), torch.arange(50.0)[:, None]
    image = (3 * x + 7 * y)[None, None].repeat(2, 1, 1, 1)
    windows = torch.tensor([[4.3, 9.1, 31.7], [20.0, 1.0, 16.0]])

    drawn = draw_windows(image, windows, 32)

    frame = WindowFrame(windows[:, None, :2], windows[:, None, 2:] / 32)
    cells = torch.tensor([[0.0, 0.0], [31.0, 0.0], [5.0, 17.0], [31.0, 31.0]])
    places = frame.to_image(cells.repeat(2, 1, 1))
    columns, rows = cells.long().unbind(-1)
    torch.testing.assert_close(drawn[:, 0, rows, columns], 3 * places[..., 0] + 7 * places[..., 1], rtol=0, atol=1e-3)
    torch.testing.assert_close(frame.from_image(places), cells.repeat(2, 1, 1), rtol=0, atol=1e-4)
    assert places[1, 0].tolist() == [19.75, 0.75]  # cells of half a pixel, from the left edge of pixel 20 at 19.5


def test_a_window_beyond_the_image_repeats_its_border() -> None:
    image = torch.arange(12.0).reshape(1, 1, 3, 4)
    drawn = draw_windows(image, torch.tensor([[-8.0, -8.0, 8.0]]), 4)
    assert drawn.unique().tolist() == [0.0]


@pytest.mark.parametrize("looks", [1, 3])
def test_the_answer_is_that_of_a_window_about_what_was_found(looks: int) -> None:
    points = [[310.3, 120.6], [334.9, 118.2], [321.4, 141.7]]
    seen = Seen()
    network = ZoomNet(seen, ZoomNetConfig(window=64, margin=2.0, looks=looks)).eval()  # type: ignore[arg-type]

    output = network(blobs(points, (500, 300)))

    coarse, fine = output.stages
    assert coarse.heatmaps.shape == (1, 3, 38, 63)  # 8 pixels a cell: 500 / 64, rounded up
    assert fine.heatmaps.shape == (1, 3, 64, 64)
    width, height = coarse.frame.from_image(torch.tensor([[[499.5, 299.5]]]))[0, 0].tolist()
    assert (width, height) == (62.0, 37.0)
    side = float(fine.frame.scale[0, 0, 0]) * 64
    if looks > 1:  # the longer side of the box is 24.6 pixels; its ends are known to half a cell
        assert side == pytest.approx(2 * 24.6, abs=2 * float(fine.frame.scale[0, 0, 0]))
    else:  # by cells of 8 pixels
        assert 2 * (24.6 - 8) <= side <= 2 * (24.6 + 8)
    maps = fine.heatmaps.flatten(2)
    cells = torch.stack([maps.argmax(-1) % 64, maps.argmax(-1) // 64], -1).float()
    found = fine.frame.to_image(cells)[0]
    torch.testing.assert_close(found, torch.tensor(points), rtol=0, atol=0.75 * float(fine.frame.scale[0, 0, 0]))
    torch.testing.assert_close(output.presence, fine.heatmaps.amax((2, 3)))


def test_windows_of_training_hold_the_points_and_vary_as_stated() -> None:
    torch.manual_seed(0)
    network = ZoomNet(Seen(), ZoomNetConfig(margin=1.6, jitter=0.2))  # type: ignore[arg-type]
    points = torch.tensor([[40.0, 30.0], [90.0, 50.0], [60.0, 110.0], [500.0, 500.0]]).repeat(2000, 1, 1)
    status = torch.tensor([1, 1, 1, -1]).repeat(2000, 1)

    windows = network.training_arguments(torch.zeros(1), points, status)["windows"]

    side = 1.6 * 80
    assert windows[:, 2].min() == pytest.approx(side * 0.8187, rel=0.01)
    assert windows[:, 2].max() == pytest.approx(side * 1.2214, rel=0.01)
    middle = windows[:, :2] + windows[:, 2:] / 2 - 0.5
    moved = (middle - torch.tensor([65.0, 70.0])).abs().amax(0)
    torch.testing.assert_close(moved, torch.full((2,), 0.1 * side), rtol=0.01, atol=0)


@pytest.mark.parametrize("status", [[0, 0], [-1, 1], [0, -1]])
def test_without_two_points_the_network_looks_where_it_would(status: list[int]) -> None:
    network = ZoomNet(Seen(), ZoomNetConfig(window=64, looks=1)).eval()  # type: ignore[arg-type]
    image = blobs([[30.0, 20.0], [50.0, 44.0]], (100, 80))
    arguments = network.training_arguments(image, torch.full((1, 2, 2), 9.0), torch.tensor([status]))
    assert arguments["windows"].isnan().all()
    torch.testing.assert_close(network(image, **arguments).fine, network(image).fine)


@pytest.mark.parametrize("landmarks", [1, 19])
def test_every_parameter_learns_and_one_landmark_has_a_smallest_window(landmarks: int) -> None:
    torch.manual_seed(0)
    config = ZoomNetConfig(backbone="resnet10", decoder_channels=8, window=32)
    network = ZoomNet.from_config(config, 1, landmarks)
    image, points = torch.randn(2, 1, 70, 90), torch.rand(2, landmarks, 2) * 60

    output = network(image, **network.training_arguments(image, points, torch.ones(2, landmarks)))
    (sum(stage.heatmaps.square().mean() for stage in output.stages) + output.presence.square().mean()).backward()

    assert [name for name, p in network.named_parameters() if p.grad is None] == []
    assert output.presence.shape == (2, landmarks)
    assert output.fine.shape == (2, landmarks, 16, 16)
    assert float(output.fine_frame.scale.min()) >= 8 / 16


class FarSighted(nn.Module):
    """Sees points whose box takes at most 0.8 of the width that it is shown; takes a corner for any others."""

    stride = 1

    def forward(self, image: torch.Tensor) -> HeatmapOutput:
        columns = (image > 0.5).any(2).any(1)
        places = torch.arange(image.shape[3]).expand_as(columns)
        low = torch.where(columns, places, image.shape[3]).amin(1)
        spread = (torch.where(columns, places, -1).amax(1) - low + 1) / image.shape[3]
        seen = (spread > 0) & (spread <= 0.8)
        corner = torch.zeros_like(image)
        corner[:, 0, 2, 2] = corner[:, 1, 2, 6] = corner[:, 2, 6, 4] = 1
        maps = torch.where(seen[:, None, None, None], image, corner)
        return HeatmapOutput(maps, torch.where(seen, 5.0 - spread, -5.0)[:, None].expand(-1, image.shape[1]), 1)


def test_an_object_that_the_first_look_misses_is_found_in_the_image_made_smaller() -> None:
    """Of two images only the second one's object is too large for the first look; each goes on from its own window."""
    small = [[210.0, 100.0], [290.0, 110.0], [250.0, 190.0]]
    large = [[40.0, 130.0], [460.0, 150.0], [250.0, 280.0]]
    image = torch.cat([blobs(small, (500, 300), 8.0), blobs(large, (500, 300), 20.0)])
    options = {"window": 64, "margin": 1.6, "looks": 2}
    once = ZoomNet(FarSighted(), ZoomNetConfig(**options)).eval()  # type: ignore[arg-type]
    often = ZoomNet(FarSighted(), ZoomNetConfig(**options, shrunk=(0.7, 0.4))).eval()  # type: ignore[arg-type]

    missed, found = once(image), often(image)

    torch.testing.assert_close(missed.coarse, found.coarse)
    assert missed.presence[:, 0].sign().tolist() == [1, -1]
    assert found.presence[:, 0].sign().tolist() == [1, 1]
    maps = found.fine.flatten(2)
    cells = torch.stack([maps.argmax(-1) % 64, maps.argmax(-1) // 64], -1).float()
    places = found.fine_frame.to_image(cells)
    for k, points in enumerate((small, large)):
        reach = 0.75 * float(found.fine_frame.scale[k, 0, 0])
        torch.testing.assert_close(places[k], torch.tensor(points), rtol=0, atol=reach)
    box = found.fine_frame.scale[:, 0, 0] * 64 / 1.6
    torch.testing.assert_close(box, torch.tensor([90.0, 420.0]), rtol=0.06, atol=0)


def test_windows_are_chosen_by_presence_with_a_look_to_spare() -> None:
    for options in ({"presence": False}, {"looks": 1}):
        with pytest.raises(ValueError, match="shrunk chooses among windows by presence"):
            ZoomNetConfig(shrunk=(0.5,), **options)
