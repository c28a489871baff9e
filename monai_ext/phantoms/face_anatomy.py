"""The proportions of a schematic face: landmarks and outlines in three dimensions.

The unit is half the width of the face at the eyes. The origin lies between the eyes; x points to the image's right
(the patient's left), y down, z towards the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monai_ext.landmarks import FloatArray

MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class FaceShape:
    """Lengths of one face; see :func:`draw_face_shape` for plausible values."""

    inner: float  #: half the distance of the inner corners of the eyes
    fissure: float  #: length of the palpebral fissure
    tilt: float  #: how much higher the outer corner of the eye lies
    upper_lid: float  #: height of the upper lid above the line through the corners
    lower_lid: float  #: depth of the lower lid below it
    brow: float  #: height of the eyebrows above the eyes
    brow_tilt: float  #: how much higher the outer end of the brow lies
    nasion: float  #: height of the root of the nose, y
    tip: float  #: y of the tip of the nose
    nose: float  #: half the width of the nose at the wings
    subnasale: float  #: y of the base of the nose
    philtrum: float  #: distance from there to the upper lip
    upper_lip: float  #: height of the red of the upper lip in the midline
    gap: float  #: opening of the mouth
    lower_lip: float  #: height of the lower lip
    bow: float  #: height of the peaks of Cupid's bow over its dip
    mouth: float  #: half the width of the mouth
    smile: float  #: how much higher the corners of the mouth lie
    chin: float  #: distance from the lower lip to the chin
    jaw: float  #: half the width of the jaw
    forehead: float  #: height of the head above the eyes

    @property
    def lip_top(self) -> float:
        """The y of the upper edge of the upper lip in the midline."""
        return self.subnasale + self.philtrum

    @property
    def seam(self) -> float:
        """The y of the lower edge of the upper lip in the midline."""
        return self.lip_top + self.upper_lip

    @property
    def lip_bottom(self) -> float:
        """The y of the lower edge of the lower lip in the midline."""
        return self.seam + self.gap + self.lower_lip

    @property
    def chin_tip(self) -> float:
        """The y of the lowest point of the chin."""
        return self.lip_bottom + self.chin

    def eye_corners(self) -> FloatArray:
        """(2, 3) inner and outer corner of the patient's left eye."""
        return np.array([[self.inner, 0.015, 0.12], [self.inner + self.fissure, 0.015 - self.tilt, -0.03]])

    def wing(self) -> FloatArray:
        """(3,) the patient's left wing of the nose, its outermost point."""
        return np.array([self.nose, self.subnasale - 0.085, 0.2])

    def mouth_corner(self) -> FloatArray:
        """(3,) the patient's left corner of the mouth."""
        return np.array([self.mouth, self.seam + self.gap * 0.5 - self.smile, 0.12])

    def midline(self) -> FloatArray:
        """(6, 3) nasion, tip of the nose, subnasale, upper edge of the upper lip, lower edge of the lower lip, chin."""
        y = [self.nasion, self.tip, self.subnasale, self.lip_top, self.lip_bottom, self.chin_tip]
        z = [0.2, 0.46, 0.28, 0.27, 0.25, 0.14]
        return np.stack([np.zeros(6), y, z], axis=1)

    def lids(self) -> tuple[FloatArray, FloatArray]:
        """(5, 3) control points of the upper and lower lid of the patient's left eye, inner to outer corner."""
        inner, outer = self.eye_corners()
        t = np.array([0.0, 0.27, 0.55, 0.8, 1.0])[:, None]
        line = inner + t * (outer - inner)
        upper = line - np.array([0, 1, 0]) * self.upper_lid * np.array([0, 0.78, 1.0, 0.66, 0])[:, None]
        lower = line + np.array([0, 1, 0]) * self.lower_lid * np.array([0, 0.62, 1.0, 0.82, 0])[:, None]
        return upper, lower

    def contour(self) -> FloatArray:
        """(18, 3) outline of the face, the chin first."""
        chin, top = self.chin_tip, -self.forehead
        half = np.array(
            [
                [0.27, chin - 0.035, 0.08],
                [0.5, chin - 0.2, -0.08],
                [self.jaw, chin - 0.52, -0.28],
                [0.55 * self.jaw + 0.43, 0.5, -0.4],
                [1.0, 0.0, -0.42],
                [0.97, 0.45 * top, -0.42],
                [0.76, 0.78 * top, -0.4],
                [0.4, 0.95 * top, -0.38],
            ]
        )
        middle = np.array([[0.0, chin, 0.14], [0.0, top, -0.36]])
        return np.concatenate([middle[:1], half, middle[1:], half[::-1] * MIRROR])


def draw_face_shape(rng: np.random.Generator) -> FaceShape:
    """Draws the proportions of one face and its expression."""
    return FaceShape(
        inner=rng.uniform(0.2, 0.27),
        fissure=rng.uniform(0.33, 0.45),
        tilt=rng.normal(0.02, 0.022),
        upper_lid=rng.uniform(0.05, 0.13),
        lower_lid=rng.uniform(0.03, 0.07),
        brow=rng.uniform(0.2, 0.32),
        brow_tilt=rng.normal(0.02, 0.035),
        nasion=rng.uniform(-0.07, 0.02),
        tip=rng.uniform(0.42, 0.54),
        nose=rng.uniform(0.18, 0.28),
        subnasale=rng.uniform(0.6, 0.7),
        philtrum=rng.uniform(0.13, 0.27),
        upper_lip=rng.uniform(0.045, 0.13),
        gap=rng.uniform(0.02, 0.08) if rng.random() < 0.15 else 0.0,
        lower_lip=rng.uniform(0.08, 0.16),
        bow=rng.uniform(0.008, 0.04),
        mouth=rng.uniform(0.29, 0.42),
        smile=rng.normal(0.03, 0.025),
        chin=rng.uniform(0.3, 0.46),
        jaw=rng.uniform(0.69, 0.82),
        forehead=rng.uniform(1.2, 1.45),
    )
