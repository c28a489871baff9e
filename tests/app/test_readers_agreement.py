"""What the agreement with a network tells where several readers must not know each other's points."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app_requests import client_of, image_file, publish_random, put_label
from app_spots import spot_points, write_label


def agreement_of(app: Any, folder: Path) -> dict[str, Any]:
    """What is told after two people moved the points of one image by other lengths."""
    client = client_of(app)
    assert client.post("/infer/spots?image=spot_00&output=json").status_code == 200
    for reader, shift in (("ada", 0.0), ("bo", 3.0)):
        path = write_label(folder / "l.mrk.json", image_file(app, "spot_00"), spot_points(0) + shift)
        answer = put_label(client, path.read_bytes(), annotator=reader, model_version="v1")
        assert answer.status_code == 200, answer.text
    answer = client.post("/scoring/agreement", json={"annotator": "ada"})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["spots"])


def test_no_reader_is_told_how_far_another_moved_the_points_of_an_image(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path], tmp_path: Path
) -> None:
    app = make_app(make_studies(2), readers="2")
    publish_random(app)
    document = agreement_of(app, tmp_path)
    (version,) = document["versions"]
    assert document["labels"] == []
    assert (version["model_version"], version["labels"], version["landmarks"]) == ("v1", 2, {})
    app.datastore().remove_reading("spot_00", "final", "ada")
    bo = app.datastore().get_label_info("spot_00", app.datastore().reading_tag("spot_00", "final", "bo"))
    told = client_of(app).post("/scoring/agreement", json={"annotator": "ada"}).json()["spots"]
    assert not any(str(distance) in json.dumps(told["labels"]) for distance in bo["displacement"].values())


def test_with_one_reader_each_label_is_told(app: Any, tmp_path: Path) -> None:
    publish_random(app)
    document = agreement_of(app, tmp_path)
    assert [label["image"] for label in document["labels"]] == ["spot_00"]
    assert set(document["versions"][0]["landmarks"]) == {"bright", "dim"}
