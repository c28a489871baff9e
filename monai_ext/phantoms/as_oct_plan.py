"""What one synthetic anterior-segment OCT section shows, and two settings of the generator that draw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from monai_ext.landmarks import FloatArray, InputError, rotation_matrix

from .as_oct_anatomy import Side, Surface

NAMES = ("left_scleral_spur", "right_scleral_spur")
#: Size in pixels of a section as the scanner stores it, and how far a spur keeps from the border, inside or outside.
WIDTH, HEIGHT, MARGIN = 2130, 998, 24.0

#: Intervals that a value is drawn from, the wider one oftener.
Ranges = tuple[tuple[float, float], ...]

#: Of eyes and scanners that training sees. Lengths in mm (depths as the light
#: travels, longer than they are), levels in dB.
SEEN: Mapping[str, Ranges] = MappingProxyType(
    {
        "pixels_per_mm": ((122.0, 142.0),),
        "aspect": ((0.7, 0.84),),
        "radius": ((7.45, 8.15),),
        "flattening": ((0.2, 0.42),),
        "thickness": ((0.68, 0.82),),
        "spur": ((5.55, 6.1),),
        "slope": ((0.52, 0.8),),
        "wall": ((0.8, 1.2),),
        "chamber": ((3.5, 5.2),),
        "pupil": ((1.2, 3.3),),
        "iris": ((0.45, 0.7),),
        "scans": ((440.0, 640.0),),
        "grain": ((0.5, 1.2),),
        "looks": ((1.3, 3.2),),
        "black": ((-1.5, 1.2),),
        "range": ((20.0, 27.0),),
        "signal": ((-3.5, 2.5),),
        "reflex": ((0.1, 0.34),),
    }
)
#: Of others, which training never draws: nowhere between the values above.
UNSEEN: Mapping[str, Ranges] = MappingProxyType(
    {
        "pixels_per_mm": ((112.0, 121.0), (143.0, 150.0)),
        "aspect": ((0.63, 0.69), (0.86, 0.95)),
        "radius": ((7.1, 7.4), (8.2, 8.5)),
        "flattening": ((0.08, 0.18), (0.44, 0.52)),
        "thickness": ((0.58, 0.67), (0.83, 0.92)),
        "spur": ((5.35, 5.54), (6.11, 6.3)),
        "slope": ((0.46, 0.51), (0.81, 0.88)),
        "wall": ((0.7, 0.79), (1.21, 1.35)),
        "chamber": ((3.0, 3.45), (5.25, 5.6)),
        "pupil": ((0.8, 1.15), (3.35, 3.7)),
        "iris": ((0.33, 0.44), (0.72, 0.85)),
        "scans": ((340.0, 430.0), (800.0, 1100.0)),
        "grain": ((0.0, 0.4), (1.4, 2.2)),
        "looks": ((1.0, 1.2), (4.0, 8.0)),
        "black": ((-5.0, -1.8), (1.4, 2.8)),
        "range": ((16.0, 19.0), (28.0, 36.0)),
        "signal": ((-5.5, -3.6), (2.6, 5.0)),
        "reflex": ((0.03, 0.08), (0.36, 0.6)),
    }
)
SETTINGS: Mapping[str, Mapping[str, Ranges]] = MappingProxyType({"seen": SEEN, "unseen": UNSEEN})


@dataclass(frozen=True, eq=False)
class Scanner:
    """The scanner's part in a section; levels in dB above the noise floor."""

    scans: int  #: A-scans across the width
    grain: float  #: sigma of the speckle's grain along an A-scan, pixels of a whole section
    looks: float  #: number of averaged speckle patterns; infinite for none
    black: float  #: level that is drawn black
    range: float  #: from black to white
    signal: float  #: gain of all tissues
    reflex: tuple[float, float, float, float]  #: width in mm, level, distance of its rungs in mm (0: none), their slope
    broken: float  #: how much the reflex fades here and there
    limbs: tuple[float, float]  #: loss at the ends of the left and the right limb
    limbus_shadow: tuple[float, float]  #: loss under the left and the right limbus
    shadows: FloatArray  #: (N, 3) column position 0 to 1, width in mm, loss in dB of vertical shadows
    rim: int  #: black rows at the top and bottom


@dataclass(frozen=True, eq=False)
class AsOctPlan:
    """Everything that one section shows."""

    width: int  #: columns
    height: int  #: rows
    apex: tuple[float, float]  #: pixel (x, y) of the front apex of the cornea
    pixels_per_mm: float  #: scale of the columns
    aspect: float  #: scale of the rows as a share of that
    degrees: float  #: rotation of the eye, clockwise on the screen
    surface: Surface  #: front of cornea and sclera
    left: Side  #: the half at the image's left
    right: Side  #: the half at the image's right
    lens: tuple[float, float]  #: depth of the front of the lens in mm, and its radius
    levels: Mapping[str, float]  #: of the tissues, dB
    scanner: Scanner
    seed: int  #: of the textures and the noise

    def scaled(self, factor: float) -> AsOctPlan:
        """The same section at another number of pixels; what is left of a pixel at the right and below is cut off."""
        scanner = replace(
            self.scanner,
            grain=self.scanner.grain * factor,
            looks=self.scanner.looks / factor**0.5,  # fewer pixels are means of more speckle
            rim=round(self.scanner.rim * factor),
        )
        return replace(
            self,
            width=int(self.width * factor),
            height=int(self.height * factor),
            apex=((self.apex[0] + 0.5) * factor - 0.5, (self.apex[1] + 0.5) * factor - 0.5),
            pixels_per_mm=self.pixels_per_mm * factor,
            scanner=scanner,
        )

    def mirrored(self) -> AsOctPlan:
        """The same eye in a mirror; speckle and noise are not mirrored."""
        shadows = self.scanner.shadows.copy()
        shadows[:, 0] = 1 - 1 / self.width - shadows[:, 0]
        width, level, step, slope = self.scanner.reflex
        scanner = replace(
            self.scanner,
            shadows=shadows,
            reflex=(width, level, step, -slope),
            limbs=self.scanner.limbs[::-1],
            limbus_shadow=self.scanner.limbus_shadow[::-1],
        )
        apex = (self.width - 1.0 - self.apex[0], self.apex[1])
        return replace(self, apex=apex, degrees=-self.degrees, left=self.right, right=self.left, scanner=scanner)

    def plain(self) -> AsOctPlan:
        """The same geometry without speckle, noise, reflex and shadows."""
        scanner = replace(
            self.scanner,
            looks=np.inf,
            reflex=(0.0, 0.0, 0.0, 0.0),
            limbs=(0.0, 0.0),
            limbus_shadow=(0.0, 0.0),
            shadows=np.zeros((0, 3)),
            signal=0.0,
            black=0.0,
            range=24.0,
            rim=0,
        )
        return replace(self, scanner=scanner)

    def linear(self, sign: float) -> FloatArray:
        """(2, 2) millimetres of one side (-1 left, 1 right) to pixels."""
        turned = rotation_matrix(self.degrees)[:2, :2] @ np.diag([sign, 1.0])
        return np.diag([1.0, self.aspect]) @ turned * self.pixels_per_mm

    def to_pixels(self, points: Any, sign: float) -> FloatArray:
        """(..., 2) millimetres of one side to pixels."""
        return np.asarray(points, dtype=np.float64) @ self.linear(sign).T + np.array(self.apex)

    @property
    def tips(self) -> FloatArray:
        """(2, 2) both spurs in pixels, in the order of :data:`NAMES`, wherever they lie."""
        left = self.to_pixels(self.left.spur_point(self.surface), -1.0)
        return np.stack([left, self.to_pixels(self.right.spur_point(self.surface), 1.0)])

    @property
    def points(self) -> FloatArray:
        """(2, 2) the landmarks in pixels; NaN where a spur lies outside the image."""
        tips = self.tips
        inside = ((tips >= -0.5) & (tips <= np.array([self.width, self.height]) - 0.5)).all(axis=1)
        return np.where(inside[:, None], tips, np.nan)

    @property
    def closed(self) -> tuple[bool, bool]:
        """Whether the left and the right chamber angle are closed: the iris lies on the wall before the spur."""
        left, right = (side.contact(self.surface) for side in (self.left, self.right))
        return left > 0.1, right > 0.1


def draw_as_oct(rng: np.random.Generator, setting: str = "seen", cut: float = 0.0) -> AsOctPlan:
    """Draws the anatomy, pose and scanner of one section of 2130 x 998 pixels.

    Args:
        rng: the only source of randomness.
        setting: ``seen`` or ``unseen``, whose values lie nowhere between those of the former.
        cut: probability that the section ends before one of the spurs.

    Raises:
        InputError: there is no such setting.
    """
    if setting not in SETTINGS:
        raise InputError(f"There is no setting {setting!r} of the AS-OCT phantoms; use {' or '.join(SETTINGS)}.")
    ranges = SETTINGS[setting]

    def value(name: str) -> float:
        intervals = np.array(ranges[name])
        size = np.diff(intervals)[:, 0]
        low, high = intervals[rng.choice(len(size), p=size / size.sum())]
        return float(rng.uniform(low, high))

    while True:
        plan = _drawn(rng, value)
        if rng.random() < cut:
            side = int(rng.integers(2))
            beyond = rng.uniform(MARGIN + 1, 1.1 * plan.pixels_per_mm)
            tip = plan.tips[side, 0]
            shift = -beyond - tip if side == 0 else plan.width - 1 + beyond - tip
            plan = replace(plan, apex=(plan.apex[0] + shift, plan.apex[1]))
            expected = [side != 0, side != 1]
        else:
            expected = [True, True]
        room = np.minimum(plan.tips, np.array([plan.width, plan.height]) - 1.0 - plan.tips)
        if (np.where(expected, room.min(axis=1), -room[:, 0]) > MARGIN).all() and room[:, 1].min() > MARGIN:
            return plan


def _drawn(rng: np.random.Generator, value: Any) -> AsOctPlan:
    spur, wall, depth = value("spur"), value("wall"), value("chamber")
    pupil, iris = value("pupil"), value("iris")
    surface = Surface(
        radius=value("radius"),
        flattening=value("flattening"),
        limbus=spur + rng.normal(-0.25, 0.12),
        slope=value("slope"),
        thickness=value("thickness"),
    )
    # The iris is not steeper than in eyes.
    depth = min(depth, float(surface.depth(spur)) + wall + 0.45 * (spur - pupil) - pupil**2 / 22)
    form = str(rng.choice(["flat", "bowed", "concave", "closed"], p=[0.35, 0.27, 0.13, 0.25]))
    if form == "closed":  # by a lens that lies far forward
        depth = depth - rng.uniform(0.3, 1.0)
    bulge = {"flat": (-0.02, 0.15), "bowed": (0.18, 0.45), "concave": (-0.3, -0.08), "closed": (0.25, 0.6)}[form]

    def side() -> Side:
        narrow = form == "closed" and rng.random() < 0.85
        return Side(
            spur=spur + rng.normal(0, 0.08),
            wall=wall + rng.normal(0, 0.04),
            tip=rng.uniform(0.05, 0.15),
            beyond=rng.uniform(0.65, 1.0),
            recess=(rng.uniform(-0.05, 0.15), rng.uniform(0.04, 0.14) if narrow else rng.uniform(0.15, 0.6)),
            bulge=rng.uniform(*bulge),
            roll=rng.uniform(0.25, 0.65) if narrow else max(0.0, rng.normal(0.03, 0.05)),
            pupil=pupil + rng.normal(0, 0.1),
            pupil_depth=depth + pupil**2 / 22 + rng.normal(-0.03, 0.05),
            iris=iris + rng.normal(0, 0.02),
            taper=rng.uniform(0.45, 0.8),
            relief=_relief(rng),
        )

    left, right = side(), side()
    return AsOctPlan(
        width=WIDTH,
        height=HEIGHT,
        apex=(WIDTH / 2 + rng.normal(0, 30), rng.uniform(50, 400)),
        pixels_per_mm=value("pixels_per_mm"),
        aspect=value("aspect"),
        degrees=float(rng.normal(0, 2.8)),
        surface=surface,
        left=left,
        right=right,
        lens=(depth + rng.uniform(0.0, 0.12), rng.uniform(9.0, 14.0)),
        levels={
            "cornea": rng.uniform(7.0, 11.0),
            "sclera": rng.uniform(15.0, 19.5),
            "ciliary": rng.uniform(5.0, 10.0),
            "iris": rng.uniform(9.0, 13.5),
            "border": rng.uniform(14.0, 19.0),
            "pigment": rng.uniform(12.0, 18.0),
            "lens": rng.uniform(-4.0, 4.0),
            "slant": rng.uniform(-0.3, 0.9),
            "decay": rng.uniform(6.0, 13.0),
        },
        scanner=_scanner(rng, value),
        seed=int(rng.integers(2**32)),
    )


def _relief(rng: np.random.Generator) -> FloatArray:
    """(60,) folds of the front of the iris: waves of random length, and a few narrow furrows."""
    t = np.linspace(0, 1, 60)
    waves = sum(
        rng.uniform(0.0, 0.07) * np.sin(2 * np.pi * (rng.uniform(0.7, 4.5) * t + rng.random())) for _ in range(3)
    )
    relief = waves + 0.012 * np.interp(t, np.linspace(0, 1, 24), rng.normal(0, 1, 24))
    for place in rng.uniform(0.15, 0.9, rng.integers(0, 5)):
        relief = relief - rng.uniform(0.03, 0.14) * np.exp(-(((t - place) / rng.uniform(0.012, 0.03)) ** 2))
    return np.asarray(relief)


def _scanner(rng: np.random.Generator, value: Any) -> Scanner:
    rungs = rng.random() < 0.5
    count = int(rng.integers(2, 9))

    def loss(share: float, largest: float) -> float:
        return float(rng.uniform(0.3, 1.0) * largest) if rng.random() < share else 0.0

    return Scanner(
        scans=round(value("scans")),
        grain=value("grain"),
        looks=value("looks"),
        black=value("black"),
        range=value("range"),
        signal=value("signal"),
        reflex=(
            value("reflex"),
            rng.uniform(7.0, 20.0) if rng.random() < 0.85 else 0.0,
            rng.uniform(0.5, 1.3) if rungs else 0.0,
            rng.normal(0, 0.15),
        ),
        broken=rng.uniform(0.5, 1.0) if rng.random() < 0.4 else rng.uniform(0.0, 0.3),
        limbs=(loss(0.3, 8.0), loss(0.3, 8.0)),
        limbus_shadow=(loss(0.4, 9.0), loss(0.4, 9.0)),
        shadows=np.column_stack([rng.random(count), rng.uniform(0.02, 0.3, count), rng.uniform(0, 5.0, count)]),
        rim=int(rng.integers(0, 14)),
    )
