"""A study with two readers through the routes: both labels are kept, neither sees the other's, the mean trains."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_readers import Person, label_on_disk, mean
from app_requests import assert_refused, client_of
from monailabel.endpoints.user.auth import DEFAULT_USER

from lib.datastore import LandmarkDatastore
from lib.served_labels import training_set
from monai_ext.engines import read_labels
from monai_ext.landmarks import InputError, Status
from monai_ext.studies import reader_of

A = [[20.25, 30.5], [60.0, 40.0]]
B = [[22.75, 27.5], [61.0, 44.5]]
C = [[10.0, 10.0], [50.0, 20.0]]
MISSING = [Status.DEFINED, Status.MISSING]


class Study:
    """A study with two readers, its app and the people who work on it."""

    def __init__(self, make_app: Callable[..., Any], folder: Path, **conf: str) -> None:
        self._make_app, self.folder = make_app, folder
        self.open(**{"readers": "2", **conf})

    def open(self, **conf: str) -> None:
        """Starts the app on the folder, again or with other values."""
        self.app = self._make_app(self.folder, **conf)
        self._client = client_of(self.app)

    def person(self, name: str) -> Person:
        return Person(name, self._client, self.folder)

    def next(self, name: str, strategy: str = "first") -> Any:
        return self._client.post(f"/activelearning/{strategy}", json={"annotator": name} if name else {})

    def labelled(self) -> dict[str, tuple[list[int], list[list[float]]]]:
        """What trains: status and points by image."""
        protocol = self.app.settings.protocols["spots"]
        images = training_set(self.app.datastore(), protocol, self.app.settings.protocols)
        return {
            image: (label.status.tolist(), label.points.tolist())
            for image, label in read_labels(images, protocol).items()
        }


@pytest.fixture
def study(make_app: Callable[..., Any], make_studies: Callable[[int], Path]) -> Study:
    return Study(make_app, make_studies(3))


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted((folder / "labels").rglob("*.mrk.json"))
        if ".history" not in path.parts
    }


def test_both_labels_are_kept_and_neither_reader_sees_the_others(study: Study) -> None:
    ann, ben = study.person("ann"), study.person("ben")
    assert ann.put("spot_00", A).status_code == 200
    assert ben.points("spot_00") == 404
    assert ben.images()["spot_00"]["state"] == "unlabeled"
    assert ben.images()["spot_00"]["labels"] == {}
    assert ben.images()["spot_00"]["readers"] == {"of": 2, "finished": 1}
    assert ben.put("spot_00", B).status_code == 200
    np.testing.assert_allclose(ann.points("spot_00"), A, atol=1e-9)
    np.testing.assert_allclose(ben.points("spot_00"), B, atol=1e-9)
    assert ann.images()["spot_00"]["labels"]["final"]["annotator"] == "ann"
    assert ben.images()["spot_00"]["labels"]["final"]["annotator"] == "ben"
    assert ann.get("/datastore/label/info", label="spot_00", tag="final").json()["annotator"] == "ann"
    for tag, points in (("reader1", A), ("reader2", B), ("final", mean(A, B))):
        found = label_on_disk(study.folder, "spot_00", tag)
        np.testing.assert_allclose(found.points, points, atol=1e-9)


def test_a_tag_of_the_folder_cannot_be_asked_for(study: Study) -> None:
    ann, ben = study.person("ann"), study.person("ben")
    ann.put("spot_00", A)
    for tag in ("reader1", "reader2", "draft2"):
        assert_refused(ben.get("/datastore/label", label="spot_00", tag=tag), 404, "use one of final, draft, original")
        assert_refused(ben.get("/datastore/label/info", label="spot_00", tag=tag), 404, "is unknown")
        assert_refused(ben.get("/datastore/label/history", image="spot_00", tag=tag), 400, "is unknown")
        assert_refused(ben.delete("/datastore/label", id="spot_00", tag=tag), 400, "is unknown")
        assert_refused(ben.put("spot_00", B, tag=tag), 400, "is unknown")


def test_nothing_that_is_sent_holds_the_others_points(study: Study) -> None:
    ann, ben = study.person("ann"), study.person("ben")
    place = 31.4159265
    ann.put("spot_00", [[place, place], [60, 40]], landmarks=[{"name": "bright", "pixel": [place, place]}])
    ben.put("spot_00", B)
    nobody = study.person("")
    for who, address, query in [
        (ben, "/datastore/images", {}),
        (nobody, "/datastore/images", {}),
        (nobody, "/datastore/", {"output": "all"}),
        (ben, "/datastore/label", {"label": "spot_00", "tag": "final"}),
        (ben, "/datastore/label/info", {"label": "spot_00", "tag": "final"}),
        (ben, "/datastore/label/history", {"image": "spot_00"}),
        (ben, "/datastore/image/info", {"image": "spot_00"}),
        (ben, "/info/", {}),
    ]:
        answer = who.get(address, **query)
        assert answer.status_code == 200, address
        assert "31.415" not in answer.text, address
    assert "31.415" in ann.get("/datastore/label", label="spot_00", tag="final").text


@pytest.mark.parametrize("name", ["", "   "])
def test_a_request_that_names_nobody_is_refused_and_changes_nothing(study: Study, name: str) -> None:
    study.person("ann").put("spot_00", A)
    before, nobody = files(study.folder), study.person(name)
    words = "This study has 2 readers"
    assert_refused(nobody.put("spot_00", B), 422, words)
    assert_refused(nobody.put("spot_00", B, tag="draft"), 422, words)
    assert_refused(nobody.get("/datastore/label", label="spot_00", tag="final"), 422, words)
    assert_refused(nobody.get("/datastore/label/info", label="spot_00", tag="final"), 422, words)
    assert_refused(nobody.get("/datastore/label/history", image="spot_00"), 422, words)
    assert_refused(nobody.post("/datastore/label/restore", image="spot_00", version="x"), 422, words)
    assert_refused(nobody.delete("/datastore/label", id="spot_00", tag="final"), 422, words)
    assert_refused(study.next(name), 422, words)
    assert files(study.folder) == before


def test_the_mean_trains_and_a_landmark_in_dispute_does_not(study: Study) -> None:
    ann, ben = study.person("ann"), study.person("ben")
    ann.put("spot_00", A)
    ben.put("spot_00", B)
    ann.put("spot_01", A)
    ann.put("spot_02", A)
    ben.put("spot_02", B, MISSING)
    found = study.labelled()
    assert sorted(found) == ["spot_00", "spot_01", "spot_02"]
    assert found["spot_00"][0] == found["spot_01"][0] == [1, 1]
    np.testing.assert_allclose(found["spot_00"][1], [[21.5, 29.0], [60.5, 42.25]], atol=1e-9)
    np.testing.assert_allclose(found["spot_01"][1], A, atol=1e-9)
    assert found["spot_02"][0] == [1, -1]
    np.testing.assert_allclose(found["spot_02"][1][0], [21.5, 29.0], atol=1e-9)
    assert np.isnan(found["spot_02"][1][1]).all()
    listed = study.person("").images()
    assert listed["spot_02"]["disagreements"] == ["dim"]
    assert listed["spot_00"]["disagreements"] == []
    ben.put("spot_02", B)  # they agree now
    assert study.labelled()["spot_02"][0] == [1, 1]
    assert study.person("").images()["spot_02"]["disagreements"] == []


def test_a_third_reader_is_refused_and_offered_nothing(study: Study) -> None:
    for name, points in (("ann", A), ("ben", B)):
        study.person(name).put("spot_00", points)
    before, eve = files(study.folder), study.person("eve")
    for tag in ("final", "draft"):
        assert_refused(
            eve.put("spot_00", C, tag=tag), 409, "has its 2 readers (ann, ben): a label of 'eve' is not accepted"
        )
    assert files(study.folder) == before
    assert eve.points("spot_00") == 404
    assert eve.images()["spot_00"]["state"] == "final"
    assert [study.next("eve").json()["id"] for _ in range(2)] == ["spot_01", "spot_02"]


def test_a_reader_corrects_and_undoes_the_own_label_alone(study: Study) -> None:
    ann, ben = study.person("ann"), study.person("ben")
    ann.put("spot_00", A)
    ben.put("spot_00", B)
    assert ann.put("spot_00", C).status_code == 200
    np.testing.assert_allclose(label_on_disk(study.folder, "spot_00").points, mean(C, B), atol=1e-9)
    versions = ann.get("/datastore/label/history", image="spot_00").json()["versions"]
    assert [version["user"] for version in versions] == ["ann"]
    assert ben.get("/datastore/label/history", image="spot_00").json()["versions"] == []
    stolen = ben.post("/datastore/label/restore", image="spot_00", version=versions[0]["version"])
    assert_refused(stolen, 404, "has no earlier version")
    assert ann.post("/datastore/label/restore", image="spot_00", version=versions[0]["version"]).status_code == 200
    np.testing.assert_allclose(ann.points("spot_00"), A, atol=1e-9)
    np.testing.assert_allclose(ben.points("spot_00"), B, atol=1e-9)
    np.testing.assert_allclose(label_on_disk(study.folder, "spot_00").points, mean(A, B), atol=1e-9)


def test_a_deleted_label_leaves_the_others_and_can_be_put_back(study: Study) -> None:
    ann, ben = study.person("ann"), study.person("ben")
    ann.put("spot_00", A)
    ben.put("spot_00", B)
    assert ann.delete("/datastore/label", id="spot_00", tag="final").status_code == 200
    assert ann.points("spot_00") == 404
    np.testing.assert_allclose(ben.points("spot_00"), B, atol=1e-9)
    np.testing.assert_allclose(label_on_disk(study.folder, "spot_00").points, B, atol=1e-9)
    version = ann.get("/datastore/label/history", image="spot_00").json()["versions"][0]
    assert version["reason"] == "deleted"
    ann.post("/datastore/label/restore", image="spot_00", version=version["version"])
    np.testing.assert_allclose(label_on_disk(study.folder, "spot_00").points, mean(A, B), atol=1e-9)
    for who in (ann, ben):
        who.delete("/datastore/label", id="spot_00", tag="final")
    assert files(study.folder) == {}
    assert study.person("").images()["spot_00"]["state"] == "unlabeled"
    assert_refused(ann.delete("/datastore/label", id="spot_00", tag="final"), 404, "has no final label of 'ann'")


def test_each_reader_has_a_draft_that_the_own_final_label_ends(study: Study) -> None:
    ann, ben = study.person("ann"), study.person("ben")
    ann.put("spot_00", A, tag="draft")
    ben.put("spot_00", B, tag="draft")
    np.testing.assert_allclose(ann.points("spot_00", "draft"), A, atol=1e-9)
    np.testing.assert_allclose(ben.points("spot_00", "draft"), B, atol=1e-9)
    assert {who.images()["spot_00"]["state"] for who in (ann, ben)} == {"draft"}
    assert_refused(study.person("eve").put("spot_00", C), 409, "has its 2 readers (ann, ben)")
    ben.put("spot_00", C)
    assert ben.points("spot_00", "draft") == 404
    np.testing.assert_allclose(ann.points("spot_00", "draft"), A, atol=1e-9)
    assert [who.images()["spot_00"]["state"] for who in (ann, ben)] == ["draft", "final"]
    assert label_on_disk(study.folder, "spot_00", "draft2") is None


def test_each_image_is_offered_to_two_readers_and_counts_for_each(study: Study) -> None:
    assert [study.next(name).json()["id"] for name in ("ann", "ben", "eve")] == ["spot_00", "spot_00", "spot_01"]
    assert [study.next(name).json()["id"] for name in ("ann", "ben")] == ["spot_01", "spot_02"]
    for image in ("spot_00", "spot_01", "spot_02"):
        study.person("ann").put(image, A)
    assert study.next("ann").json() == {"message": "All 3 images are labelled, by you or by their 2 readers."}
    states = study.person("ann").get("/datastore/images").json()["states"]
    assert states == {"unlabeled": 0, "draft": 0, "final": 3}
    assert study.person("ben").get("/datastore/images").json()["states"] == {"unlabeled": 3, "draft": 0, "final": 0}
    assert study.person("").get("/datastore/images").json()["states"] == {"unlabeled": 0, "draft": 3, "final": 0}
    for image in ("spot_00", "spot_01"):
        study.person("ben").put(image, B)
    assert study.person("").get("/datastore/images").json()["states"] == {"unlabeled": 0, "draft": 1, "final": 2}
    assert study.next("ben").json()["id"] == "spot_02"  # it was offered to ben before, hence not to anybody else
    words = "The last 1 image without a label of yours are in other hands: 1 offered to others"
    assert study.next("eve").json()["message"].startswith(words)


def test_the_name_of_a_reader_counts_in_any_case(study: Study) -> None:
    study.person("Ann").put("spot_00", A)
    study.person(" ann ").put("spot_00", C)
    np.testing.assert_allclose(study.person("ANN").points("spot_00"), C, atol=1e-9)
    assert sorted(files(study.folder)) == ["labels/final/spot_00.mrk.json", "labels/reader1/spot_00.mrk.json"]


def test_a_study_of_one_reader_goes_on_with_two(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path]
) -> None:
    study = Study(make_app, make_studies(3), readers="1")
    ann, ben = study.person("ann"), study.person("ben")
    ann.put("spot_00", C)
    ann.put("spot_00", A)
    ann.put("spot_01", A)
    study.person("").put("spot_02", A)
    before = files(study.folder)
    study.open(readers="2")
    ann, ben = study.person("ann"), study.person("ben")
    assert files(study.folder) == before
    np.testing.assert_allclose(ann.points("spot_00"), A, atol=1e-9)
    assert [who.images()["spot_00"]["state"] for who in (ann, ben)] == ["final", "unlabeled"]
    assert ben.put("spot_00", B).status_code == 200
    np.testing.assert_allclose(ann.points("spot_00"), A, atol=1e-9)
    np.testing.assert_allclose(label_on_disk(study.folder, "spot_00").points, mean(A, B), atol=1e-9)
    versions = ann.get("/datastore/label/history", image="spot_00").json()["versions"]
    assert len(versions) == 1  # of the time with one reader
    assert ann.put("spot_01", B).status_code == 200  # corrects the label of that time
    np.testing.assert_allclose(label_on_disk(study.folder, "spot_01").points, B, atol=1e-9)
    (version,) = ann.get("/datastore/label/history", image="spot_01").json()["versions"]
    ann.post("/datastore/label/restore", image="spot_01", version=version["version"])
    np.testing.assert_allclose(ann.points("spot_01"), A, atol=1e-9)
    ben.put("spot_02", B)
    assert_refused(study.person("eve").put("spot_02", C), 409, "(one without a name, ben)")


def test_a_draft_of_an_unknown_person_keeps_no_reader_from_a_draft(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path]
) -> None:
    study = Study(make_app, make_studies(1), readers="1")
    study.person("").put("spot_00", C, tag="draft")
    study.open(readers="2")
    ann, ben = study.person("ann"), study.person("ben")
    assert ann.put("spot_00", A, tag="draft").status_code == 200
    assert ben.put("spot_00", B, tag="draft").status_code == 200
    assert (ann.points("spot_00", "draft"), ben.points("spot_00", "draft")) == (A, B)
    assert_refused(study.person("eve").put("spot_00", C, tag="draft"), 409, "has its 2 readers (ben, ann)")
    (version,) = study.app.datastore().label_versions("spot_00", "draft")
    assert b"10.0" in version.read()


def test_the_study_opens_with_one_reader_again_and_loses_nothing(study: Study) -> None:
    for name, points in (("ann", A), ("ben", B)):
        study.person(name).put("spot_00", points)
    study.person("ann").put("spot_01", A, tag="draft")
    before = files(study.folder)
    study.open(readers="1")
    nobody = study.person("")
    assert files(study.folder) == before
    np.testing.assert_allclose(nobody.points("spot_00"), mean(A, B), atol=1e-9)
    np.testing.assert_allclose(nobody.points("spot_00", "reader2"), B, atol=1e-9)
    np.testing.assert_allclose(nobody.points("spot_01", "draft"), A, atol=1e-9)
    assert nobody.images()["spot_00"]["state"] == "final"
    assert "readers" not in nobody.images()["spot_00"]
    assert nobody.put("spot_00", C).status_code == 200  # somebody settles it
    study.open(readers="2")
    np.testing.assert_allclose(label_on_disk(study.folder, "spot_00").points, C, atol=1e-9)
    np.testing.assert_allclose(study.person("ann").points("spot_00"), A, atol=1e-9)
    np.testing.assert_allclose(study.person("ben").points("spot_00"), B, atol=1e-9)


def test_names_and_readings_come_back_from_the_files_alone(study: Study) -> None:
    for name, points in (("ann", A), ("ben", B)):
        study.person(name).put("spot_00", points)
    for name in ("datastore_v2.json", "journal.jsonl"):
        (study.folder / name).unlink()
    study.open(readers="2")
    np.testing.assert_allclose(study.person("ann").points("spot_00"), A, atol=1e-9)
    np.testing.assert_allclose(study.person("ben").points("spot_00"), B, atol=1e-9)
    study.person("ben").put("spot_00", C)
    np.testing.assert_allclose(label_on_disk(study.folder, "spot_00").points, mean(A, C), atol=1e-9)


def test_a_reading_that_is_changed_by_hand_changes_what_trains(study: Study) -> None:
    for name, points in (("ann", A), ("ben", B)):
        study.person(name).put("spot_00", points)
    path = study.folder / "labels" / "reader2" / "spot_00.mrk.json"
    document = json.loads(path.read_text())
    document["markups"][0]["controlPoints"][0]["position"][0] += 4.0
    path.write_text(json.dumps(document))
    study.open(readers="2")
    expected = mean(A, B) + np.array([[2.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(label_on_disk(study.folder, "spot_00").points, expected, atol=1e-9)


def test_a_reader_confirms_the_own_flags(study: Study) -> None:
    ann = study.person("ann")
    ann.put("spot_00", A)
    answer = ann.client.put(
        "/datastore/label/info",
        params={"label": "spot_00", "tag": "final", "annotator": "ann"},
        data={"info": json.dumps({"reviewed": True, "annotator": "eve"})},
    )
    assert answer.status_code == 200
    labels = study.app.datastore().objects["spot_00"].labels
    assert [labels[tag].info["reviewed"] for tag in ("reader1", "final")] == [True, True]
    assert labels["reader1"].info["annotator"] == "ann"


def test_info_tells_how_many_readers_there_are(study: Study) -> None:
    assert study.person("").get("/info/").json()["readers"] == 2
    study.open()
    assert study.person("").get("/info/").json()["readers"] == 1


def test_the_whole_data_set_is_not_sent(make_app: Callable[..., Any], make_studies: Callable[[int], Path]) -> None:
    study = Study(make_app, make_studies(1), allow="dataset_download")
    study.person("ann").put("spot_00", A)
    assert_refused(study.person("ann").get("/datastore/dataset"), 403, "no client receives all labels")
    assert_refused(study.person("ann").get("/datastore/measurements"), 403, "monai-landmarks measure")


def test_an_unusable_label_of_the_other_is_said_and_the_own_is_not_lost(study: Study) -> None:
    ann, ben = study.person("ann"), study.person("ben")
    ann.put("spot_00", A)
    path = study.folder / "labels" / "reader1" / "spot_00.mrk.json"
    document = json.loads(path.read_text())
    document["imageFrame"]["size"] = [80, 64]
    path.write_text(json.dumps(document))
    answer = ben.put("spot_00", B)
    assert_refused(answer, 400, "The label 'reader1' was made on an image of 80 x 64 pixels")
    assert label_on_disk(study.folder, "spot_00", "reader2") is None
    with pytest.raises(InputError):
        label_on_disk(study.folder, "spot_00", "reader1")


def test_the_datastore_of_one_reader_keeps_every_file(study: Study) -> None:
    for name, points in (("ann", A), ("ben", B)):
        study.person(name).put("spot_00", points)
    before = files(study.folder)
    store = LandmarkDatastore(str(study.folder))
    assert sorted(store.objects["spot_00"].labels) == ["final", "reader1", "reader2"]
    assert files(study.folder) == before


def test_who_everybody_is_without_signing_in_is_no_name() -> None:
    assert reader_of({"user": DEFAULT_USER.username}) == ""
    assert reader_of({"user": "ann"}) == "ann"
