"""A session with a stand-in client and the images and works on its desk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from LandmarkDetectionLib.work import jobs
from LandmarkDetectionLib.work.session import Session
from session_parts import PROTOCOL, StandInClient, TestClock, info_document

FOLDER = Path("images")


class Desk:
    """A session with its client, as the panel uses them."""

    def __init__(self) -> None:
        self.client, self.clock = StandInClient(), TestClock()
        self.session = Session(self.clock)
        self.session.connect(self.client.url, jobs.refresh(self.client))

    def open(self, image: str = "one") -> Any:
        entry = self.session.images.get(image)
        assert entry is not None
        return self.session.open(jobs.open_image(self.client, self.session.task, entry, FOLDER))

    def detect(self) -> bool:
        return self.session.detected(jobs.detect(self.client, self.session.task, self.session.work.image))

    def send(self, tag: str = "final") -> str:
        """Returns the sentence for the person; empty where it went well."""
        submission = self.session.submission(tag)
        try:
            self.session.sent(jobs.send(self.client, submission))
        except Exception as error:
            return self.session.not_sent(submission, error)
        return ""


@pytest.fixture
def desk() -> Desk:
    return Desk()


def changed_protocol(**change: Any) -> dict[str, Any]:
    """``/info/`` of a server whose protocol lacks the last pair."""
    older = {**PROTOCOL, "landmarks": PROTOCOL["landmarks"][:5], **change}
    return info_document({"head": older})
