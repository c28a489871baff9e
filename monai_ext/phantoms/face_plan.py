"""What one synthetic face shows: proportions, pose, colours and camera, and where its 14 points lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from monai_ext.landmarks import FloatArray, rotation_matrix

from .face_anatomy import MIRROR, FaceShape, draw_face_shape

#: The patient's right side is at the image's left.
NAMES = (
    "right_exocanthion",
    "right_endocanthion",
    "left_endocanthion",
    "left_exocanthion",
    "right_pupil",
    "left_pupil",
    "right_alare",
    "left_alare",
    "subnasale",
    "right_cheilion",
    "left_cheilion",
    "labiale_superius",
    "labiale_inferius",
    "gnathion",
)

HairStyle = Literal["short", "fringe", "long", "none"]

SKIN = np.array(
    [
        [0.95, 0.80, 0.71],
        [0.90, 0.71, 0.58],
        [0.80, 0.59, 0.45],
        [0.63, 0.43, 0.31],
        [0.45, 0.29, 0.21],
        [0.32, 0.21, 0.16],
    ]
)
HAIR = np.array([[0.09, 0.07, 0.06], [0.24, 0.15, 0.09], [0.42, 0.27, 0.14], [0.75, 0.58, 0.32], [0.55, 0.53, 0.51]])
IRIS = np.array([[0.27, 0.16, 0.08], [0.35, 0.45, 0.55], [0.36, 0.40, 0.24], [0.15, 0.10, 0.07]])


@dataclass(frozen=True, eq=False)
class FacePlan:
    """Everything that one picture shows."""

    width: int  #: columns
    height: int  #: rows
    center: tuple[float, float]  #: pixel (x, y) of the point between the eyes
    scale: float  #: pixels per half face width
    roll: float  #: rotation in the plane in degrees, clockwise on the screen
    yaw: float  #: turn to the image's right in degrees
    pitch: float  #: nod, chin down, in degrees
    shape: FaceShape  #: proportions and expression
    skin: FloatArray  #: colour
    lip: FloatArray  #: colour
    iris: FloatArray  #: colour
    hair: FloatArray  #: colour
    hair_style: HairStyle  #: outline of the hair
    hairline: FloatArray  #: shift of the hairline along (x, y)
    cloth: FloatArray  #: colour of the clothes
    backdrop: FloatArray  #: (2, 3) background colours, top and bottom
    gaze: FloatArray  #: shift of the irises
    philtrum: float  #: depth of the groove of the philtrum, 0 (smooth) to 1
    light: FloatArray  #: (3,) direction towards the light, unit length
    contrast: float  #: strength of the directed light, 0 to 1
    detail: float  #: opacity of lashes, folds and soft shading; 0 leaves flat colours
    gain: float  #: of the intensities
    gamma: float  #: of the intensities
    blur: float  #: Gaussian sigma in pixels
    noise: float  #: standard deviation of the sensor noise
    seed: int  #: of the textures and the noise

    def mirrored(self) -> FacePlan:
        """The same face in a mirror; textures and noise are not mirrored."""
        across = np.array([-1.0, 1.0])
        return replace(
            self,
            center=(self.width - 1.0 - self.center[0], self.center[1]),
            roll=-self.roll,
            yaw=-self.yaw,
            hairline=self.hairline * across,
            gaze=self.gaze * across,
            light=self.light * MIRROR,
        )

    def plain(self) -> FacePlan:
        """The same geometry in flat colours, without texture, folds, blur and noise."""
        return replace(self, contrast=0.0, detail=0.0, gain=1.0, gamma=1.0, blur=0.0, noise=0.0)

    def to_face_plane(self, points: Any) -> FloatArray:
        """(..., 3) points of the head to (..., 2): turned and nodded, not yet rotated in the plane."""
        x, y, z = np.moveaxis(np.asarray(points, dtype=np.float64), -1, 0)
        yaw, pitch = np.radians(self.yaw), np.radians(self.pitch)
        depth = z * np.cos(yaw) - x * np.sin(yaw)
        return np.stack([x * np.cos(yaw) + z * np.sin(yaw), y * np.cos(pitch) + depth * np.sin(pitch)], axis=-1)

    @property
    def linear(self) -> FloatArray:
        """(2, 2) face plane to pixels."""
        return rotation_matrix(self.roll)[:2, :2] * self.scale

    def to_pixels(self, points: Any) -> FloatArray:
        """(..., 3) points of the head to (..., 2) pixels."""
        return self.to_face_plane(points) @ self.linear.T + np.array(self.center)

    def pupil(self, side: FloatArray) -> FloatArray:
        """(3,) the centre of the pupil of one eye, as the eyes look; a point of the head.

        Args:
            side: (3,) factors of the patient's left side: ones, or :data:`MIRROR` for the right eye.
        """
        upper, lower = self.shape.lids()
        center = (upper[2] + lower[2]) / 2 * side
        center[:2] += self.gaze - np.array([0.0, 0.01])
        return center

    @property
    def points(self) -> FloatArray:
        """(14, 2) the landmarks in pixels, in the order of :data:`NAMES`."""
        shape = self.shape
        inner, outer = shape.eye_corners()
        wing, corner = shape.wing(), shape.mouth_corner()
        subnasale, upper_lip, lower_lip, chin = shape.midline()[2:]
        head = [
            *(outer * MIRROR, inner * MIRROR, inner, outer, self.pupil(MIRROR), self.pupil(np.ones(3))),
            *(wing * MIRROR, wing, subnasale),
            *(corner * MIRROR, corner, upper_lip, lower_lip, chin),
        ]
        return self.to_pixels(np.stack(head))


def draw_face(rng: np.random.Generator) -> FacePlan:
    """Draws the proportions, pose, colours and camera of one picture."""
    shape = draw_face_shape(rng)
    tone = rng.uniform(0, len(SKIN) - 1.001)
    skin = SKIN[int(tone)] + (tone % 1) * (SKIN[int(tone) + 1] - SKIN[int(tone)])
    skin = np.clip(skin * rng.uniform(0.95, 1.05, 3), 0, 1)
    lip = skin * np.array([rng.uniform(0.86, 0.98), rng.uniform(0.6, 0.74), rng.uniform(0.62, 0.78)])
    dark_hair = rng.random() < 0.6 or tone > 3
    hair = HAIR[rng.integers(0, 2 if dark_hair else len(HAIR))] * rng.uniform(0.8, 1.2)
    light = np.array([rng.normal(0, 0.55), rng.normal(-0.35, 0.3), 1.0])
    styles: tuple[HairStyle, ...] = ("short", "fringe", "long", "none")
    while True:
        width, height = int(rng.integers(236, 257)), int(rng.integers(256, 289))
        plan = FacePlan(
            width=width,
            height=height,
            center=(width / 2 + rng.normal(0, 8), height * rng.uniform(0.4, 0.52)),
            scale=rng.uniform(58, 84),
            roll=float(rng.normal(0, 8)),
            yaw=float(np.clip(rng.normal(0, 8), -20, 20)),
            pitch=float(np.clip(rng.normal(0, 4), -9, 9)),
            shape=shape,
            skin=skin,
            lip=lip,
            iris=IRIS[rng.integers(0, len(IRIS)) if not dark_hair else rng.choice([0, 3])] * rng.uniform(0.8, 1.2),
            hair=hair,
            hair_style=styles[rng.choice(4, p=[0.4, 0.2, 0.3, 0.1])],
            hairline=np.array([rng.normal(0, 0.25), rng.normal(0, 0.05)]),
            cloth=rng.uniform(0.08, 0.85, 3),
            backdrop=np.clip(rng.uniform(0.1, 0.9) + rng.normal(0, 0.12, (2, 3)), 0, 1),
            gaze=rng.normal(0, [0.02, 0.008]),
            philtrum=rng.uniform(0.0, 1.0),
            light=light / np.linalg.norm(light),
            contrast=rng.uniform(0.2, 0.65),
            detail=1.0,
            gain=rng.uniform(0.82, 1.05 + 0.03 * tone),
            gamma=rng.uniform(0.85, 1.2),
            blur=rng.uniform(0.3, 1.0),
            noise=rng.uniform(0.004, 0.025),
            seed=int(rng.integers(2**32)),
        )
        if np.minimum(plan.points, np.array([width, height]) - 1.0 - plan.points).min() > 9:
            return plan
