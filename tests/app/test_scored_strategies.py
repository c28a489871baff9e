"""Images chosen by the background scores: in which order, and what is said while scores are missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_pool import IMAGES, NAMES, House, scored
from app_requests import assert_refused, publish_random
from app_spots import QUICK_SPOTS, spot_points, write_label

from lib.pool.score_table import ImageScore, Origin, ScoreTable, ScoreTables
from monai_ext.landmarks.geometry import FloatArray

MoveIn = Callable[..., House]


def ready(house: House) -> House:
    """The same, with all scores."""
    house.pool.ask("spots")
    scored(house.pool, IMAGES)
    return house


@pytest.fixture
def two_protocols(tmp_path: Path) -> str:
    """The folder of two protocols with the same landmarks; only ``spots`` has a network."""
    folder = tmp_path / "protocols"
    folder.mkdir()
    (folder / "spots.yaml").write_text(QUICK_SPOTS)
    (folder / "dots.yaml").write_text(QUICK_SPOTS.replace("name: spots", "name: dots"))
    return str(folder)


def label(house: House, image: str, folder: Path, **info: Any) -> None:
    file = write_label(folder / "label.mrk.json", house.studies / f"{image}.png", spot_points(0))
    house.app.datastore().save_label(image, str(file), "final", info)


def best_by_hand(strategy: str, features: FloatArray, scores: FloatArray, centres: list[int]) -> int:
    """The next image by plain loops, given those that are labelled or in hands."""
    free = [i for i in range(len(features)) if i not in centres]

    def distance(i: int, j: int) -> float:
        return float(np.sqrt(((features[i] - features[j]) ** 2).sum()))

    novelty = {i: min(distance(i, centre) for centre in centres) for i in free}
    if strategy == "diversity":
        return max(free, key=lambda i: novelty[i])
    return max(free, key=lambda i: sum(scores[j] * max(0.0, novelty[j] - distance(i, j)) for j in free))


def test_uncertainty_goes_by_the_scores_again_and_again(move_in: MoveIn, ask_app: Callable[..., Any]) -> None:
    house = ready(move_in())
    scores = house.view().scores
    assert scores is not None
    ranked = [NAMES[i] for i in np.argsort(-scores)]
    answers = [ask_app(house.app, "uncertainty", "ann") for _ in range(2 * IMAGES)]
    assert [answer["id"] for answer in answers] == 2 * ranked
    for turn, answer in enumerate(answers[:IMAGES]):
        assert answer["score"] == pytest.approx(scores[NAMES.index(answer["id"])], rel=1e-5)
        assert answer["score"] == answer["active"]["spots"]["score"]
        assert (answer["scored"], answer["of"]) == (IMAGES - turn, IMAGES - turn)
        assert (answer["protocol"], answer["model_version"], answer["measure"]) == ("spots", "v1", "map_radius")
        assert "note" not in answer


def test_two_clients_share_the_order(move_in: MoveIn, ask_app: Callable[..., Any]) -> None:
    house = ready(move_in())
    scores = house.view().scores
    assert scores is not None
    given = [ask_app(house.app, "uncertainty", client)["id"] for client in ("ann", "ben", "ben", "ann")]
    assert given == [NAMES[i] for i in np.argsort(-scores)]


@pytest.mark.parametrize("strategy", ["diversity", "hybrid"])
def test_what_is_offered_is_unlike_what_is_labelled_or_in_other_hands(
    move_in: MoveIn, ask_app: Callable[..., Any], tmp_path: Path, strategy: str
) -> None:
    house = ready(move_in())
    view = house.view()
    assert view.features is not None
    assert view.scores is not None
    label(house, "spot_02", tmp_path, protocol="spots")
    centres = [2]
    for client in ("ann", "ben", "ann"):
        best = best_by_hand(strategy, view.features, view.scores, centres)
        assert ask_app(house.app, strategy, client)["id"] == NAMES[best]
        centres.append(best)


def test_labels_of_another_protocol_are_no_centres(
    move_in: MoveIn, ask_app: Callable[..., Any], two_protocols: str, tmp_path: Path
) -> None:
    house = ready(move_in(protocols="spots,dots", protocol_dir=two_protocols))
    features = house.view().features
    assert features is not None
    label(house, "spot_02", tmp_path, protocol="dots")
    left = [0, 1, 3]
    mean = features[left].mean(0)
    nearest = min(left, key=lambda i: float(np.linalg.norm(features[i] - mean)))
    assert ask_app(house.app, "diversity", "ann", protocol="spots")["id"] == NAMES[nearest]


def test_while_scores_are_missing_the_best_of_the_others_is_offered(
    move_in: MoveIn, ask_app: Callable[..., Any]
) -> None:
    house = move_in()
    (house.studies / "spot_00.png").write_bytes(b"no image")
    house.pool.ask("spots")
    scored(house.pool, IMAGES - 1)
    answers = [ask_app(house.app, "uncertainty", "ann") for _ in range(IMAGES)]
    table = house.pool.table("spots", NAMES)
    assert table is not None
    ranked = sorted(table.images, key=lambda image: -table.images[image].score)
    assert [answer["id"] for answer in answers] == [*ranked, "spot_00"]
    assert [(answer["scored"], answer["of"]) for answer in answers] == [(3, 4), (2, 3), (1, 2), (0, 1)]
    assert answers[0]["note"] == "The best of 3 scored images is offered; 1 cannot be read."
    assert answers[3]["note"] == "None of the images that are left can be read (1): replace or delete them."


def test_an_image_that_cannot_be_read_is_offered_after_those_without_a_score(
    move_in: MoveIn, ask_app: Callable[..., Any]
) -> None:
    house = move_in(ready=False)
    pool = house.pool._pools["spots"]
    (house.studies / "spot_00.png").write_bytes(b"no image")
    for image in pool.plan([])[:2]:  # spot_00, which cannot be read, and spot_01
        pool.look(image, [])
    answers = [ask_app(house.app, "uncertainty", "ann") for _ in range(4)]
    assert [answer["id"] for answer in answers] == ["spot_01", "spot_02", "spot_03", "spot_00"]
    assert answers[0]["note"] == "The best of 1 scored images is offered; 2 are not yet, 1 cannot be read."
    assert answers[1]["note"].startswith("The first image by ID is offered, as none is scored yet")


@pytest.mark.parametrize("when", ["auto", "off"])
def test_with_nothing_scored_the_first_image_is_offered_at_once(
    move_in: MoveIn, ask_app: Callable[..., Any], when: str
) -> None:
    house = move_in(ready=False, pool_scores=when)  # the worker does not run: nothing can be waited for
    answers = [ask_app(house.app, "hybrid", "ann") for _ in range(2)]
    assert [answer["id"] for answer in answers] == ["spot_00", "spot_01"]
    assert (answers[0]["scored"], answers[0]["of"]) == (0, IMAGES)
    what = "The first image by ID is offered, as none is scored yet"
    assert (
        answers[0]["note"]
        == {
            "auto": f"{what}: that goes on in the background.",
            "off": f"{what} and --conf pool_scores is off: POST /scoring/uncertainty scores them.",
        }[when]
    )
    if when == "auto":
        house.pool.start()  # what was asked for before is done
        scored(house.pool, IMAGES)


def test_without_a_network_the_first_image_is_offered(move_in: MoveIn, ask_app: Callable[..., Any]) -> None:
    house = move_in(seed=None)
    answer = ask_app(house.app, "diversity", "ann")
    assert answer["id"] == "spot_00"
    assert answer["note"].startswith("The first image by ID is offered: The protocol spots has no trained network yet")


def test_scores_of_the_network_before_serve_until_the_new_one_has_seen_as_many(
    move_in: MoveIn, ask_app: Callable[..., Any]
) -> None:
    house = ready(move_in())
    scores = house.view().scores
    assert scores is not None
    house.pool.stop()
    publish_random(house.app, seed=1)
    answer = ask_app(house.app, "uncertainty", "ann")
    assert (answer["id"], answer["model_version"]) == (NAMES[int(scores.argmax())], "v1")
    assert answer["note"] == "The scores are those of network v1; v2 has still to see most."

    again = House(house.app.__class__(house.app.app_dir, str(house.studies), house.app.conf))
    answer = ask_app(again.app, "uncertainty", "ben")
    assert answer["id"] != ask_app(again.app, "uncertainty", "ann")["id"]
    scored(again.pool, IMAGES)
    again.pool.stop()
    assert ask_app(again.app, "uncertainty", "eve")["model_version"] == "v2"


def test_the_protocol_is_chosen_or_that_of_most_labels_or_the_first_with_a_network(
    move_in: MoveIn, ask_app: Callable[..., Any], two_protocols: str, tmp_path: Path
) -> None:
    house = move_in(protocols="dots,spots", protocol_dir=two_protocols)
    assert ask_app(house.app, "uncertainty", "ann")["protocol"] == "spots"
    answer = ask_app(house.app, "uncertainty", "ann", protocol="dots")
    assert (answer["protocol"], "dots has no trained network" in answer["note"]) == ("dots", True)
    label(house, "spot_00", tmp_path, protocol="dots")
    assert ask_app(house.app, "uncertainty", "ann")["protocol"] == "dots"
    assert next(iter(house.client.get("/info/").json()["protocols"])) == "dots"
    client = house.client
    refused = client.post("/activelearning/uncertainty", json={"protocol": "ear"})
    assert_refused(refused, 404, "There is no protocol 'ear'; there are dots, spots.")
    assert_refused(client.post("/activelearning/uncertainty", json={"protocol": 3}), 422, "not 3.")
    assert client.get("/info/").json()["pool_stats"].keys() == {"dots", "spots"}


def test_labelled_images_that_were_not_looked_at_are_named(
    move_in: MoveIn, ask_app: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = ready(move_in())
    label(house, "spot_00", tmp_path)
    table = house.pool.table("spots", NAMES)
    del table.images["spot_00"]
    monkeypatch.setattr(house.pool, "table", lambda *_: table)
    note = "1 of 1 labelled images are not looked at yet: the image may be like one of them."
    assert ask_app(house.app, "diversity", "ann")["note"] == note
    assert "note" not in ask_app(house.app, "uncertainty", "ann")


def test_scores_without_features_are_no_reason_to_keep_a_former_network() -> None:
    scores = {name: ImageScore("file", 0.5) for name in NAMES}
    seen = {name: ImageScore("file", 0.5, np.zeros(3)) for name in NAMES[:2]}
    tables = ScoreTables(current=ScoreTable(Origin("v2", "b", "map_radius"), seen))
    tables.former = ScoreTable(Origin("v1", "a", "map_radius"), scores)
    assert tables.best_for(NAMES).origin.model_version == "v1"
    assert tables.best_for(NAMES, features=True).origin.model_version == "v2"
    assert tables.best_for(NAMES[2:], features=True) is None
