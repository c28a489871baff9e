"""The options that make a loop of labelling: detect when an image opens, the next image after submit."""

from __future__ import annotations

from typing import Any

from ..workbench import WARNING, Workbench
from .study_box import StudyBox
from .submit_bar import SubmitBar


class LoopOptions:
    """Does the next step by itself where the person wants it.

    Args:
        bench: the shared state.
        ui: the widgets by name.
        sender: detects, and tells when a label was submitted.
        study: opens the next sample.
    """

    def __init__(self, bench: Workbench, ui: Any, sender: SubmitBar, study: StudyBox) -> None:
        self._bench, self._ui, self._sender, self._study = bench, ui, sender, study
        ui.detectOnOpenCheck.setChecked(bench.settings.detect_on_open)
        ui.nextAfterSubmitCheck.setChecked(bench.settings.next_after_submit)
        ui.detectOnOpenCheck.toggled.connect(self._remember)
        ui.nextAfterSubmitCheck.toggled.connect(self._remember)
        sender.submitted = self.submitted

    def image_opened(self) -> None:
        """An image is open: it is detected where nobody labelled it and the network has a newer word than is shown."""
        session = self._bench.session
        work, model = session.work, session.model
        if not self._ui.detectOnOpenCheck.checked or work is None or model is None:
            return
        fresh = work.saved_tag is None and not work.touched and work.model_version != model.version
        if fresh and self._bench.message.kind != WARNING and not session.why_not_detect():
            self._sender.detect()

    def submitted(self) -> None:
        """The open image's label is on the server."""
        if self._ui.nextAfterSubmitCheck.checked:
            self._study.next_sample()

    def _remember(self, *_args: Any) -> None:
        settings = self._bench.settings
        settings.detect_on_open = self._ui.detectOnOpenCheck.checked
        settings.next_after_submit = self._ui.nextAfterSubmitCheck.checked
