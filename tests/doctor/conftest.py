"""What the tests of the doctor share."""

from __future__ import annotations

from pathlib import Path

import pytest
from doctor_cases import two_points, write_image, write_label

from monai_ext.landmarks import Protocol


@pytest.fixture
def wings() -> Protocol:
    return two_points()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder whose path has a space and letters beyond ASCII."""
    folder = tmp_path / "Augenärzte 眼"
    folder.mkdir()
    return folder


@pytest.fixture
def studies(place: Path) -> Path:
    """Three images, the first with a final label, the second with a draft."""
    root = place / "Bilder"
    root.mkdir()
    for name in ("a", "b ü", "c"):
        write_image(root / f"{name}.png")
    write_label(root, "a")
    write_label(root, "b ü", "draft")
    return root
