from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from app_spots import NAMES, SPOTS, write_label

from lib.datastore import LandmarkDatastore
from lib.errors import NotFoundError
from lib.served_labels import FinalLabels, protocol_of, read_label, unusable_labels
from monai_ext.landmarks import Frame, InputError, Landmarks, Protocol, find_protocol, read_protocol
from monai_ext.landmarks.label_check import check_label
from monai_ext.landmarks.markups import write_markups

FRAME = Frame(width=100, height=60)


@pytest.fixture
def protocols(tmp_path: Path) -> dict[str, Protocol]:
    (tmp_path / "spots.yaml").write_text(SPOTS)
    (tmp_path / "twin.yaml").write_text(SPOTS.replace("name: spots", "name: twin"))
    found = [read_protocol(tmp_path / f"{name}.yaml") for name in ("spots", "twin")]
    return {p.name: p for p in [*found, find_protocol("fundus")]}


def test_names_decide_the_protocol(protocols: dict[str, Protocol]) -> None:
    assert protocol_of(("optic_disc",), protocols).name == "fundus"
    del protocols["twin"]
    assert protocol_of(("dim",), protocols).name == "spots"


def test_the_stated_protocol_counts_when_several_fit(protocols: dict[str, Protocol]) -> None:
    with pytest.raises(InputError, match=r"match the protocols spots, twin: set params\.protocol"):
        protocol_of(NAMES, protocols)
    assert protocol_of(NAMES, protocols, "twin").name == "twin"
    with pytest.raises(NotFoundError, match="'ear' is not served; use one of spots, twin, fundus"):
        protocol_of(NAMES, protocols, "ear")


def test_labels_behind_a_link_are_surveyed(make_studies: Callable[[int], Path], protocols: dict[str, Protocol]) -> None:
    studies = make_studies(1)
    finals = studies.parent / "elsewhere" / "final"
    finals.mkdir(parents=True)
    (studies / "labels").symlink_to(finals.parent)
    path = write_label(finals / "spot_00.mrk.json", studies / "spot_00.png", [[20.0, 30.0], [60.0, 20.0]])
    path.write_text(path.read_text().replace('"dim"', '"dimm"'))
    (problem,) = unusable_labels(LandmarkDatastore(str(studies)), protocols)
    assert problem.startswith("labels/final/spot_00.mrk.json: ")
    assert "bright, dimm match no served protocol" in problem


def test_a_label_that_was_away_for_a_moment_counts_again(
    make_studies: Callable[[int], Path], protocols: dict[str, Protocol]
) -> None:
    del protocols["twin"]
    studies = make_studies(1)
    path = write_label(
        studies / "labels" / "final" / "spot_00.mrk.json", studies / "spot_00.png", [[20.0, 30.0], [60.0, 20.0]]
    )
    store = LandmarkDatastore(str(studies))
    finals, content = FinalLabels(store, protocols), path.read_bytes()
    path.unlink()
    assert finals.counts(store.objects) == {}
    path.write_bytes(content)
    assert finals.counts(store.objects) == {"spots": 1}


@pytest.mark.parametrize("names", [(), ("bright", "fovea"), ("nose",)])
def test_names_that_fit_nothing_are_refused(protocols: dict[str, Protocol], names: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"contains no landmark|match no served protocol"):
        protocol_of(names, protocols)


def test_label_comes_in_the_protocols_order(protocols: dict[str, Protocol], tmp_path: Path) -> None:
    path = tmp_path / "a.mrk.json"
    write_markups(path, Landmarks(("dim", "bright"), [[70.25, 5.5], [1.0, 2.0]], FRAME))
    protocol, landmarks = read_label(path, FRAME, protocols, "spots")
    assert (protocol.name, landmarks.names) == ("spots", NAMES)
    np.testing.assert_allclose(landmarks.points, [[1.0, 2.0], [70.25, 5.5]], atol=1e-9)


@pytest.mark.parametrize(("x", "inside"), [(-10.4, True), (-10.6, False), (109.4, True), (109.6, False)])
def test_a_point_may_lie_a_tenth_of_the_image_outside(
    protocols: dict[str, Protocol], tmp_path: Path, x: float, inside: bool
) -> None:
    path = tmp_path / "a.mrk.json"
    write_markups(path, Landmarks(NAMES, [[x, 30.0], [5.0, 5.0]], FRAME))
    if inside:
        assert read_label(path, FRAME, protocols, "spots")[1].points[0, 0] == pytest.approx(x)
    else:
        with pytest.raises(InputError, match=r"'bright' lies at pixel .* outside the image of 100 x 60 pixels"):
            read_label(path, FRAME, protocols, "spots")


def test_a_mirrored_label_is_refused(protocols: dict[str, Protocol], tmp_path: Path) -> None:
    path = tmp_path / "a.mrk.json"
    write_markups(path, Landmarks(NAMES, [[40.0, 30.0], [5.0, 5.0]], FRAME))
    path.write_text(path.read_text().replace('"LPS"', '"RAS"'))
    with pytest.raises(InputError, match="outside the image"):
        read_label(path, FRAME, protocols, "spots")


def test_a_finished_label_says_something() -> None:
    nothing = np.full((2, 2), np.nan)
    check_label(Landmarks(NAMES, nothing, FRAME, [-1, 0]), "a.mrk.json")
    check_label(Landmarks(NAMES, nothing, FRAME, [-1, -1]), "a.mrk.json", "draft")
    with pytest.raises(InputError, match=r"^a\.mrk\.json: Every landmark of the label is undefined"):
        check_label(Landmarks(NAMES, nothing, FRAME, [-1, -1]), "a.mrk.json")
