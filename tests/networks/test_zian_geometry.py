from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from zian_case import VARIANTS, backbone, config_of, read_off

from monai_ext.networks.zian import ZIAN, ZianOutput

HEIGHT, WIDTH = 130, 210
#: Where on the fused features those of the coarse image and of the two regions begin.
AROUND, REGION_A, REGION_B = 0, 16, 32


def position_image(height: int = HEIGHT, width: int = WIDTH) -> torch.Tensor:
    """(1, 2, H, W): every pixel holds its own x and y."""
    x, y = torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy")
    return torch.stack([x, y])[None].float()


class Draws(nn.Module):
    """Reads where it looks off one pixel of a position image, and draws a Gaussian at each of its targets."""

    def __init__(self, targets: torch.Tensor, scale: int) -> None:
        super().__init__()
        self.targets, self.scale = targets, scale

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        height, width = image.shape[2:]
        # The middle of a region, and the first pixel of the coarse image, are not padding.
        row, column = (0, 0) if self.scale == 4 else (height // 2 - 1, width // 2 - 1)
        cells = position_image(height, width) - torch.tensor([column, row])[:, None, None]
        places = image[:, :, row, column, None, None] + cells * self.scale
        distance = (places[:, None] - self.targets[None, :, :, None, None]).square().sum(2)
        drawn = torch.exp(-distance / (2 * (2 * self.scale) ** 2))
        return F.pad(drawn, (0, 0, 0, 0, 0, 16 - drawn.shape[1]))


def drawing_network(targets: torch.Tensor, source: int = REGION_A) -> ZIAN:
    """A network whose fine heatmaps are what is drawn on one part of the fused features."""
    scales = iter([4, 1, 2])
    number = len(targets)
    network = ZIAN(lambda: Draws(targets, next(scales)), number, config_of("mr+sa")).eval()
    network.fusion = None
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for layer in network.fine_head.layers:
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.fill_(1)
        convolutions = [layer for layer in network.fine_head.layers if isinstance(layer, nn.Conv2d)]
        convolutions[0].weight[range(48), range(48), 1, 1] = 1
        convolutions[1].weight[range(16), range(source, source + 16), 1, 1] = 1
        for head in (network.coarse_head, network.fine_head.heatmaps):
            head.conv.weight[range(number), range(number)] = 1
    return network


BORDER_POINTS = [
    [0.0, 0.0], [-0.3, 64.2], [WIDTH - 1.0, HEIGHT - 1.0], [WIDTH - 0.7, 3.3], [100.49, HEIGHT - 0.6], [1.7, 128.2],
]  # fmt: skip
INNER_POINTS = [[101.25, 57.75], [50.0, 80.0], [33.49, 96.51], [160.1, 20.9]]


@pytest.mark.parametrize("method", ["gaussian_fit", "dark"])
@pytest.mark.parametrize("points", [BORDER_POINTS, INNER_POINTS, INNER_POINTS[:1]])
def test_a_known_point_comes_back(method: str, points: list[list[float]]) -> None:
    targets = torch.tensor(points)

    stages = drawing_network(targets)(position_image()).stages

    coarse, fine = (read_off(stage, method) for stage in (stages[0], stages[-1]))
    assert float((fine.points[0].detach() - targets).abs().max()) < 0.05
    assert float((coarse.points[0] - targets).abs().max()) < 0.05
    assert float(fine.confidence.min()) > 0.85
    if method == "gaussian_fit":
        expected = 4 * torch.eye(2).expand(len(points), 2, 2)
        torch.testing.assert_close(fine.covariance[0], expected, atol=0.02, rtol=0)


@pytest.mark.parametrize("source", [AROUND, REGION_B])
def test_a_point_drawn_on_an_enlarged_map_comes_back(source: int) -> None:
    targets = torch.tensor(INNER_POINTS)

    fine = read_off(drawing_network(targets, source)(position_image()).stages[-1])

    assert float((fine.points[0] - targets).abs().max()) < 0.15


def test_an_image_smaller_than_a_region() -> None:
    targets = torch.tensor([[12.25, 3.75]])

    fine = read_off(drawing_network(targets)(position_image(9, 22)).stages[-1])

    assert float((fine.points[0] - targets).abs().max()) < 0.05


class Shows(nn.Module):
    """Puts the two channels of the image first among 16 features."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return F.pad(image, (0, 0, 0, 0, 0, 14))


class Enlarges(nn.Module):
    """Stands for the co-attention: enlarges both maps alone."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> list[torch.Tensor]:
        return [F.interpolate(m, scale_factor=4.0, mode="bilinear", align_corners=False) for m in (a, b)]


@pytest.mark.parametrize("row", ["mr+sa", "zian"])
def test_the_fused_maps_lie_on_each_other_and_on_the_fine_heatmap(row: str) -> None:
    network = ZIAN(Shows, 3, config_of(row)).eval()
    network.fusion = None
    if row == "zian":
        network.co_attention = Enlarges()
    seen = []
    network.fine_head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))

    output = network(position_image(), torch.tensor([[[101.5, 57.5], [60.2, 64.9], [140.0, 70.0]]]))

    # Two cells at the edge of an enlarged map repeat the outermost ones.
    inner = slice(2, -2)
    cells = position_image(32, 32)[0].permute(1, 2, 0).reshape(1, -1, 2)
    for k in range(3):
        frame = output.fine_frame
        places = (frame.origin[:, k, None] + (cells + 0.5) * frame.scale - 0.5).reshape(32, 32, 2).permute(2, 0, 1)
        for part in (AROUND, REGION_A, REGION_B):
            shown = seen[0][k, part : part + 2, inner, inner]
            torch.testing.assert_close(shown, places[:, inner, inner], atol=2e-3, rtol=0)


def symmetric(network: ZIAN) -> ZIAN:
    """Makes every kernel equal to its turned and mirrored selves, and the norms and gates not trivial."""
    torch.manual_seed(5)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                turned = [module.weight.rot90(turns, (2, 3)) for turns in range(4)]
                module.weight.copy_((sum(turned) + sum(t.mT for t in turned)) / 8)
            if isinstance(module, nn.BatchNorm2d):
                module.running_var.uniform_(0.5, 1.5)
                module.running_mean.uniform_(-0.2, 0.2)
    return network.eval()


def noise(height: int, width: int) -> torch.Tensor:
    return torch.rand(1, 2, height, width, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("variant", ["1roi+sa", "mr+sa", "weight and gate", "shared backbone"])
@pytest.mark.parametrize("turn", ["mirror", "upside down", "transpose"])
def test_turning_or_mirroring_the_image_does_so_to_the_answer(variant: str, turn: str) -> None:
    torch.manual_seed(0)
    row, options = VARIANTS[variant]
    network = symmetric(ZIAN(backbone, 2, config_of(row, **options)))
    image = noise(128, 256)
    turned = {
        "mirror": lambda maps: maps.flip(-1),
        "upside down": lambda maps: maps.flip(-2),
        "transpose": lambda maps: maps.mT,
    }[turn]

    with torch.no_grad():
        plain, other = network(image), network(turned(image).contiguous())

    def near(ours: torch.Tensor, theirs: torch.Tensor) -> None:
        torch.testing.assert_close(ours, turned(theirs), atol=1e-5 * float(theirs.abs().max()) + 1e-6, rtol=1e-3)

    near(other.coarse, plain.coarse)
    near(other.roi, plain.roi)
    near(other.fine, plain.fine)
    assert torch.equal(middles(other), turned_points(middles(plain), turn, (256, 128)))
    assert len(set(middles(plain)[0, :, 0].tolist())) == 2
    points, expected = (read_off(network(x).stages[-1]).points for x in (turned(image).contiguous(), image))
    torch.testing.assert_close(points, turned_points(expected, turn, (256, 128)), atol=2e-2, rtol=0)


def middles(output: ZianOutput) -> torch.Tensor:
    return output.fine_frame.to_image(torch.tensor([15.5, 15.5]))


def turned_points(points: torch.Tensor, turn: str, size: tuple[int, int]) -> torch.Tensor:
    x, y = points.unbind(-1)
    if turn == "mirror":
        return torch.stack([size[0] - 1 - x, y], -1)
    if turn == "upside down":
        return torch.stack([x, size[1] - 1 - y], -1)
    return torch.stack([y, x], -1)
