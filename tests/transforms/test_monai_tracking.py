"""MONAI's own lazy augmentation, on images as they are loaded here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
import torch
from monai.transforms import Compose, RandAffined, TransformPointsWorldToImaged
from test_affine import PLACES, blob, found

from monai_ext.landmarks.geometry import (
    flip_lps_ras,
)
from monai_ext.transforms import (
    LoadLandmarkImaged,
)


def test_monai_lazy_affine_tracks_a_world_point(tmp_path: Path) -> None:
    chain = Compose(
        [
            RandAffined(
                keys="image",
                prob=1.0,
                rotate_range=0.5,
                translate_range=8,
                scale_range=0.15,
                shear_range=0.1,
                spatial_size=(120, 140),
                padding_mode="zeros",
            ),
        ],
        lazy=True,
    ).set_random_state(0)
    to_image = TransformPointsWorldToImaged(keys="points", refer_keys="image")
    for place in PLACES[4:]:
        image = sitk.GetImageFromArray(blob((150, 110), place, (4.0, 3.0)).numpy())
        image.SetSpacing((0.5, 0.25, 1.0))
        image.SetOrigin((5.0, -7.0, 9.0))
        image.SetDirection((0, -0.8, 0.6, 1, 0, 0, 0, 0.6, 0.8))
        sitk.WriteImage(image, str(tmp_path / "blob.nrrd"))
        loaded = LoadLandmarkImaged()({"image": tmp_path / "blob.nrrd"})
        world = flip_lps_ras(loaded["frame"].to_lps(place[None]))
        loaded["points"] = torch.tensor(world, dtype=torch.float32)[None]
        for _ in range(3):
            drawn = to_image(chain(loaded))
            row, column = drawn["points"][0, 0, :2].tolist()
            assert np.linalg.norm(found(drawn["image"].as_tensor()) - [column, row]) < 0.05
