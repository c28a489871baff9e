"""Points on the upright picture of a TIFF image of any kind find the stored pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from monai_ext.images import read_frame
from monai_ext.landmarks.markups import read_markups
from monai_ext.studies import Studies


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_a_point_on_a_turned_tiff_of_any_depth(cli, tmp_path: Path, dtype: str) -> None:
    photos, studies, table = tmp_path / "photos", Studies(tmp_path / "studies"), tmp_path / "i.json"
    photos.mkdir()
    pixels = np.arange(24 * 40).reshape(24, 40).astype(dtype)
    tifffile.imwrite(photos / "i.tif", pixels, extratags=[(274, "H", 1, 3, True)])
    shape = {"label": "tip", "points": [[5.5, 2.5]], "group_id": None, "shape_type": "point", "flags": {}}
    document = {"version": "5.4.1", "flags": {}, "shapes": [shape], "imagePath": "i.tif", "imageData": None}
    table.write_text(json.dumps({**document, "imageHeight": 24, "imageWidth": 40}))
    arguments = ("import", table, "--images", photos, "--studies", studies.root)

    refused = cli(*arguments)
    assert refused.code == 2
    assert "EXIF orientation 3" in refused.err
    assert "--exif upright" in refused.err
    assert not studies.root.exists()

    answer = cli(*arguments, "--exif", "upright")
    assert answer.code == 0, answer.err
    label = read_markups(studies.label_path("i"), read_frame(studies.image_path("i")))
    assert label.point("tip").tolist() == [34, 21]
