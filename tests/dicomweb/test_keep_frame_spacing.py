"""One frame of an enhanced object has the pixel size that is stated for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from monai_ext.dicomweb.transfer import keep_frame
from monai_ext.images import read_image

ENHANCED_OCT = "1.2.840.10008.5.1.4.1.1.77.1.5.4"
#: Rows and columns of each frame in mm.
SPACINGS = [("0.0039", "0.0116"), ("0.005", "0.02"), ("0.25", "0.5")]


@pytest.mark.parametrize("frame", [1, 2, 3])
def test_a_kept_frame_has_its_own_spacing(tmp_path: Path, write_dicom: Callable[..., Path], frame: int) -> None:
    pixels = np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30)
    elements = {"SharedFunctionalGroupsSequence": [plane()], "PerFrameFunctionalGroupsSequence": groups()}
    path = write_dicom(tmp_path / "volume.dcm", pixels, ENHANCED_OCT, **elements)
    dataset = dcmread(path)
    keep_frame(dataset, frame)
    dataset.save_as(tmp_path / "kept.dcm")
    image, kept = read_image(tmp_path / "kept.dcm")
    np.testing.assert_array_equal(image[0], pixels[frame - 1])
    row, column = map(float, SPACINGS[frame - 1])
    assert (kept.spacing, kept.unit) == ((column, row), "mm")
    np.testing.assert_allclose(np.diag(kept.placement)[:2], [column, row])


def plane() -> Dataset:
    orientation, group = Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    group.PlaneOrientationSequence = [orientation]
    return group


def groups() -> list[Dataset]:
    found = []
    for spacing in SPACINGS:
        measures, position, group = Dataset(), Dataset(), Dataset()
        measures.PixelSpacing, position.ImagePositionPatient = list(spacing), [0, 0, 0]
        group.PixelMeasuresSequence, group.PlanePositionSequence = [measures], [position]
        found.append(group)
    return found
