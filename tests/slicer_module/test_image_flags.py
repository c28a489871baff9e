"""Labels that the server doubts: shown in the list, told before they are submitted as they are, confirmed by that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from folder_client import FolderClient
from LandmarkDetectionLib.errors import BadAnswer
from LandmarkDetectionLib.server.images import ImageEntry, ImageList
from panel_driver import Driver

DOUBT = "left_eye and right_eye look exchanged."
SHOWN = "left eye and right eye look exchanged."


class DoubtingClient(FolderClient):
    """Doubts the labels of some images.

    Attributes:
        doubted: images whose final label is flagged.
    """

    def __init__(self) -> None:
        super().__init__()
        self.doubted: set[str] = set()

    def images(self, search: str = "", state: str = "") -> ImageList:
        found = super().images(search, state)
        flagged = (replace(e, flags=(DOUBT,)) if e.id in self.doubted and e.state == "final" else e for e in found)
        return ImageList(tuple(flagged), found.counts)


@pytest.fixture
def client() -> DoubtingClient:
    return DoubtingClient()


@pytest.fixture
def doubted(connect: Callable[..., Driver], client: DoubtingClient) -> Driver:
    """Image ``one`` is labelled, flagged, and open again."""
    panel = connect(client)
    panel.do("nextSample")
    panel.do("detect")
    panel.submit()
    client.doubted.add("one")
    panel.do("nextSample")
    panel.ui.imageTable.selectRow(0)
    panel.do("openImage")
    return panel


def params(client: DoubtingClient) -> dict[str, Any]:
    return dict(client.labels["one", "final"][1])


def test_list_says_which_labels_are_doubted_and_why(doubted: Driver) -> None:
    cells = [doubted.ui.imageTable.item(row, 1) for row in range(3)]
    assert [cell.toolTip() for cell in cells] == [f"Worth a second look:\n{SHOWN}", "", ""]
    pictures = [cell.icon().pixmap(12, 12).toImage() for cell in cells]
    assert pictures[0] != pictures[1] == pictures[2]


def test_doubted_label_that_is_submitted_as_it_is_counts_as_confirmed(doubted: Driver, client: DoubtingClient) -> None:
    before = params(client)
    doubted.submit()
    assert doubted.questions[-1].details[0] == SHOWN
    assert params(client) == before  # the safest answer is to stay
    doubted.answers = ["submit"]
    doubted.submit()
    assert params(client)["reviewed"] is True
    assert doubted.ui.imageTable.item(0, 1).toolTip() == "head"


def test_label_that_was_changed_is_no_confirmation(doubted: Driver, client: DoubtingClient) -> None:
    doubted.drag(2, (51.0, 48.0))
    doubted.submit()
    assert doubted.questions == []
    assert "reviewed" not in params(client)


def test_flags_of_the_server_are_read() -> None:
    flags = [{"kind": "swapped", "landmarks": ["a", "b"], "sentence": DOUBT}]
    assert ImageEntry.from_dict({"id": "one", "state": "final", "flags": flags}).flags == (DOUBT,)
    assert ImageEntry.from_dict({"id": "one"}).flags == ()  # a server that knows of no flags
    with pytest.raises(BadAnswer, match="A flag of one: sentence should be text, not None"):
        ImageEntry.from_dict({"id": "one", "flags": [{"kind": "far"}]})


def test_flags_go_with_the_label_that_they_are_about() -> None:
    images = ImageList((ImageEntry("one", "final", flags=(DOUBT,)),))
    assert images.with_label("one", "draft", {}).get("one").flags == (DOUBT,)  # type: ignore[union-attr]
    assert images.with_label("one", "final", {}).get("one").flags == ()  # type: ignore[union-attr]
