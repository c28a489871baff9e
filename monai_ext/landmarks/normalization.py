"""Scales of the values of 8-bit images on which public classifiers were trained."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from .errors import InputError

#: The normalisation of each image by its own mean and deviation; it has no entry in :data:`CHANNEL_SCALES`.
OWN_SCALE = "image"


class ChannelScale(NamedTuple):
    """Network input is ``(value - mean) / deviation`` of values 0 to 255, channels red, green, blue.

    Attributes:
        mean: of red, green and blue, grey levels.
        deviation: of red, green and blue, grey levels.
    """

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    def of_channels(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Means and deviations of an image's channels; grey has the averages of the three.

        Raises:
            InputError: neither one channel nor three.
        """
        if channels == 1:
            return (sum(self.mean) / 3,), (sum(self.deviation) / 3,)
        if channels != 3:
            raise InputError(
                f"A fixed normalisation needs images with 1 or 3 channels, not {channels}: "
                f"use the normalisation {OWN_SCALE!r}."
            )
        return self.mean, self.deviation


#: Fixed normalisations by name.
#:
#: ``imagenet``: torchvision's and timm's ResNets, mean (0.485, 0.456, 0.406) and deviation (0.229, 0.224, 0.225) of
#: values 0 to 1.
#: ``efficientnet-lite``: the ImageNet classifiers of that name, -1 to 1 about 127.
#: ``radimagenet``: -1 to 1, ``(image - 127.5) * 2 / 255`` in the training notebooks of github.com/BMEII-AI/RadImageNet.
#: ``vggface2``: mean of resnet50_ft.prototxt, github.com/ox-vgg/vgg_face2, which has no deviation; 64 takes its place,
#: so that random changes of intensity and learning rates fit as they do elsewhere. The reader of such weights
#: multiplies the first convolution by 64, which is exact.
#: ``dlib``: mean of dlib's face recognition, which divides by 256; 64 takes its place in the same way.
CHANNEL_SCALES: Mapping[str, ChannelScale] = MappingProxyType(
    {
        "imagenet": ChannelScale((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
        "efficientnet-lite": ChannelScale((127.0, 127.0, 127.0), (128.0, 128.0, 128.0)),
        "radimagenet": ChannelScale((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
        "vggface2": ChannelScale((131.0912, 103.8827, 91.4953), (64.0, 64.0, 64.0)),
        "dlib": ChannelScale((122.782, 117.001, 104.298), (64.0, 64.0, 64.0)),
    }
)


def check_normalization(name: str) -> str:
    """The name itself.

    Raises:
        InputError: no normalisation has this name.
    """
    if name != OWN_SCALE and name not in CHANNEL_SCALES:
        raise InputError(f"Unknown normalisation {name!r}: use one of {', '.join((OWN_SCALE, *CHANNEL_SCALES))}.")
    return name
