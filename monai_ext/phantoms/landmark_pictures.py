"""The example pictures of the shipped protocols: crops of phantoms with an open mark around each landmark."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor

from monai_ext.landmarks import EDGE_COLOR, MARK_COLOR, InputError, with_mark, write_atomically

from .as_oct import render_as_oct
from .as_oct_plan import draw_as_oct
from .cephalogram import make_cephalogram
from .face import render_face
from .face_plan import draw_face
from .fundus import render_fundus
from .fundus_plan import draw_fundus
from .phantom import PICTURED_PROTOCOLS, Phantom

#: Sides of a picture in pixels.
SIDE = 160
#: Colours of a picture: few enough that its file stays small.
COLORS = 64
#: Folder of the pictures beside the protocol files.
FOLDER = "pictures"
_EDGE, _MARK = (ImageColor.getrgb(color)[:3] for color in (EDGE_COLOR, MARK_COLOR))
_MARK_COLORS = [round(e + (m - e) * part / 4) for part in range(5) for e, m in zip(_EDGE, _MARK, strict=True)]


def _fundus() -> Phantom:
    return render_fundus(replace(draw_fundus(np.random.default_rng(4)), noise=0.004))


def _as_oct() -> Phantom:
    plan = draw_as_oct(np.random.default_rng([11, 4])).scaled(0.5)
    scanner = replace(plan.scanner, looks=8.0, limbs=(0.0, 0.0), limbus_shadow=(0.0, 0.0))
    return render_as_oct(replace(plan, scanner=scanner))


def _face() -> Phantom:
    plan = draw_face(np.random.default_rng(11))
    plan = replace(plan, width=480, height=560, center=(240.0, 230.0), scale=150.0, roll=0.0, yaw=0.0, pitch=0.0)
    return render_face(replace(plan, shape=replace(plan.shape, gap=0.0, smile=0.0), noise=0.003, contrast=0.4))


@dataclass(frozen=True)
class _Kind:
    """How the pictures of a protocol are made.

    Attributes:
        make: the one phantom of all its pictures.
        window: side of the crop as a share of the phantom's longer side.
    """

    make: Callable[[], Phantom]
    window: float


_KINDS: dict[str, _Kind] = {
    "fundus": _Kind(_fundus, 0.55),
    "scleral_spur": _Kind(_as_oct, 0.26),
    "face": _Kind(_face, 0.36),
    "cephalometric": _Kind(make_cephalogram, 0.26),
}


def picture_name(protocol: str, landmark: str) -> str:
    """What a protocol file calls the picture of a landmark."""
    return f"{FOLDER}/{protocol}_{landmark}.png"


def landmark_pictures(protocol: str) -> dict[str, bytes]:
    """The PNG of each landmark by name; the same bytes on every call.

    Raises:
        InputError: the protocol has no phantom.
    """
    if protocol not in _KINDS:
        raise InputError(f"There is no phantom for pictures of {protocol!r}; use {', '.join(_KINDS)}.")
    kind = _KINDS[protocol]
    phantom = kind.make()
    picture = Image.fromarray(phantom.image).convert("RGB")
    side = kind.window * max(picture.size)
    return {
        name: _png(_crop(picture, (float(x), float(y)), side))
        for name, (x, y) in zip(phantom.names, phantom.points, strict=True)
    }


def write_pictures(protocols: Path, names: tuple[str, ...] = PICTURED_PROTOCOLS) -> list[Path]:
    """Writes the pictures of some protocols where their files name them.

    Args:
        protocols: the folder of the protocol files.
        names: of the protocols.

    Raises:
        InputError: a protocol has no phantom.
        OSError: the folder cannot be written.
    """
    made = {picture_name(name, landmark): png for name in names for landmark, png in landmark_pictures(name).items()}
    for file, content in made.items():
        write_atomically(protocols / file, content)
    return [protocols / file for file in made]


def _crop(picture: Image.Image, point: tuple[float, float], side: float) -> Image.Image:
    """The square around a point, moved into the picture where it would leave it, with the mark."""
    corner = [
        float(np.clip(value + 0.5 - side / 2, 0, length - side))
        for value, length in zip(point, picture.size, strict=True)
    ]
    box = (corner[0], corner[1], corner[0] + side, corner[1] + side)
    crop = picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box)
    few = crop.quantize(COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    x, y = ((value + 0.5 - start) * SIDE / side - 0.5 for value, start in zip(point, corner, strict=True))
    # The mark keeps its own colours and the mixtures at its edges.
    few.putpalette([*(few.getpalette() or [])[: 3 * COLORS], *_MARK_COLORS])
    return with_mark(crop, (x, y)).quantize(palette=few, dither=Image.Dither.NONE)


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return stream.getvalue()
