"""The light of another camera in a photograph: colour, tone, light, focus and grain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monai_ext.landmarks import FloatArray

#: Largest share of one channel that goes to another.
MIXING = 0.15
#: Largest loss of colour.
DESATURATION = 0.6
#: Largest gain of a channel, as a natural logarithm.
GAIN = 0.3
#: Exposure.
EXPOSURE = (0.5, 1.15)
#: Largest bend of the tone curve ``u + t sin(2 pi u) / (2 pi)``; training bends it by powers instead.
TONE = 0.7
#: Darkest rim, as a share of the middle; training has gradients and bowls of low order instead.
RIM = (0.35, 1.0)
#: Brightest haze at one side of the rim, as a share of white.
HAZE = 0.35
#: Most specks of dust.
SPECKS = 5
#: How much light a speck takes in its middle.
SPECK_DEPTH = 0.5
#: Largest sigma of the defocus and strength of the sharpening, pixels and shares.
DEFOCUS, SHARPENING = 1.4, 0.8
#: Largest standard deviation of the grain, of values 0 to 255.
GRAIN = 6.0
#: Quality of the JPEG file.
QUALITY = (35, 85)


@dataclass(frozen=True)
class Light:
    """Parameters of a camera; see :func:`draw_light`.

    Args:
        colors: (C, C) what each channel takes of the others, with its gain and the exposure.
        tone: bend of the tone curve.
        rim: light at the rim.
        light_center: (x, y) of the light from the middle of the view, in radii.
        haze: strength of the haze at one side of the rim.
        haze_angle: of that side, radians.
        specks: (N, 3) place in radii from the middle of the view, and radius in radii.
        focus: sigma of the defocus where positive, strength of the sharpening where negative.
        grain: standard deviation, of values 0 to 255.
        border: (C,) colour around the view, values 0 to 255.
        quality: of the JPEG file.
    """

    colors: FloatArray
    tone: float
    rim: float
    light_center: tuple[float, float]
    haze: float
    haze_angle: float
    specks: FloatArray
    focus: float
    grain: float
    border: FloatArray
    quality: int

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for a record."""
        plain = {name: np.asarray(value).round(4).tolist() for name, value in vars(self).items()}
        return plain | {"specks": len(self.specks)}


def draw_light(rng: np.random.Generator, channels: int) -> Light:
    """Draws how a camera of 1 or 3 channels draws."""
    mixing = np.eye(channels)
    if channels > 1:
        mixing += rng.uniform(-MIXING, MIXING, (channels, channels))
        mixing /= mixing.sum(axis=1, keepdims=True)
        grey = rng.uniform(0, DESATURATION)
        mixing = (1 - grey) * mixing + grey * np.full((channels, channels), 1 / channels)
    gains = np.exp(rng.uniform(-GAIN, GAIN, channels)) if channels > 1 else np.ones(1)
    colors = rng.uniform(*EXPOSURE) * gains[:, None] * mixing
    specks = np.column_stack([rng.uniform(-0.9, 0.9, (SPECKS, 2)), rng.uniform(0.008, 0.025, SPECKS)])
    return Light(
        colors=colors,
        tone=rng.uniform(-TONE, TONE),
        rim=rng.uniform(*RIM),
        light_center=(rng.uniform(-0.35, 0.35), rng.uniform(-0.35, 0.35)),
        haze=HAZE * max(0.0, rng.uniform(-1, 1)),
        haze_angle=rng.uniform(0, 2 * math.pi),
        specks=specks[: rng.integers(SPECKS + 1)],
        focus=rng.uniform(-SHARPENING, DEFOCUS),
        grain=rng.uniform(0, GRAIN),
        border=_draw_border(rng, channels),
        quality=int(rng.integers(QUALITY[0], QUALITY[1] + 1)),
    )


def _draw_border(rng: np.random.Generator, channels: int) -> FloatArray:
    """Black in half of the cases, else a dim glow, or seldom grey or white paper."""
    kind, level, tint = rng.uniform(), rng.uniform(), rng.uniform(0.6, 1.0, channels)
    if kind < 0.5:
        return np.zeros(channels)
    if kind < 0.75:
        return np.asarray(20 * level * tint)
    return np.full(channels, 255.0 if kind > 0.875 else 90.0 + 100 * level)


def develop(
    picture: FloatArray,
    inside: FloatArray,
    middle: tuple[float, float],
    radius: float,
    light: Light,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Draws a picture as a camera would.

    Args:
        picture: (C, H, W) values 0 to 255.
        inside: (H, W) how far each pixel lies within the outline of the view, pixels.
        middle: (x, y) of the view, pixels.
        radius: of the view, pixels.
        light: how.
        rng: of the grain.

    Returns:
        (C, H, W) uint8.
    """
    height, width = inside.shape
    x, y = np.meshgrid((np.arange(width) - middle[0]) / radius, (np.arange(height) - middle[1]) / radius)
    values = np.clip(np.einsum("dc,chw->dhw", light.colors, picture / 255), 0, 1)
    values = values + light.tone * np.sin(2 * np.pi * values) / (2 * np.pi)
    away = (x - light.light_center[0]) ** 2 + (y - light.light_center[1]) ** 2
    values = values / (1 + (1 / math.sqrt(light.rim) - 1) * away) ** 2
    values = values + light.haze * _haze(x, y, light.haze_angle)
    for left, top, size in light.specks:
        values = values * (1 - SPECK_DEPTH * np.exp(-0.5 * ((x - left) ** 2 + (y - top) ** 2) / size**2))
    values = _focused(255 * values, light.focus) + rng.normal(0, 1, values.shape) * light.grain
    share = np.clip(inside + 0.5, 0, 1)
    border = light.border[:, None, None] + rng.normal(0, 1, values.shape)
    return np.clip(np.rint(share * values + (1 - share) * border), 0, 255).astype(np.uint8)


def _haze(x: FloatArray, y: FloatArray, angle: float) -> FloatArray:
    """(H, W) from 0 to 1: a crescent at one side of the rim."""
    side = x * math.cos(angle) + y * math.sin(angle)
    return np.asarray(np.clip((side - 0.55) / 0.45, 0, 1) ** 2)


def _focused(values: FloatArray, focus: float) -> FloatArray:
    if focus > 0:
        return np.asarray(ndimage.gaussian_filter(values, (0, focus, focus)))
    blurred = ndimage.gaussian_filter(values, (0, 1, 1))
    return np.asarray(values - focus * (values - blurred))
