"""Synthetic images for Slicer's Sample Data module; they come with the module, nothing is downloaded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "Resources" / "SampleData"
CATEGORY = "Landmark Detection"
#: Name in the Sample Data module, file, name in the scene; the protocols that fit are fundus, face and scleral_spur.
SAMPLES = (
    ("Synthetic fundus", "synthetic_fundus_004.jpg", "SyntheticFundus"),
    ("Synthetic face", "synthetic_face_004.jpg", "SyntheticFace"),
    ("Synthetic AS-OCT", "synthetic_scleral_spur_004.png", "SyntheticASOCT"),
)


def register_sample_data(logic: Any) -> None:
    """Adds the images to the Sample Data module, whose logic copies them into Slicer's cache when they are asked for.

    Args:
        logic: ``SampleData.SampleDataLogic``.
    """
    for name, file, node in SAMPLES:
        path = FOLDER / file
        logic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=name,
            uris=path.as_uri(),
            fileNames=file,
            nodeNames=node,
            # An older copy in the cache is not taken for this one.
            checksums=f"SHA256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
            thumbnailFileName=str(path),
            loadFileProperties={"singleFile": True},
        )
