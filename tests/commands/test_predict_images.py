"""The image files that a command takes from files and folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from monai_ext.commands.predict import image_files, known_image_id
from monai_ext.landmarks import InputError


def save(path: Path, format_: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 6), 7).save(path, format=format_)
    return path


def test_a_folder_tells_which_images_it_passes_over(tmp_path: Path) -> None:
    used = save(tmp_path / "a.png")
    save(tmp_path / "web.webp")
    save(tmp_path / "sub" / "b.png")
    with pytest.warns(UserWarning, match="^Not used: ") as told:
        assert image_files([tmp_path]) == {"a": used}
    assert [str(warning.message) for warning in told] == [
        "Not used: sub/ with 1 image: only images in the folder itself are used: move them there.",
        "Not used: web.webp: WebP is not opened by 3D Slicer as an image: save it as PNG.",
    ]


def test_a_folder_without_images_tells_what_is_in_it(tmp_path: Path) -> None:
    save(tmp_path / "noext", "PNG")
    with pytest.raises(InputError, match=r"holds no image; noext: PNG without an extension of PNG: rename it\.$"):
        image_files([tmp_path])


def test_a_file_that_is_not_read_is_refused_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"web\.webp is not an image that can be read: WebP is not opened by 3D Slicer"
    ):
        known_image_id(save(tmp_path / "web.webp"))
    with pytest.raises(InputError, match=r"points\.csv is not an image that can be read: the extensions are \.nii\.gz"):
        known_image_id(tmp_path / "points.csv")
