"""learned_images: the images that trained a model, by what its folder, the splits and the subjects say."""

from __future__ import annotations

import json

import pytest
from engine_study import BLOBS, write_study

from monai_ext.engines import learned_images
from monai_ext.landmarks import Protocol
from monai_ext.models import ModelCard

IDS = [f"image_{i:03d}" for i in range(6)]


@pytest.fixture
def learned(tmp_path):
    def ask(sides=None, seen=(), splits=None, subjects=None, parent=None, val=IDS[:1]):
        studies = write_study(tmp_path / "studies", len(IDS))
        studies.write_splits(splits or {})
        studies.write_subjects(subjects or {})
        if sides is not None:
            (tmp_path / "settled_sides.json").write_text(json.dumps(sides))
        if seen:
            (tmp_path / "seen_labels.json").write_text(json.dumps(dict.fromkeys(seen, "1" * 64)))
        protocol = Protocol.model_validate(BLOBS | {"network": {"input_size": {"width": 96, "height": 64}}})
        card = ModelCard(
            protocol=protocol, version="v2", weights="", sha256="", labels_used=5, val_images=tuple(val), val_error=1,
            unit="px", epochs=1, seed=0, date="", parent=parent,
        )  # fmt: skip
        return learned_images(studies, IDS, tmp_path, card)

    return ask


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        ({"sides": {"train": ["image_000", "image_001"]}}, [1]),
        ({"sides": {"train": ["image_000", "image_001"]}, "parent": "v1"}, [0, 1]),  # v1 learned from image_000
        ({"seen": IDS[:3]}, [1, 2]),
        ({"seen": IDS[:3], "splits": {"image_001": "val", "image_002": "test"}}, []),
        ({"sides": {"train": ["image_001"]}, "splits": {"image_001": "test"}}, [1]),
        ({"splits": dict.fromkeys(IDS[1:4], "train")}, [1, 2, 3]),  # nothing is recorded
        ({"splits": dict.fromkeys(IDS[1:4], "train"), "val": ["of_other_images"]}, []),
    ],
)
def test_which_they_are(learned, given, numbers) -> None:
    found = learned(**given)

    assert found.ids == tuple(IDS[number] for number in numbers)
    assert found.recorded == bool({"sides", "seen"} & given.keys())
    assert (found.sentence is None) == (not numbers)


def test_images_of_the_subjects_of_training_images_count_too(learned) -> None:
    found = learned(sides={"train": ["image_001"]}, subjects={"image_001": "S1", "image_004": "S1", "image_003": "S3"})

    assert found.ids == ("image_001", "image_004")
    assert found.sentence.startswith("2 of the 6 images, or others of their subjects, trained blobs v2 (by their IDs):")
