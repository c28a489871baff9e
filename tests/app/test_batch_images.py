"""Batch inference over images of which one cannot be read."""

from __future__ import annotations

from typing import Any

import pytest
from app_requests import image_file, publish_random
from app_spots import spot_image

from lib.errors import ConflictError, LockedError, NotFoundError, StorageError

REQUEST = {
    "model": "spots",
    "images": "all",
    "max_workers": 1,
    "label_tag": "original",
    "save_label": True,
    "multi_gpu": False,
    "device": "cpu",
}


def test_a_damaged_image_ends_no_batch(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    publish_random(app)
    image_file(app, "spot_01").write_bytes(b"damaged")
    answers = app.batch_infer(dict(REQUEST))
    assert {image: answer["label"] for image, answer in answers.items()} == {
        "spot_00": "spot_00",
        "spot_01": None,
        "spot_02": "spot_02",
    }
    refused = answers["spot_01"]
    assert (refused["tag"], refused["file"], set(refused["params"])) == ("original", None, {"error"})
    assert "spot_01.png" in refused["params"]["error"]
    assert f"No landmarks were found in spot_01: {refused['params']['error']}" in caplog.text
    kept = {image for image, entry in app.datastore().objects.items() if "original" in entry.labels}
    assert kept == {"spot_00", "spot_02"}


@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_an_image_that_changes_while_it_is_looked_at_ends_no_batch(
    app: Any, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    publish_random(app)
    task, store = app.service.infer_task("spots"), app.datastore()
    predict = task.predict

    def changed_meanwhile(path: Any, image: str, *check: Any) -> Any:
        reply = predict(path, image, *check)
        if image == "spot_01" and change == "removed":
            store.remove_image(image)
        elif image == "spot_01":
            spot_image(9).save(path)
        return reply

    monkeypatch.setattr(task, "predict", changed_meanwhile)
    answers = app.batch_infer(dict(REQUEST))
    assert [answers[image]["label"] for image in ("spot_00", "spot_01", "spot_02")] == ["spot_00", None, "spot_02"]
    assert "spot_01" in answers["spot_01"]["params"]["error"]
    kept = {image for image, entry in store.objects.items() if "original" in entry.labels}
    assert kept == {"spot_00", "spot_02"}


@pytest.mark.parametrize("error", [StorageError, LockedError])
def test_what_concerns_all_images_ends_the_batch(
    app: Any, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    publish_random(app)

    def refuse(*_: Any) -> None:
        raise error("It takes no more data.")

    monkeypatch.setattr(app.datastore(), "store_label", refuse)
    with pytest.raises(error):
        app.batch_infer(dict(REQUEST))


def test_a_batch_without_a_model_is_refused(app: Any) -> None:
    with pytest.raises(ConflictError):
        app.batch_infer(dict(REQUEST))
    with pytest.raises(NotFoundError, match="no model 'ear'"):
        app.batch_infer({**REQUEST, "model": "ear"})
