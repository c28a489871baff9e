"""Earlier versions of the open label: listed, and one put back."""

from __future__ import annotations

from typing import Any

from .. import jobs
from ..images import ImageList
from ..jobs import OpenedImage
from ..label_versions import LabelVersion
from ..versions_dialog import choose_version
from ..words import tr as _
from ..workbench import INFO, Workbench
from .study_box import OPEN, StudyBox
from .submit_bar import SEND

VERSIONS = "versions"


class VersionsBox:
    """The button "Earlier...".

    Args:
        bench: the shared state.
        ui: the widgets by name.
        study: shows the image with the label that was put back.
    """

    def __init__(self, bench: Workbench, ui: Any, study: StudyBox) -> None:
        self._bench, self._ui, self._study = bench, ui, study
        #: Asks the person for one of the versions of an image; None: they do not want any.
        self.choose = choose_version
        ui.versionsButton.clicked.connect(self.list)
        bench.listen(self.show)

    def list(self, *_args: Any) -> None:
        """Asks the server for the versions, then the person for one of them."""
        bench, client, work = self._bench, self._bench.client, self._bench.session.work
        if client is None or work is None:
            return
        image, words = work.image, _("Looking for earlier versions of {image}").format(image=work.image)

        def done(versions: tuple[LabelVersion, ...]) -> None:
            if not versions:
                bench.say(_("{image} has no earlier version: its label was not changed yet.").format(image=image), INFO)
                return
            version = self.choose(image, versions)
            if version is not None:
                self._study.leave(lambda: self._restore(image, version))

        bench.run(VERSIONS, words, lambda: jobs.label_versions(client, image), done)

    def _restore(self, image: str, version: LabelVersion) -> None:
        bench, client, task = self._bench, self._bench.client, self._bench.session.task
        if client is None or task is None:
            return
        folder = bench.image_folder

        def done(found: tuple[ImageList, OpenedImage]) -> None:
            bench.session.images, opened = found
            words = _("The label of {image} is that of {when} again; the other one is kept among the earlier ones.")
            self._study.show_restored(opened, words.format(image=image, when=version.when))

        words = _("Putting back {image} of {when}").format(image=image, when=version.when)
        bench.run(OPEN, words, lambda: jobs.restore(client, task, image, version, folder), done)

    def show(self) -> None:
        session, background = self._bench.session, self._bench.background
        busy = background.running(OPEN, SEND, VERSIONS)
        self._ui.versionsButton.setEnabled(session.connected and session.work is not None and not busy)
