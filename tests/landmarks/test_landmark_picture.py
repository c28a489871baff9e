"""The example picture of a landmark: checked when the protocol is read, marked at its point without bias."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from monai_ext.landmarks import InputError, Protocol, read_protocol
from monai_ext.landmarks.picture import MARK_COLOR, Picture, with_mark

TEXT = """name: spots
title: Spots
channels: grey
landmarks:
  - name: bright
    description: the bright spot
    picture: {picture}
  - {{name: dim, description: the dim spot}}
"""


def protocol(folder: Path, picture: str) -> Protocol:
    path = folder / "spots.yaml"
    path.write_text(TEXT.format(picture=picture))
    return read_protocol(path)


def mark_center(picture: Image.Image) -> np.ndarray:
    """(x, y) of the centre of gravity of the mark, whose four-fold symmetry is about the point."""
    pixels = np.asarray(picture.convert("RGB")).astype(float)
    weight = np.abs(pixels - np.array([90.0, 90.0, 90.0])).sum(axis=2)
    rows, columns = np.indices(weight.shape)
    return np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("point", [(60.0, 40.0), (51.3, 47.75), (30.5, 50.25)])
def test_the_mark_stands_about_its_point_and_leaves_it_free(point: tuple[float, float]) -> None:
    plain = Image.new("RGB", (120, 90), (90, 90, 90))
    marked = with_mark(plain, point)
    assert marked.size == plain.size
    np.testing.assert_allclose(mark_center(marked), point, atol=0.06)
    assert marked.getpixel((round(point[0]), round(point[1]))) == (90, 90, 90)
    assert plain.getpixel((round(point[0]) + 8, round(point[1]))) == (90, 90, 90)  # the given one stays
    yellow = np.array(ImageColor.getrgb(MARK_COLOR))
    assert (np.abs(np.asarray(marked).astype(int) - yellow).sum(axis=2) < 12).any()


def test_a_picture_is_sent_as_it_is_and_with_a_ring_where_the_point_is_stated(tmp_path: Path) -> None:
    (tmp_path / "pics").mkdir()
    Image.new("RGB", (120, 90), (90, 90, 90)).save(tmp_path / "pics" / "b.png")
    first, second = protocol(tmp_path, "pics/b.png").landmarks
    assert first.picture is not None
    assert first.picture.content() == (tmp_path / "pics" / "b.png").read_bytes()
    assert second.picture is None
    pointed = protocol(tmp_path, "{file: pics/b.png, point: [60, 40.5]}").landmarks[0].picture
    assert pointed is not None
    with Image.open(io.BytesIO(pointed.content())) as picture:
        np.testing.assert_allclose(mark_center(picture), (60, 40.5), atol=0.06)


def test_documents_of_a_network_leave_the_picture_out(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "b.png")
    with_picture = protocol(tmp_path, "b.png")
    document = json.loads(with_picture.model_dump_json())
    assert "picture" not in document["landmarks"][0]
    assert Protocol.model_validate(document).landmarks[0].picture is None
    assert Picture(file="b.png") == with_picture.landmarks[0].picture


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        ("none.png", r"there is no file .*none\.png; copy the picture there, or remove the key"),
        ("text.png", r"text\.png is not a PNG image"),
        ("photo.jpg", r"photo\.jpg is not a PNG image"),
        ("cut.png", r"cut\.png is not a PNG image"),
        ("wide.png", r"wide\.png has 1025 x 2 pixels; the longest side is 1024"),
        ("heavy.png", r"heavy\.png has more than 1000 kB"),
        ("../out.png", r"'\.\./out\.png' must be a PNG in or below the folder of the protocol file"),
        ("/etc/out.png", r"must be a PNG in or below the folder"),
        ("{file: good.png, point: [8, 2]}", r"the point \(8, 2\) lies outside good\.png of 8 x 6 pixels"),
        ("{file: good.png, colour: red}", r"the key 'landmarks\.0\.picture\.colour' is unknown"),
    ],
)
def test_a_picture_that_cannot_be_shown_is_refused_with_its_line(tmp_path: Path, picture: str, words: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (700, 700, 3), np.uint8)
    Image.new("L", (8, 6)).save(tmp_path / "good.png")
    Image.new("L", (8, 6)).save(tmp_path / "photo.jpg")
    Image.new("L", (1025, 2)).save(tmp_path / "wide.png")
    Image.fromarray(noise).save(tmp_path / "heavy.png")
    Image.fromarray(noise[:90, :90]).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:4000])
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(InputError, match=rf"spots\.yaml, line 7: .*{words}"):
        protocol(tmp_path, picture)
