"""Requests to a server: the real one over HTTP, or a stand-in in tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from .geometry import Calibration, Geometry
from .images import ImageList, LabelVersion
from .prediction import Answer
from .server_info import ServerInfo


class NextSample(NamedTuple):
    """The choice of a strategy.

    Attributes:
        image: the ID to open next; None if there is nothing left.
        message: the server's sentence where there is nothing left, or about its choice.
    """

    image: str | None
    message: str = ""


class LandmarkClient(Protocol):
    """One server. Every method blocks: call it in a worker thread. All may be called from several threads at once.

    Every method raises a :class:`~.errors.ClientError`, whose text is one sentence for the person: ``Unreachable``,
    ``TimedOut``, ``Cancelled``, ``WrongToken``, ``Refused`` (with the server's own sentence), ``ServerFailed`` or
    ``BadAnswer``. A request that failed may be sent again; nothing is half done on this side.

    Attributes:
        annotator: who asks: in a study with several readers the images and labels are that reader's own. May change.
    """

    annotator: str

    @property
    def url(self) -> str: ...

    def info(self) -> ServerInfo:
        """The server's protocols, networks and strategies, and the progress of training."""

    def images(self, search: str = "", state: str = "") -> ImageList:
        """The images of the studies folder, by ID.

        Args:
            search: words that the ID or the file name must hold; empty: all.
            state: ``unlabeled``, ``draft`` or ``final``; empty: all.
        """

    def frame(self, image: str) -> Geometry:
        """Placement and calibration of an image."""

    def infer(self, task: str, image: str, keep: bool = False) -> Answer:
        """The landmarks of an image of the studies folder.

        Args:
            task: the protocol.
            image: the ID.
            keep: whether the server keeps them as the image's proposal, which is never a person's label.
        """

    def next_sample(self, strategy: str, params: Mapping[str, Any] | None = None) -> NextSample:
        """The image to label next."""

    def save_label(self, image: str, markups: bytes, params: Mapping[str, Any], tag: str = "final") -> dict[str, Any]:
        """Stores a label; returns its info as the server recorded it."""

    def download_label(self, image: str, tag: str) -> bytes:
        """The markups file of a label."""

    def label_info(self, image: str, tag: str) -> dict[str, Any]:
        """The server's record of a label: what was sent with it, by whom and when."""

    def label_versions(self, image: str, tag: str) -> tuple[LabelVersion, ...]:
        """The earlier versions of a label, newest first."""

    def restore_label(self, image: str, tag: str, version: str) -> dict[str, Any]:
        """Puts an earlier version of a label back; returns its info. The present label becomes a version itself."""

    def download_image(self, image: str, folder: Path) -> Path:
        """Writes the image file into a folder, under its own name and extension; never half a file."""

    def upload_image(self, path: Path, image: str = "") -> str:
        """Adds an image file to the studies folder; returns its ID, by default the file name without extension."""

    def calibration(self, image: str) -> Calibration:
        """Size of a pixel of an image, and its source."""

    def state_calibration(self, image: str, statement: Mapping[str, Any]) -> Calibration:
        """Keeps what a person states with the image; returns what counts now.

        Args:
            image: the ID.
            statement: ``how``, ``line`` in pixels with ``length_mm``, ``annotator``, ``image_revision``.
        """

    def undo_calibration(self, image: str) -> Calibration:
        """Takes back the last statement on an image; returns the present calibration."""

    def withdraw_calibration(self, image: str) -> Calibration:
        """Ends the statements on an image, so that its file alone counts; returns the present calibration."""

    def study_measurements(self, protocol: str) -> bytes:
        """The measurements of all final labels of a protocol, as CSV."""

    def landmark_picture(self, protocol: str, landmark: str) -> bytes:
        """The example picture of a landmark, as PNG."""

    def train(self, task: str, options: Mapping[str, Any] | None = None) -> None:
        """Starts training; :meth:`info` then shows its progress. Options are those of ``ServerInfo.train_options``."""

    def stop_training(self) -> None:
        """Stops the training that runs; nothing happens where none does."""

    def cancel(self) -> None:
        """Ends all running requests, from any thread: each raises ``Cancelled`` within 0.2 seconds."""
