"""A training reads each label file once and hands on what it read."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_study import write_study

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.engines.dataset import digests, with_landmarks
from monai_ext.engines.loader import make_loader
from monai_ext.landmarks import Frame, InputError, Landmarks, markups
from monai_ext.landmarks.markups import write_markups


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts of parses by the name of the label's file."""
    counts: Counter[str] = Counter()
    parse = markups.parse_markups

    def counted(content: bytes, where: str) -> markups.Markups:
        counts[Path(where).name] += 1
        return parse(content, where)

    monkeypatch.setattr(markups, "parse_markups", counted)
    return counts


def test_a_training_with_validation_and_calibration_parses_each_label_once(
    tmp_path, parsed, blob_study, quick_protocol
) -> None:
    images = labelled_images(blob_study)[:8]
    options = TrainOptions(max_epochs=2, val_interval=1, batch_size=2, device="cpu", publish_worse=True)

    for version in ("v1", "v2"):  # the second one measures the first one's model too
        parsed.clear()
        result = train_model(quick_protocol, images, tmp_path / "blobs", options)

        assert result.card.version == version
        assert (tmp_path / "blobs" / f"{version}.calibration.json").exists()
        assert parsed == {f"{image.id}.mrk.json": 1 for image in images}


def test_what_was_read_is_not_read_again(tmp_path, parsed, blob_protocol) -> None:
    studies = write_study(tmp_path / "studies", 3)
    files = labelled_images(studies)
    read = with_landmarks(files, blob_protocol)
    before = digests(files)
    write_markups(read[0].label, Landmarks(("bright", "dark"), np.full((2, 2), 5.0), Frame(80, 56)))

    assert with_landmarks(read, blob_protocol) == read
    assert digests(read) == before != digests(files)  # a correction since then counts as not seen
    assert parsed.total() == 3


def test_batches_of_labels_in_memory_are_those_of_their_files(blob_study, blob_protocol) -> None:
    files = labelled_images(blob_study)[:3]
    read = with_landmarks(files, blob_protocol)

    of_files, of_memory = (
        next(iter(make_loader(images, blob_protocol, training=False, batch_size=3))) for images in (files, read)
    )

    assert of_files.keys() == of_memory.keys()
    for name, value in of_files.items():
        assert torch.equal(value, of_memory[name]) if isinstance(value, torch.Tensor) else value == of_memory[name]


def test_a_label_of_an_image_that_was_replaced_since_is_refused(blob_study, blob_protocol) -> None:
    image = with_landmarks(labelled_images(blob_study)[:1], blob_protocol)[0]
    small = Landmarks(image.landmarks.names, np.full((2, 2), 5.0), Frame(40, 30))

    with pytest.raises((InputError, RuntimeError)) as raised:
        list(make_loader([replace(image, landmarks=small)], blob_protocol, training=False, batch_size=1))
    assert "image_000 was made on an image of 40 x 30 pixels, but the image has 80 x 56" in "".join(
        str(error) for error in (raised.value, raised.value.__cause__)
    )
