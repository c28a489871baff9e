"""A synthetic lateral radiograph of the head, its face to the right, with the 19 points of the protocol."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter

from monai_ext.landmarks import FloatArray

from .phantom import Phantom, to_uint8
from .random_fields import cloud_field, white_noise
from .raster import Float32, densify, polygon_coverage, smooth_curve, stroke_coverage

#: Columns and rows that the coordinates below are given in.
WIDTH, HEIGHT = 480, 600
#: Where each landmark lies; the outlines below pass through those that lie on one.
POINTS = {
    "sella": (207.0, 254.0),
    "nasion": (357.0, 250.0),
    "orbitale": (322.0, 305.0),
    "porion": (150.0, 300.0),
    "A_subspinale": (363.0, 398.0),
    "B_supramentale": (350.0, 483.0),
    "pogonion": (358.0, 516.0),
    "menton": (336.0, 541.0),
    "gnathion": (351.0, 532.0),
    "gonion": (207.0, 462.0),
    "lower_incisor": (373.0, 437.0),
    "upper_incisor": (381.0, 442.0),
    "upper_lip": (405.0, 418.0),
    "lower_lip": (399.0, 453.0),
    "subnasale": (397.0, 385.0),
    "soft_pogonion": (385.0, 518.0),
    "PNS": (262.0, 376.0),
    "ANS": (380.0, 380.0),
    "articulare": (181.0, 366.0),
}
NAMES = tuple(POINTS)

_SKIN = [
    *((372, 140), (392, 222), (381, 254), (405, 300), (438, 350), (424, 374), POINTS["subnasale"], (396, 399)),
    *(
        POINTS["upper_lip"],
        (394, 435),
        POINTS["lower_lip"],
        (380, 484),
        POINTS["soft_pogonion"],
        (352, 560),
        (290, 552),
    ),
    *((250, 600), (80, 600), (62, 500), (22, 330), (32, 170), (130, 55), (260, 35), (340, 80)),
]
_VAULT = [(361, 236), (372, 160), (325, 82), (225, 50), (110, 82), (48, 180), (46, 290), (96, 352), (150, 345)]
#: Anterior cranial base, the fossa of the sella turcica, and the clivus.
_BASE = [
    *(POINTS["nasion"], (318, 264), (268, 256), (226, 238), (224, 256), (207, 269), (191, 256), (189, 237)),
    *((176, 270), (160, 318), (146, 352)),
]
_LOWER_BASE = [(112, 358), (146, 362), POINTS["articulare"], (212, 356), (240, 330)]
_FRONT = [(372, 175), (368, 222), POINTS["nasion"], (376, 282), (396, 318)]
_MAXILLA = [
    *(POINTS["PNS"], (320, 371), POINTS["ANS"], (368, 387), POINTS["A_subspinale"], (366, 408), (372, 420), (300, 420)),
    (272, 400),
]
_FRONT_OF_MAXILLA = [POINTS["ANS"], (367, 388), POINTS["A_subspinale"], (366, 408), (371, 419)]
_MANDIBLE = [
    *((369, 462), (356, 472), POINTS["B_supramentale"], (355, 500), POINTS["pogonion"], POINTS["gnathion"]),
    *(POINTS["menton"], (290, 522), (232, 488), POINTS["gonion"], (194, 428), POINTS["articulare"], (176, 343)),
    *((188, 328), (203, 340), (222, 366), (246, 346), (254, 400), (280, 446), (320, 456)),
]
#: Teeth from apex to edge, with their width at the crown.
_TEETH = [
    ((352, 394), POINTS["upper_incisor"], 15.0),
    ((343, 488), POINTS["lower_incisor"], 13.0),
    *(((x, 402), (x + 4, 439), 19.0) for x in (290, 313, 335)),
    *(((x, 488), (x + 4, 443), 19.0) for x in (285, 308, 331)),
]
_VERTEBRAE = [((118, 398), (166, 428)), ((112, 440), (162, 470)), ((108, 482), (158, 512)), ((104, 524), (156, 554))]


def make_cephalogram(scale: float = 2.0, seed: int = 2026) -> Phantom:
    """The one synthetic head, uint8 grey, with its landmarks.

    Args:
        scale: pixels per unit of :data:`WIDTH` and :data:`HEIGHT`.
        seed: of texture and grain.
    """
    film = _Film(scale)
    rng = np.random.default_rng(seed)
    film.fill(_curve(_SKIN), 0.26)
    film.fill(_curve(_VAULT), 0.14)
    film.line(_curve(_VAULT, closed=False), 6.0, 0.42)
    for (left, top), (right, bottom) in _VERTEBRAE:
        film.fill(_curve([(left, top), (right, top + 4), (right, bottom), (left + 3, bottom)]), 0.20)
    film.fill(_curve(_MAXILLA), 0.20)
    film.line([POINTS["PNS"], (320, 371), POINTS["ANS"]], 4.5, 0.38)
    film.line(_curve(_FRONT_OF_MAXILLA, closed=False), 2.5, 0.30)
    film.fill(_curve(_MANDIBLE), 0.18)
    film.line(_curve(_MANDIBLE), 3.0, 0.30)
    film.line(_curve(_BASE, closed=False), 3.5, 0.42)
    film.line(_curve(_LOWER_BASE, closed=False), 2.5, 0.24)
    film.line(_curve(_FRONT, closed=False), 5.0, 0.34)
    film.line(_ring(POINTS["orbitale"], (30.0, 28.0), below=False), 3.0, 0.32)
    film.fill(_ring(POINTS["porion"], (10.0, 10.0), below=True), -0.22)
    film.line(_ring(POINTS["porion"], (10.0, 10.0), below=True), 2.5, 0.30)
    for apex, edge, width in _TEETH:
        film.fill(_tooth(apex, edge, width), 0.36)
    height, width = film.image.shape
    image = gaussian_filter(film.image, 0.9 * scale)
    image *= 1 + 0.1 * cloud_field(rng, height, width, 40 * scale)
    image += white_noise(rng, image.shape, 0.012, scale)
    points = (np.array(list(POINTS.values())) + 0.5) * scale - 0.5
    return Phantom(to_uint8(image), NAMES, points)


class _Film:
    """A film that structures add their shadows to."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self.image: Float32 = np.full((round(HEIGHT * scale), round(WIDTH * scale)), 0.05, dtype=np.float32)

    def fill(self, outline: ArrayLike, level: float) -> None:
        self.image += np.float32(level) * polygon_coverage(self._pixels(outline), *self.image.shape)

    def line(self, points: ArrayLike, width: float, level: float) -> None:
        pixels = self._pixels(points)
        dense, radii = densify([(pixels, np.full(len(pixels), width * self._scale / 2))], 1.0)
        self.image += np.float32(level) * stroke_coverage(dense, radii, *self.image.shape)

    def _pixels(self, points: ArrayLike) -> FloatArray:
        return (np.asarray(points, dtype=np.float64) + 0.5) * self._scale - 0.5


def _curve(knots: ArrayLike, closed: bool = True) -> FloatArray:
    return smooth_curve(knots, 400, closed)


def _ring(extreme: tuple[float, float], radii: tuple[float, float], *, below: bool) -> FloatArray:
    """An ellipse whose highest point, or lowest one, is given; ``below``: it lies below that point."""
    turn = np.linspace(0, 2 * np.pi, 120)
    center = np.array([extreme[0], extreme[1] + (radii[1] if below else -radii[1])])
    return center + np.stack([np.cos(turn), np.sin(turn)], axis=1) * radii


def _tooth(apex: tuple[float, float], edge: tuple[float, float], width: float) -> FloatArray:
    """The outline of a tooth that narrows to its root and ends in a point at the edge of its crown."""
    along = np.subtract(edge, apex)
    across = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    profile = [(0.0, 0.15), (0.35, 0.36), (0.65, 0.5), (0.85, 0.42), (1.0, 0.0)]
    sides = [[apex + share * along + sign * half * width * across for share, half in profile] for sign in (1, -1)]
    return np.array([*sides[0], *reversed(sides[1][:-1])])
