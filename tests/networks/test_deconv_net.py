"""The deconvolution network: size, first weights, and that its cells lie where they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cross_task_case import detector, source
from torch import nn
from torchvision import models

from monai_ext.landmarks import InputError
from monai_ext.networks import DeconvNet


@pytest.fixture(scope="module")
def network() -> DeconvNet:
    torch.manual_seed(0)
    made = DeconvNet(1, 2, "resnet18", presence=True).eval()
    nn.init.normal_(made.heatmap_head.weight)
    return made


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_of_the_paper() -> None:
    with torch.device("meta"):
        made = DeconvNet(3, 14, "resnet50")
    assert [count(part) for part in (made.encoder, made.decoder, made.heatmap_head)] == [23_508_032, 10_487_296, 3_598]
    assert count(made) == 23_508_032 + 10_487_296 + 3_598


@pytest.mark.parametrize(("name", "tensors"), [("resnet18", 120), ("resnet50", 318)])
@torch.inference_mode()
def test_models_of_earlier_versions_fit(name: str, tensors: int) -> None:
    """Their encoders were torchvision's ResNets without the classifier."""
    torch.manual_seed(0)
    reference = models.get_model(name).eval()
    for module in reference.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.weight.uniform_(0.3, 0.6)
    earlier = {f"encoder.{n}": t for n, t in reference.state_dict().items() if not n.startswith("fc.")}
    assert len(earlier) == tensors
    made = DeconvNet(3, 2, name).eval()
    own = made.state_dict()
    assert earlier.keys() == {n for n in own if n.startswith("encoder.")}
    made.load_state_dict({**own, **earlier})
    image = torch.randn(1, 3, 64, 96)
    reference.avgpool, reference.fc = nn.Identity(), nn.Identity()
    wanted = reference(image).reshape(made.encoder(image)[-1].shape)
    torch.testing.assert_close(made.encoder(image)[-1], wanted, rtol=1e-4, atol=1e-5 * float(wanted.abs().max()))


def test_first_weights() -> None:
    torch.manual_seed(0)
    made = DeconvNet(3, 19, "resnet18")
    deconvolutions = [part for part in made.decoder if isinstance(part, nn.ConvTranspose2d)]
    assert [(d.in_channels, d.out_channels, d.kernel_size, d.bias) for d in deconvolutions] == [
        (512, 256, (4, 4), None),
        (256, 256, (4, 4), None),
        (256, 256, (4, 4), None),
    ]
    for layer in (*deconvolutions, made.heatmap_head):
        weight = layer.weight.detach()
        assert float(weight.mean()) == pytest.approx(0, abs=5e-5)
        assert float(weight.std()) == pytest.approx(0.001, rel=0.05)
    assert made.heatmap_head.bias.eq(0).all()
    for norm in (part for part in made.decoder if isinstance(part, nn.BatchNorm2d)):
        assert norm.weight.eq(1).all()
        assert norm.bias.eq(0).all()


class Given(nn.Module):
    """An encoder whose deepest map is known."""

    def __init__(self, features: torch.Tensor) -> None:
        super().__init__()
        self.features = features

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        return [image, self.features]


def with_bilinear_weights(features: torch.Tensor) -> DeconvNet:
    """A network that passes channel 0 of the map on, enlarged bilinearly three times."""
    made = DeconvNet(1, 1, "resnet18").eval()
    kernel = torch.tensor([0.25, 0.75, 0.75, 0.25])
    for part in made.decoder:
        if isinstance(part, nn.ConvTranspose2d):
            nn.init.zeros_(part.weight)
            part.weight.data[0, 0] = torch.outer(kernel, kernel)
        elif isinstance(part, nn.BatchNorm2d):
            part.eps = 0.0
    nn.init.zeros_(made.heatmap_head.weight)
    made.heatmap_head.weight.data[0, 0] = 1.0
    made.encoder = Given(torch.cat([features, torch.zeros(1, 511, *features.shape[2:])], 1))  # type: ignore[assignment]
    return made


@torch.inference_mode()
def test_an_impulse_comes_out_at_its_place_on_the_image() -> None:
    for row, column in [(2, 1), (1, 3), (2, 4)]:
        features = torch.zeros(1, 1, 5, 7)
        features[..., row, column] = 1.0
        stage = with_bilinear_weights(features)(torch.zeros(1, 1, 160, 224)).stages[-1]
        heat = stage.heatmaps[0, 0].double()
        y, x = torch.meshgrid(torch.arange(40.0), torch.arange(56.0), indexing="ij")
        centre = torch.stack([(heat * x).sum(), (heat * y).sum()]).float() / heat.sum()
        on_image = stage.frame.to_image(centre.reshape(1, 1, 2)).flatten()
        # Cell i of the map covers pixels 32 i to 32 i + 31.
        assert on_image.tolist() == pytest.approx([32 * column + 15.5, 32 * row + 15.5], abs=1e-3)


@torch.inference_mode()
def test_a_ramp_keeps_its_place() -> None:
    rows, columns = np.mgrid[:5, :7].astype(np.float32)
    features = torch.from_numpy(10 + 2 * columns + 3 * rows)[None, None]
    heat = with_bilinear_weights(features)(torch.zeros(1, 1, 150, 201)).heatmaps[0, 0].numpy()
    assert heat.shape == (38, 51)
    v, u = np.mgrid[8:32, 8:48]  # away from the border, where zeros lie beyond
    expected = 10 + 2 * ((u + 0.5) / 8 - 0.5) + 3 * ((v + 0.5) / 8 - 0.5)
    np.testing.assert_allclose(heat[8:32, 8:48], expected, rtol=1e-5)


@torch.inference_mode()
def test_a_mirrored_decoder_mirrors_its_heatmaps() -> None:
    torch.manual_seed(0)
    made = DeconvNet(1, 2, "resnet18").double().eval()
    for part in made.decoder:
        if isinstance(part, nn.ConvTranspose2d):
            nn.init.normal_(part.weight, std=0.05)
    features = torch.randn(1, 512, 2, 3, dtype=torch.float64)
    heat = made.heatmap_head(made.decoder(features))
    for part in made.decoder:
        if isinstance(part, nn.ConvTranspose2d):
            part.weight.data = part.weight.data.flip(-1)
    mirrored = made.heatmap_head(made.decoder(features.flip(-1)))
    assert float(heat.std()) > 0
    torch.testing.assert_close(mirrored.flip(-1), heat, rtol=0, atol=1e-9 * float(heat.abs().max()))


@torch.inference_mode()
def test_presence_begins_certain_and_reads_the_pooled_features(network: DeconvNet) -> None:
    image = torch.randn(2, 1, 64, 96)
    torch.testing.assert_close(network(image).presence.sigmoid(), torch.full((2, 2), 0.95))
    assert network.presence_head is not None
    other = DeconvNet(1, 2, "resnet18", presence=True).eval()
    nn.init.normal_(other.presence_head.weight)
    expected = other.encoder(image)[-1].mean((2, 3)) @ other.presence_head.weight.T + other.presence_head.bias
    torch.testing.assert_close(other(image).presence, expected, rtol=1e-4, atol=1e-5)


def test_the_encoder_begins_as_a_copy_of_the_source() -> None:
    of = source()
    made = detector(of)
    wanted = of.encoder.state_dict()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in made.encoder.state_dict().items())
    assert all(parameter.requires_grad for parameter in made.parameters())
    assert all(module.training for module in made.modules())
    made.encoder.conv1.weight.data.zero_()
    assert of.encoder.conv1.weight.abs().sum() > 0


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="at least one landmark, not 0"):
        DeconvNet(3, 0, "resnet18")
    with pytest.raises(InputError, match="at least one image channel, not 0"):
        DeconvNet(0, 2, "resnet18")
    with pytest.raises(InputError, match="'vgg'"):
        DeconvNet(3, 2, "vgg")
    with pytest.raises(InputError, match="resnet18 of 3 image channels and the network a resnet50 of 3"):
        DeconvNet(3, 2, "resnet50", source=source())
    with pytest.raises(InputError, match="resnet18 of 3 image channels and the network a resnet18 of 1"):
        DeconvNet(1, 2, "resnet18", source=source())
