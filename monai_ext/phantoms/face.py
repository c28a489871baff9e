"""Synthetic frontal faces with the 14 points of the face protocol, painted in layers up to the camera's noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from monai_ext.landmarks import FloatArray

from .face_anatomy import MIRROR
from .face_painter import Painter
from .face_plan import NAMES, FacePlan, draw_face
from .phantom import Phantom, to_uint8
from .random_fields import cloud_field, smooth_field, white_noise
from .raster import Float32, smooth_curve

SIDES = (MIRROR, np.ones(3))  #: the patient's right, then left


def make_face(rng: np.random.Generator) -> Phantom:
    """A random synthetic face, 236 to 288 pixels a side, RGB, with all 14 points in the picture.

    Args:
        rng: the only source of randomness: equal states give equal phantoms.
    """
    return render_face(draw_face(rng))


def render_face(plan: FacePlan) -> Phantom:
    """Draws a plan; a pure function of it."""
    painter = Painter(plan)
    _background(painter)
    _hair_behind(painter)
    _neck_and_ears(painter)
    _skin(painter)
    _nose(painter)
    _mouth(painter)
    for side in SIDES:
        _eye(painter, side)
        _brow(painter, side)
    _hair_in_front(painter)
    return Phantom(_photograph(painter), NAMES, plan.points)


def _by(x: float, y: float, z: float = 0.0) -> FloatArray:
    """(3,) a step, to add to points of the head."""
    return np.array([x, y, z])


def _spline(points: Any, count: int = 40, closed: bool = False) -> FloatArray:
    """(count, 3) smooth curve through points of the head."""
    return smooth_curve(points, count, closed)


def _background(painter: Painter) -> None:
    plan = painter.plan
    top, bottom = plan.backdrop.astype(np.float32)[:, :, None, None]
    painter.image += top + (bottom - top) * np.linspace(0, 1, plan.height, dtype=np.float32)[None, :, None]
    if plan.detail > 0:
        painter.image += 0.06 * plan.detail * cloud_field(painter.rng, plan.height, plan.width, 70.0, octaves=3)


def _crown(painter: Painter, factor: float) -> FloatArray:
    """(9, 3) the upper outline of the head from the image's right ear to the left one, widened by a factor."""
    crown = painter.plan.shape.contour()[5:14] * [factor, factor, 1.0]
    return crown - [0.0, 0.03, 0.15]


def _hair_behind(painter: Painter) -> None:
    plan = painter.plan
    if plan.hair_style != "long":
        return
    crown = _crown(painter, 1.14)
    low = plan.shape.chin_tip + 0.25
    side = np.array([[1.22, 0.5, -0.6], [1.15, low, -0.6]])
    outline = np.concatenate([side[::-1], crown, side * MIRROR])
    painter.fill(painter.outline(_spline(outline, 60)), _hair_color(painter) * np.float32(0.75))


def _hair_color(painter: Painter) -> Float32:
    """(3, H, W) hair with strands that run down."""
    plan = painter.plan
    color = np.broadcast_to(plan.hair.astype(np.float32)[:, None, None], painter.image.shape)
    if plan.detail == 0:
        return color
    strands = smooth_field(painter.rng, max(2, plan.height // 12), plan.width, 2.5)
    strands = np.repeat(strands, plan.height // strands.shape[0] + 1, axis=0)[: plan.height]
    strands = gaussian_filter(strands, (7.0, 0.4), truncate=2.0)
    sheen = np.exp(-(((painter.v + np.float32(0.8)) / 0.25) ** 2))
    return color * (1 + plan.detail * (0.22 * strands + 0.35 * sheen))


def _neck_and_ears(painter: Painter) -> None:
    plan, chin = painter.plan, painter.plan.shape.chin_tip
    shadow = plan.skin * 0.72
    half = 0.55 + 0.1 * plan.shape.jaw
    neck = [[-half, 0.6, -0.4], [half, 0.6, -0.4], [half * 1.06, chin + 0.7, -0.4], [-half * 1.06, chin + 0.7, -0.4]]
    painter.fill(painter.outline(neck), shadow)
    collar = np.array([[0.0, chin + 0.5, -0.3], [0.66, chin + 0.32, -0.4], [1.5, chin + 0.6, -0.4], [2.2, 4.5, -0.4]])
    collar = np.concatenate([collar[:0:-1] * MIRROR, collar])
    painter.fill(painter.outline(collar), plan.cloth)
    painter.shade(painter.line(collar[2:5], 0.03), -0.3)
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    for side in SIDES:
        ear = np.stack(
            [1.05 + 0.12 * np.cos(turn), 0.17 + 0.28 * np.sin(turn) - 0.04 * np.cos(turn), turn * 0 - 0.55], 1
        )
        painter.fill(painter.outline(ear * side), plan.skin * 0.88)
        fold = np.array([[1.07, 0.0, -0.5], [1.1, 0.12, -0.5], [1.06, 0.3, -0.5]]) * side
        painter.shade(painter.line(_spline(fold, 12), 0.05, 0.02), -0.35)


def _skin(painter: Painter) -> None:
    """The face with light from one side, blush, sockets and cheeks."""
    plan, shape = painter.plan, painter.plan.shape
    outline = _spline(shape.contour(), 90, closed=True)
    cover = painter.outline(outline)
    middle = plan.to_face_plane([0.0, 0.15, -0.3])
    nx = (painter.u - np.float32(middle[0])) / np.float32(1.12)
    ny = (painter.v - np.float32(middle[1])) / np.float32(1.75)
    nz = np.sqrt(np.clip(1 - nx**2 - ny**2, 0.04, 1))
    lx, ly, lz = plan.light.astype(np.float32)
    light = (1 + np.float32(plan.contrast) * (nx * lx + ny * ly + nz * lz - np.float32(0.68))).astype(np.float32)
    tone = plan.skin.astype(np.float32)[:, None, None] * light
    if plan.detail > 0:
        tone *= 1 + 0.03 * cloud_field(painter.rng, plan.height, plan.width, 14.0, octaves=4)
    # A soft shadow of the chin on the neck, then the face over it.
    painter.shade(gaussian_filter(cover, 0.1 * plan.scale, truncate=2.0), -0.3)
    painter.fill(cover, tone)
    blush = np.array([0.04, -0.06, -0.05])
    for side in SIDES:
        painter.shade(cover * painter.blob(np.array([0.55, 0.55, 0.0]) * side, 0.2, 0.17), blush)
        inner, outer = shape.eye_corners()
        socket = (0.6 * inner + 0.4 * outer - [0.0, 0.08, 0.0]) * side
        painter.shade(cover * painter.blob(socket, 0.24, 0.13), -0.16)
        painter.shade(cover * painter.blob(np.array([0.5, 0.33, 0.0]) * side, 0.2, 0.09), 0.06)
        fold = np.array([[shape.nose + 0.05, shape.subnasale - 0.1, 0.1], [0.4, shape.lip_top - 0.05, 0.05]])
        end = shape.mouth_corner() + _by(0.09, -0.03, -0.05)
        painter.shade(painter.line(_spline([*fold, end], 20) * side, 0.03, 0.03), -0.28)
    painter.shade(cover * painter.blob([0.0, -0.62, 0.0], 0.4, 0.2), 0.07)
    painter.shade(cover * painter.blob([0.0, shape.lip_bottom + 0.08, 0.2], 0.17, 0.045), -0.2)
    painter.shade(cover * painter.blob([0.0, shape.chin_tip - 0.17, 0.2], 0.16, 0.1), 0.07)


def _nose(painter: Painter) -> None:
    shape = painter.plan.shape
    nasion, tip, subnasale = shape.midline()[:3]
    lit = float(np.sign(painter.plan.light[0]) or 1.0)
    painter.shade(painter.blob(nasion, 0.09, 0.06), -0.12)
    ridge = _spline([nasion, (nasion + tip) / 2 + _by(0, 0, 0.03), tip], 20)
    painter.shade(painter.line(ridge, np.linspace(0.06, 0.11, 20), 0.045), 0.2)
    painter.shade(painter.blob(tip, 0.075, 0.06), 0.22)
    painter.shade(painter.blob(tip + _by(0.02 * lit, -0.015, 0.0), 0.028, 0.024), 0.3)
    wing = shape.wing()
    for side in SIDES:
        flank = np.array([[0.1, 0.02, 0.12], [0.11, 0.22, 0.18], [0.6 * shape.nose, wing[1] - 0.13, 0.24]]) * side
        shadow = -0.2 if side[0] != lit else -0.08
        painter.shade(painter.line(_spline(flank, 16), 0.07, 0.035), shadow)
        top = wing + _by(-0.22 * shape.nose, -0.1, 0.05)
        bottom = wing + _by(-0.2 * shape.nose, 0.075, 0.04)
        crease = _spline(np.stack([top, wing, bottom]) * side, 24)
        painter.shade(painter.line(crease, np.linspace(0.02, 0.035, 24)), -0.33)
        nostril = np.array([0.48 * shape.nose, subnasale[1] - 0.03, 0.3])
        turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        hole = np.stack(
            [0.27 * shape.nose * np.cos(turn), 0.03 * np.sin(turn) - 0.012 * np.cos(turn), turn * 0], axis=1
        )
        painter.fill(painter.outline((nostril + hole) * side) * np.float32(0.75), painter.plan.skin * 0.25)
    base = _spline([wing * MIRROR + _by(0.05, 0.07, 0), subnasale, wing + _by(-0.05, 0.07, 0)], 24)
    painter.shade(painter.line(base, 0.025, 0.012), -0.35)


def _mouth(painter: Painter) -> None:
    plan, shape = painter.plan, painter.plan.shape
    subnasale, upper, lower = shape.midline()[2:5]
    for side in SIDES:
        edge = _spline([subnasale + _by(0.05 * side[0], 0.03, 0), upper + _by(0.075 * side[0], -shape.bow, 0)], 8)
        painter.shade(painter.line(edge, 0.035, 0.018), 0.16 * plan.philtrum)
    groove = np.linspace(subnasale + _by(0, 0.02, 0), upper - [0, 0.01, 0], 8)
    painter.shade(painter.line(groove, 0.06, 0.02), -0.3 * plan.philtrum)
    corner = shape.mouth_corner()
    peak = upper + _by(0.085, -shape.bow, -0.01)
    dip = upper
    slope = peak + 0.5 * (corner - peak) + [0.0, -0.012, 0.03]
    half = np.stack([corner, slope, peak])
    top = np.concatenate([_spline(half, 20) * MIRROR, dip[None], _spline(half, 20)[::-1]])
    seam = np.array([0.0, shape.seam, 0.27])
    bend = np.array([0.5 * shape.mouth, shape.seam - 0.008 + 0.25 * (corner[1] - shape.seam), 0.22])
    upper_seam = _spline([corner * MIRROR, bend * MIRROR, seam, bend, corner], 40)
    drop = np.array([0.0, shape.gap, 0.0])
    lower_seam = _spline([corner * MIRROR, bend * MIRROR + drop * 0.8, seam + drop, bend + drop * 0.8, corner], 40)
    rounding = np.array([0.55 * shape.mouth, lower[1] - 0.22 * shape.lower_lip, 0.2])
    bottom = _spline([corner * MIRROR, rounding * MIRROR, lower, rounding, corner], 40)
    if shape.gap > 0:
        painter.fill(painter.outline(np.concatenate([upper_seam, lower_seam[::-1]])), [0.25, 0.08, 0.07])
        teeth = upper_seam[8:32]
        painter.fill(painter.outline(np.concatenate([teeth, teeth[::-1] + drop * 0.6])), [0.85, 0.82, 0.76])
    painter.fill(painter.outline(np.concatenate([top, upper_seam[::-1]])), plan.lip * 0.92)
    painter.fill(painter.outline(np.concatenate([lower_seam, bottom[::-1]])), plan.lip)
    painter.shade(painter.blob(lower - [0, 0.55 * shape.lower_lip, 0], 0.13, 0.03), 0.2)
    painter.shade(painter.line(upper_seam, 0.022), -0.55)
    painter.shade(painter.line(bottom[10:30], 0.03, 0.015), -0.15)


def _eye(painter: Painter, side: FloatArray) -> None:
    plan, shape = painter.plan, painter.plan.shape
    upper, lower = shape.lids()
    upper_lid, lower_lid = _spline(upper, 28) * side, _spline(lower, 28) * side
    opening = painter.outline(np.concatenate([upper_lid, lower_lid[::-1]]))
    crease = _spline(upper - [0.0, 0.055, 0.0] + np.array([0.0, 0.03, 0.0]) * [[1], [0], [0], [0], [0.6]], 20) * side
    painter.shade(painter.line(crease, 0.02), -0.3)
    painter.shade(painter.line(lower_lid + _by(0, 0.05, 0), 0.03, 0.015), -0.12)
    painter.fill(opening, [0.92, 0.9, 0.88])
    center = plan.pupil(side)
    radius = 0.19 * shape.fissure
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    painter.fill(opening * painter.outline(center + radius * 1.05 * ring), plan.iris * 0.5)
    painter.fill(opening * painter.outline(center + radius * 0.9 * ring), plan.iris)
    painter.fill(opening * painter.outline(center + radius * 0.45 * ring), [0.03, 0.03, 0.03])
    painter.shade(painter.line(upper_lid, 0.05, 0.017) * opening, -0.4)
    glint = center + _by(0.3 * radius * np.sign(plan.light[0]), -0.35 * radius, 0.0)
    painter.fill(plan.detail * opening * painter.line([glint, glint + _by(1e-3, 0, 0)], 0.035), [1.0, 1.0, 1.0])
    painter.shade(painter.line(upper_lid, 0.012 + 0.018 * np.sin(np.linspace(0.2, np.pi, 28))), -0.75)
    painter.shade(painter.line(lower_lid, 0.012), -0.3)
    inner = upper[0] * side
    painter.shade(opening * painter.blob(inner, 0.035, 0.035), [0.0, -0.35, -0.35])


def _brow(painter: Painter, side: FloatArray) -> None:
    plan, shape = painter.plan, painter.plan.shape
    start, end = shape.eye_corners()
    height = np.array([[0.0, -0.01, 0.02], [0.0, -0.035, 0.0], [0.0, 0.05 - shape.brow_tilt, -0.02]])
    along = np.array([start - [0.06, 0, 0], 0.35 * start + 0.65 * end, end + _by(0.08, 0.02, 0)])
    brow = _spline(along + height - [0.0, shape.brow, 0.0], 30) * side
    cover = painter.line(brow, np.linspace(0.1, 0.03, 30))
    color = plan.hair * 0.8 if plan.hair_style != "none" else plan.skin * 0.35
    painter.fill(cover * np.float32(0.75), color)


def _hair_in_front(painter: Painter) -> None:
    plan = painter.plan
    if plan.hair_style == "none":
        return
    shift, raised = plan.hairline
    top = -plan.shape.forehead
    heights = {"short": (0.62, 0.72), "fringe": (0.36, 0.34), "long": (0.55, 0.78)}[plan.hair_style]
    temple, middle = (top * share + raised for share in heights)
    low = plan.shape.chin_tip if plan.hair_style == "long" else 0.12
    width = 0.99 if plan.hair_style == "long" else 0.97
    hairline = [
        *([-width, low, -0.4], [-0.93, -0.3, -0.3], [-0.66, temple, -0.1], [shift, middle, 0.05]),
        *([0.66, temple, -0.1], [0.93, -0.3, -0.3], [width, low, -0.4]),
    ]
    factor = 1.13 if plan.hair_style == "long" else 1.07
    outer = _crown(painter, factor)
    ends = np.array([[1.14 if plan.hair_style == "long" else 1.0, low, -0.45]])
    edge = np.concatenate([_spline(hairline, 50), _spline(np.concatenate([ends, outer, ends * MIRROR]), 60)])
    cover = painter.outline(edge)
    painter.shade(gaussian_filter(cover, 0.06 * plan.scale, truncate=2.0) * (1 - cover), -0.3)
    painter.fill(cover, _hair_color(painter))


def _photograph(painter: Painter) -> NDArray[np.uint8]:
    plan = painter.plan
    image = np.clip(painter.image * np.float32(plan.gain), 1e-6, 1) ** np.float32(plan.gamma)
    if plan.blur > 0:
        image = gaussian_filter(image, (0, plan.blur, plan.blur), truncate=3.0)
    if plan.noise > 0:
        image = image + white_noise(painter.rng, image.shape, plan.noise)
    return to_uint8(image.transpose(1, 2, 0))
