from __future__ import annotations

import numpy as np
import pytest

from monai_ext.landmarks import InputError
from monai_ext.models import Calibration, ConformalRadius, PresenceThreshold, read_calibration, write_calibration


@pytest.fixture
def calibration() -> Calibration:
    return Calibration(
        protocol="fundus",
        version="v3",
        images=20,
        radius=ConformalRadius.fit(np.ones((20, 1)), ("fovea",)),
        presence=PresenceThreshold.fit(np.array([[0.2], [0.8]]), np.array([[0], [1]]), ("fovea",)),
    )


def test_it_is_found_beside_the_version_that_it_is_of(tmp_path, calibration) -> None:
    assert read_calibration(tmp_path, "v3") is None

    path = write_calibration(tmp_path, calibration)

    assert path == tmp_path / "v3.calibration.json"
    assert read_calibration(tmp_path, "v3") == calibration
    assert read_calibration(tmp_path, "v4") is None


def test_a_damaged_one_is_not_taken(tmp_path, calibration) -> None:
    path = write_calibration(tmp_path, calibration)
    path.write_text(path.read_text().replace('"coverage": 0.95', '"coverage": 95'))

    with pytest.raises(InputError, match=r"v3\.calibration\.json is damaged .*; remove it"):
        read_calibration(tmp_path, "v3")


def test_one_of_another_version_or_of_other_landmarks_is_not_taken(tmp_path, calibration) -> None:
    path = write_calibration(tmp_path, calibration)
    path.rename(tmp_path / "v4.calibration.json")
    with pytest.raises(InputError, match="belongs to version 'v3'"):
        read_calibration(tmp_path, "v4")

    write_calibration(tmp_path, calibration)
    assert read_calibration(tmp_path, "v3", ["fovea"], "12" * 32) == calibration  # which names no weights
    with pytest.raises(InputError, match="of the landmarks fovea, not of fovea, optic_disc"):
        read_calibration(tmp_path, "v3", ["fovea", "optic_disc"])


def test_one_of_other_weights_of_the_same_version_is_not_taken(tmp_path, calibration) -> None:
    known = calibration.model_copy(update={"sha256": "12" * 32})
    write_calibration(tmp_path, known)

    assert read_calibration(tmp_path, "v3", sha256="12" * 32) == read_calibration(tmp_path, "v3") == known
    with pytest.raises(InputError, match=r"v3\.calibration\.json is of other weights \(SHA-256 121212121212\.\.\.\)"):
        read_calibration(tmp_path, "v3", sha256="34" * 32)
