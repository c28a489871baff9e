from __future__ import annotations

import numpy as np
from PIL import Image

from monai_ext.evaluation import Comparison, draw_distances


def test_a_comparison_without_a_distance_has_no_boxes_beside_one_that_has(tmp_path) -> None:
    measured = Comparison("ann", "ben", "px", ("tip",), ("i",), np.array([[1.0]]))
    nothing = Comparison("ann", "eve", "px", ("tip",), ("j",), np.array([[np.nan]]))

    draw_distances([measured, nothing], tmp_path / "agreement.png")

    assert Image.open(tmp_path / "agreement.png").size[0] == 896
