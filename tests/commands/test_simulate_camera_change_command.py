from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_ext.images import read_frame
from monai_ext.landmarks import Frame, Landmarks
from monai_ext.landmarks.markups import read_markups, write_markups
from monai_ext.studies import Studies

NAMES = ("left_eye", "right_eye")


@pytest.fixture
def faces(tmp_path) -> tuple[Path, Path]:
    """Five images of 90 x 70 pixels whose left landmark is bright and whose right one is dark, and their protocol."""
    rng = np.random.default_rng(0)
    studies = Studies(tmp_path / "faces")
    studies.root.mkdir()
    y, x = np.mgrid[:70, :90]
    for i in range(5):
        points = np.array([[25.0, 30.0], [60.0, 40.0]]) + rng.uniform(-4, 4, (2, 2))
        image = np.full((70, 90), 120.0)
        for (px, py), sign in zip(points, (1, -1), strict=True):
            image += sign * 90 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 3.0**2))
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(studies.root / f"face{i}.png")
        write_markups(studies.label_path(f"face{i}"), Landmarks(NAMES, points, Frame(90, 70)))
    studies.write_subjects({f"face{i}": f"person{i // 2}" for i in range(4)})
    studies.write_splits({f"face{i}": "val" if i < 2 else "train" for i in range(5)})
    (tmp_path / "faces.yaml").write_text(
        "name: faces\ntitle: Faces\nchannels: grey\nlandmarks:\n"
        "  - {name: left_eye, description: bright, pair: right_eye}\n"
        "  - {name: right_eye, description: dark, pair: left_eye}\n"
    )
    return tmp_path / "faces", tmp_path / "faces.yaml"


def change(cli, faces, out: Path, *arguments: object):
    return cli("simulate-camera-change", faces[0], "--protocol", faces[1], "--output", out, *arguments)


def test_a_studies_folder_comes_out_with_labels_and_splits(cli, faces, tmp_path) -> None:
    flips = checked(cli, faces, tmp_path / "one", 1) + checked(cli, faces, tmp_path / "two", 2)
    assert {True, False} == set(flips)


def checked(cli, faces, folder: Path, seed: int) -> list[bool]:
    """Looks at all that the command writes; which images are mirrored."""
    answer = change(cli, faces, folder, "--seed", seed)
    assert answer.code == 0, answer.err
    assert "5 images with labels, camera_change.json" in answer.out
    other = Studies(folder)
    assert other.splits() == Studies(faces[0]).splits()
    assert other.subjects() == {f"face{i}": f"person{i // 2}" for i in range(4)}
    assert other.labelled() == [f"face{i}" for i in range(5)]
    record = json.loads((folder / "camera_change.json").read_text())
    assert record["seed"] == seed
    flips = []
    for name, path in other.images().items():
        assert path.suffix == ".jpg"
        frame = read_frame(path)
        assert list(frame.size) == record["images"][name]["size"]
        found = read_markups(other.label_path(name), frame, NAMES)
        truth = read_markups(Studies(faces[0]).label_path(name), Frame(90, 70), NAMES)
        flipped = record["images"][name]["flipped"]
        matrix = np.array(record["images"][name]["matrix"])
        points = truth.points[::-1] if flipped else truth.points  # partners swap
        np.testing.assert_allclose(found.points, points @ matrix[:2, :2].T + matrix[:2, 2], atol=1e-3)
        assert found.points[0, 0] < found.points[1, 0]  # the left one is at the left of either side
        flips.append(flipped)
    return flips


@pytest.mark.slow
def test_the_same_seed_gives_the_same_files_and_another_does_not(cli, faces, tmp_path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 7)):
        assert change(cli, faces, tmp_path / name, "--seed", seed).code == 0
    for path in sorted((tmp_path / "a").rglob("face*")):
        again = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert path.read_bytes() == again.read_bytes()
        assert path.read_bytes() != (tmp_path / "c" / path.relative_to(tmp_path / "a")).read_bytes()


def test_wrong_requests_are_one_sentence(cli, faces, tmp_path) -> None:
    full = change(cli, faces, faces[0])
    assert full.code == 2
    assert "exists and is not empty: name a new folder" in " ".join(full.err.split())
    (tmp_path / "empty").mkdir()
    nothing = cli("simulate-camera-change", tmp_path / "empty", "-p", faces[1], "-o", tmp_path / "x")
    assert nothing.code == 2
    assert "has no labelled image" in " ".join(nothing.err.split())
    deep = np.full((70, 90), 4000, dtype=np.uint16)
    (faces[0] / "face0.png").unlink()
    Image.fromarray(deep).save(faces[0] / "face0.png")
    answer = change(cli, faces, tmp_path / "y")
    assert answer.code == 2
    assert "has values from 4000 to 4000: a camera is simulated for 8-bit images" in " ".join(answer.err.split())
