"""A PACS that fails at single images: the labels and scores of the others go on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from app_pool import IMAGES as COUNT
from app_pool import House, scored, wait_for
from app_spots import SPOTS, spot_image, spot_points, write_label

from lib.pacs import PacsDatastore
from lib.pacs.place import Place
from lib.pacs.reports import Reports
from monai_ext.dicomweb import AwayError, Connection, FailedError, Instance
from monai_ext.landmarks import read_protocol

IMAGES = [f"1.{i}" for i in range(8)]


class Sender(Reports):
    """Sends to a PACS that fails at some images, and at others is not there.

    Attributes:
        asked: the images whose labels were to be sent.
    """

    def __init__(self, folder: Path, failing: set[str], away: set[str] = frozenset()) -> None:
        (folder / "mirror").mkdir()
        (folder / "spots.yaml").write_text(SPOTS)
        store = PacsDatastore(folder / "mirror", Connection("http://127.0.0.1:1/rs"), cache_mb=10, repair=False)
        store.take_list({image: Place(Instance("1", "2", image, 1, "")) for image in IMAGES})
        spot_image(0).save(folder / "image.png")
        label = write_label(folder / "l.mrk.json", folder / "image.png", spot_points(0)).read_bytes()
        for image in IMAGES:
            store.store_label(image, "final", label, {"annotator": "Ada", "protocol": "spots"})
        super().__init__(store, {"spots": read_protocol(folder / "spots.yaml")}, {})
        self.failing, self.away = failing, away
        self.asked: list[str] = []

    def _send(self, image: str) -> None:
        self.asked.append(image)
        if image in self.away:
            raise AwayError("The PACS does not answer.")
        if image in self.failing:
            raise FailedError("The PACS answers with an error (500).")


def test_a_label_at_which_the_pacs_fails_holds_up_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sender = Sender(tmp_path, {"1.0", "1.3"})
    with caplog.at_level(logging.WARNING, "lib.pacs.reports"):
        sender.send()
        assert sender.asked == IMAGES
        sender.asked.clear()
        sender.send()
    assert sender.asked == ["1.1", "1.2", "1.4", "1.5", "1.6", "1.7", "1.0", "1.3"]
    sentence = "The final label of 1.3 is not sent to the PACS: The PACS answers with an error (500)."
    assert sender.problem == sentence
    assert [record.getMessage() for record in caplog.records] == [sentence.replace("1.3", "1.0"), sentence]


def test_a_pacs_that_fails_at_all_is_not_asked_for_each(tmp_path: Path) -> None:
    sender = Sender(tmp_path, set(IMAGES))
    sender.send()
    assert sender.asked == IMAGES[:5]
    sender.asked.clear()
    sender.failing = set(IMAGES[:5])
    sender.send()
    assert sender.asked == [*IMAGES[5:], *IMAGES[:5]]


def test_a_pacs_that_is_away_is_asked_once(tmp_path: Path) -> None:
    sender = Sender(tmp_path, set(), {"1.1"})
    with pytest.raises(AwayError):
        sender.send()
    assert sender.asked == IMAGES[:2]


def test_an_image_at_which_the_pacs_fails_is_scored_after_the_next_change(
    move_in: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = move_in()
    store, failing = house.app.datastore(), {"spot_01"}
    image_file = store.image_file

    def fetch(image: str) -> Path:
        if image in failing:
            raise FailedError("The PACS answers with an error (500).")
        return image_file(image)

    monkeypatch.setattr(store, "image_file", fetch)
    house.pool.ask("spots")
    wait_for(lambda: house.counter.images == ["spot_00", "spot_02", "spot_03"])
    wait_for(lambda: (s := house.pool.stats()["spots"])["scored"] == 3 and s["status"] == "waiting")
    failing.clear()
    house.pool.ask("spots")
    scored(house.pool, COUNT)
    assert house.counter.images[3:] == ["spot_01"]
