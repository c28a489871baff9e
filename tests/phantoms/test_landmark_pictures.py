"""The pictures of the shipped protocols: those that the command draws, small, the mark at the landmark."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_ext.landmarks import InputError, find_protocol
from monai_ext.landmarks.protocol_file import shipped_dir
from monai_ext.phantoms.cephalogram import make_cephalogram
from monai_ext.phantoms.landmark_pictures import (
    FOLDER,
    PICTURED_PROTOCOLS,
    SIDE,
    landmark_pictures,
    picture_name,
    write_pictures,
)

LARGEST = 20_000


@pytest.mark.parametrize("name", PICTURED_PROTOCOLS)
def test_shipped_pictures_are_those_that_the_command_draws(name: str, tmp_path: Path) -> None:
    protocol = find_protocol(name)
    written = write_pictures(tmp_path, (name,))
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        picture_name(name, landmark) for landmark in landmark_pictures(name)
    ]
    for landmark in protocol.landmarks:
        assert landmark.picture is not None
        assert landmark.picture.file == picture_name(name, landmark.name)
        shipped, drawn = landmark.picture.content(), (tmp_path / landmark.picture.file).read_bytes()
        assert len(shipped) < LARGEST
        old, new = (np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int) for png in (shipped, drawn))
        assert old.shape == (SIDE, SIDE, 3)
        assert np.abs(old - new).mean() < 1.0  # another processor's arithmetic may change a few grey levels


def test_all_shipped_protocols_have_pictures_and_there_are_no_others() -> None:
    folder = shipped_dir("protocols")
    named = {picture_name(p, item.name) for p in PICTURED_PROTOCOLS for item in find_protocol(p).landmarks}
    assert {f"{FOLDER}/{path.name}" for path in (folder / FOLDER).iterdir()} == named
    assert sorted(path.stem for path in folder.glob("*.yaml")) == sorted(PICTURED_PROTOCOLS)


def test_a_protocol_without_a_phantom_is_refused() -> None:
    with pytest.raises(InputError, match="no phantom for pictures of 'ear'; use fundus, scleral_spur, face, ceph"):
        landmark_pictures("ear")


def test_the_cephalogram_has_its_landmarks_where_they_are_drawn() -> None:
    phantom = make_cephalogram()
    assert phantom.names == find_protocol("cephalometric").landmark_names
    at = dict(zip(phantom.names, phantom.points, strict=True))
    half = make_cephalogram(scale=1.0)
    np.testing.assert_allclose((phantom.points + 0.5) / 2, half.points + 0.5)  # no half pixel is lost
    image = phantom.image.astype(float)

    def level(name: str, dx: float = 0, dy: float = 0) -> float:
        x, y = (round(v) for v in at[name] + (dx, dy))
        return float(image[y - 2 : y + 3, x - 2 : x + 3].mean())

    for name in ("nasion", "orbitale", "porion", "pogonion", "menton", "gonion", "ANS", "PNS", "articulare"):
        assert level(name) > 1.2 * min(level(name, dx, dy) for dx in (-18, 0, 18) for dy in (-18, 0, 18)), name
    for name in ("upper_lip", "lower_lip", "soft_pogonion"):  # skin to the left, air to the right
        assert level(name, -12) > 2 * level(name, 12), name
    assert level("sella") < 0.8 * level("sella", 0, 30)  # the floor of the fossa lies below its centre
