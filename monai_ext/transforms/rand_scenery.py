"""Random surroundings of a subject that was cut out, and pictures in which the subject is not to be seen."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.transforms import Randomizable, Transform
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from monai_ext.landmarks import FloatArray, Status

#: Most forms of a scenery, and their largest radius as a share of the longer side.
FORMS, FORM_RADIUS = 24, 0.25
#: How pictures without the subject come about: the scenery alone, the subject in pieces out of order, or hidden.
EMPTY, PIECES, HIDDEN = 0.4, 0.3, 0.3
#: Sides of pieces, and of what stands in front of a subject, as shares of its box.
PIECE, IN_FRONT = 0.3, 0.3
#: What hides a subject reaches so far beyond its box.
BEYOND = 0.3
#: Least side of the box of the landmarks, as a share of the picture's shorter side: one landmark has no extent.
LEAST = 0.1
#: Largest share of a side that pictures of another shape leave to their edges.
NARROWEST = 0.5


def scenery(random: np.random.RandomState, size_wh: tuple[int, int], channels: int) -> NDArray[np.float32]:
    """A random picture of no thing: colours that change slowly or in steps, clouds, stripes, forms, and grain.

    Args:
        random: source of randomness.
        size_wh: (width, height).
        channels: 1 or 3.

    Returns:
        (channels, height, width) float32 values 0 to 255.
    """
    width, height = size_wh
    corners = random.uniform(0, 255, (2, 2, 3)) if random.uniform() < 0.7 else random.uniform(0, 255, (1, 1, 3))
    picture = Image.fromarray(corners.astype(np.uint8)).resize(size_wh, Image.Resampling.BILINEAR)
    if random.uniform() < 0.5:
        _clouds(random, picture)
    if random.uniform() < 0.3:
        _stripes(random, picture)
    if random.uniform() < 0.7:
        for _ in range(random.randint(1, FORMS + 1)):
            _form(random, picture)
    if random.uniform() < 0.4:
        picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 0.02 * max(size_wh))))
    drawn = np.asarray(picture, dtype=np.float32)
    if random.uniform() < 0.4:
        grain = random.standard_normal((height, width, 3)).astype(np.float32)
        drawn = drawn + np.float32(random.uniform(2, 40)) * grain
    drawn = np.clip(drawn.transpose(2, 0, 1), 0, 255)
    if channels == 1 or random.uniform() < 0.15:
        drawn = np.repeat(drawn.mean(0, keepdims=True), channels, 0)
    return drawn


def _color(random: np.random.RandomState) -> tuple[int, int, int]:
    red, green, blue = random.randint(0, 256, 3).tolist()
    return red, green, blue


def _clouds(random: np.random.RandomState, picture: Image.Image) -> None:
    cells = int(2 ** random.uniform(1.5, 6.5))
    noise = Image.fromarray(random.randint(0, 256, (cells, cells), dtype=np.uint8))
    mask = noise.resize(picture.size, Image.Resampling.BICUBIC).point(
        [int(v * random.uniform(0.3, 1)) for v in range(256)]
    )
    picture.paste(_color(random), (0, 0), mask)


def _stripes(random: np.random.RandomState, picture: Image.Image) -> None:
    draw, step = ImageDraw.Draw(picture), int(random.uniform(0.01, 0.12) * max(picture.size)) + 2
    color, lean = _color(random), random.uniform(-1, 1) * picture.height
    upright = random.uniform() < 0.5
    for at in range(-max(picture.size), 2 * max(picture.size), step):
        ends = [(at, 0), (at + lean, picture.height)] if upright else [(0, at), (picture.width, at + lean)]
        draw.line(ends, fill=color, width=max(1, int(0.4 * step)))


def _form(random: np.random.RandomState, picture: Image.Image) -> None:
    draw, reach = ImageDraw.Draw(picture), FORM_RADIUS * max(picture.size)
    x, y = random.uniform(0, 1, 2) * picture.size
    across, down = reach * random.uniform(0.05, 1, 2)
    kind, color = random.randint(4), _color(random)
    if kind == 0:
        draw.ellipse([x - across, y - down, x + across, y + down], fill=color)
    elif kind == 1:
        draw.rectangle([x - across, y - down, x + across, y + down], fill=color)
    elif kind == 2:
        corners = random.uniform(-1, 1, (random.randint(3, 7), 2)) * [across, down] + [x, y]
        draw.polygon([tuple(corner) for corner in corners.tolist()], fill=color)
    else:
        draw.arc([x - across, y - down, x + across, y + down], 0, random.uniform(60, 360), fill=color, width=4)


class RandSceneryd(Randomizable, Transform):
    """Lays a cut-out subject over a random scenery; now and then without the subject, whose landmarks are missing then.

    Of pictures whose landmarks are hidden, undefined ones stay undefined: nobody knows whether they are hidden, too.
    Where no landmark is defined there is nothing to hide or to leave free.

    Args:
        empty: share of pictures in which the subject is not to be seen: the scenery alone, the subject cut into pieces
            that lie out of order, or the box of its landmarks hidden.
        kept: share of pictures that keep their own surround.
        in_front: share of pictures with something before a part of the subject, whose landmarks stay defined.
        keys: the image (C, H, W), 0 to 255.
        cover_key: (1, H, W) as :class:`~monai_ext.transforms.cut_out.CutOutd` puts it, moved with the image.
        points_key, status_key: of the landmarks on it.
    """

    def __init__(
        self,
        empty: float,
        kept: float,
        in_front: float,
        keys: str = "image",
        cover_key: str = "cover",
        points_key: str = "points",
        status_key: str = "status",
    ) -> None:
        self.empty, self.kept, self.in_front = empty, kept, in_front
        self.key, self.cover_key, self.points_key, self.status_key = keys, cover_key, points_key, status_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        sample = dict(data)
        image = sample[self.key].clone()
        cover = sample.pop(self.cover_key) / 255
        status = torch.as_tensor(sample[self.status_key])
        empty, kept, in_front = self.R.uniform(size=3) < [self.empty, self.kept, self.in_front]
        size = (image.shape[2], image.shape[1])
        box = _box(sample[self.points_key], status, size)
        ground = torch.from_numpy(scenery(self.R, size, len(image)))
        if empty:
            image, cover, gone = self._without(image, cover, status, box)
            sample[self.status_key] = torch.where(gone, int(Status.MISSING), status).to(status.dtype)
        elif in_front and box is not None:
            self._hide(image, box, self.R.uniform(0.3, 1) * IN_FRONT, ground)
        drawn = image if kept and not empty else ground + cover * (image - ground)
        self._letterbox(drawn, box)
        sample[self.key] = drawn
        return sample

    def _letterbox(self, image: torch.Tensor, box: FloatArray | None) -> None:
        """Repeats the edges of a part of half of the pictures, in place, as pictures of another shape are fitted."""
        if self.R.uniform() < 0.5:
            return
        axis = self.R.randint(2)
        view = image if axis else image.transpose(1, 2)
        length = view.shape[1]
        margin = int(self.R.uniform(0, NARROWEST) * length / 2)
        low, high = (margin, length - margin) if box is None else (box[0][axis], box[1][axis] + 1)
        first, end = max(0, min(margin, int(low))), min(length, max(length - margin, int(high) + 1))
        view[:, :first] = view[:, first : first + 1].clone()
        view[:, end:] = view[:, end - 1 : end].clone()

    def _without(
        self, image: torch.Tensor, cover: torch.Tensor, status: torch.Tensor, box: FloatArray | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The image and cover of a picture without the subject, and which (K,) landmarks are surely not to be seen."""
        how, all_gone = self.R.choice(3, p=[EMPTY, PIECES, HIDDEN]), torch.ones_like(status, dtype=torch.bool)
        if how == 0 or box is None:
            return image, torch.zeros_like(cover), all_gone
        if how == 2:
            self._hide(image, box, 1 + BEYOND, None)
            return image, cover, status != int(Status.UNDEFINED)
        side = max(4, int(PIECE * (box[1] - box[0]).max()))
        both = torch.cat([image, cover])
        rows, columns = (length // side for length in both.shape[1:])
        if rows * columns > 1:
            inner = both[:, : rows * side, : columns * side]
            tiles = inner.unflatten(2, (columns, side)).unflatten(1, (rows, side)).transpose(2, 3).flatten(1, 2)
            tiles = tiles[:, torch.from_numpy(self.R.permutation(rows * columns))]
            both = both.clone()
            both[:, : rows * side, : columns * side] = (
                tiles.unflatten(1, (rows, columns)).transpose(2, 3).flatten(3, 4).flatten(1, 2)
            )
        return both[:-1], both[-1:], all_gone

    def _hide(self, image: torch.Tensor, box: FloatArray, share: float, ground: torch.Tensor | None) -> None:
        """Lays one colour, or a part of the scenery, over a rectangle of a share of the box, in place."""
        size = (box[1] - box[0]) * share
        middle = (box[0] + box[1]) / 2 if share > 1 else self.R.uniform(box[0], box[1])
        left, top = np.maximum(0, np.round(middle - size / 2)).astype(int)
        right, bottom = np.maximum(0, np.round(middle + size / 2)).astype(int)
        part = image[:, top:bottom, left:right]
        if ground is not None and self.R.uniform() < 0.5:
            part.copy_(ground[:, top:bottom, left:right])
        elif part.numel() and self.R.uniform() < 0.5:
            part.copy_(part.mean((1, 2), keepdim=True).expand_as(part).clone())
        else:
            part.copy_(torch.from_numpy(self.R.uniform(0, 255, (len(image), 1, 1))).float().expand_as(part))


def _box(points: torch.Tensor, status: torch.Tensor, size_wh: tuple[int, int]) -> FloatArray | None:
    """(2, 2) the corner nearest to the origin and the opposite one of the defined points; None where none is defined.

    About its middle it is at least a share :data:`LEAST` of the shorter side wide and high.
    """
    known = torch.as_tensor(points)[status > 0].double().numpy()
    if not len(known):
        return None
    low, high = known.min(0), known.max(0)
    beyond = np.maximum(LEAST * min(size_wh) - (high - low), 0) / 2
    return np.stack([low - beyond, high + beyond])
