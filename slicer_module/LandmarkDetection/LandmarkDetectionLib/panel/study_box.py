"""The section "Study": the next sample, any image of the list, or a volume that is in Slicer already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..scene.scene import SceneError
from ..server.client import NextSample
from ..server.images import DRAFT, FINAL, STATES, UNLABELED, ImageEntry, ImageList
from ..words import tr as _
from ..work import jobs
from ..work.jobs import OpenedImage
from ..work.question import DISCARD, KEEP, SAVE_DRAFT, SHOW, STAY, Question
from ..work.work import Work
from .dialogs import UPLOAD, WITHOUT_SIZE
from .pictures import FAIR, GOOD, IDLE, Icons, light, sign
from .submit_bar import DETECT, SubmitBar
from .table_cells import fit_columns, fit_widths, set_bold, set_cell, set_rows
from .workbench import ERROR, INFO, WARNING, Workbench

OPEN = "open"
_STATE_COLORS = {UNLABELED: IDLE, DRAFT: FAIR, FINAL: GOOD}


def state_words(state: str) -> str:
    """The displayed name of a state."""
    return {UNLABELED: _("unlabelled"), DRAFT: _("draft"), FINAL: _("final")}.get(state, state)


class StudyBox:
    """Opens images."""

    def __init__(
        self, bench: Workbench, ui: Any, sender: SubmitBar, opened: Callable[[], object] = lambda: None
    ) -> None:
        self._bench, self._ui, self._sender, self._opened = bench, ui, sender, opened
        self._listed: tuple[ImageEntry, ...] = ()
        self._shown: object = None
        #: What each row of the list shows: the image, and whether it is open.
        self._rows: list[tuple[ImageEntry, bool]] = []
        self._icons = Icons()
        self._strategies: list[str] = []
        self._tasks: list[tuple[str, str]] = []
        fit_columns(ui.imageTable)
        ui.stateCombo.addItem(_("All"))
        for state in STATES:
            ui.stateCombo.addItem(state_words(state))
        ui.nextSampleButton.clicked.connect(self.next_sample)
        ui.openImageButton.clicked.connect(self.open_selected)
        ui.imageTable.cellDoubleClicked.connect(self.open_selected)
        ui.imageTable.itemSelectionChanged.connect(self._show_buttons)
        ui.searchEdit.textChanged.connect(self._show_list)
        ui.stateCombo.currentIndexChanged.connect(self._show_list)
        ui.uploadButton.clicked.connect(self.upload)
        ui.protocolCombo.activated.connect(self._choose_task)
        bench.listen(self.show)

    # Leaving what is open

    def leave(self, go_on: Callable[[], object], stayed: Callable[[], object] = lambda: None) -> None:
        """Asks where there are unsent changes, then calls ``go_on``, or ``stayed`` where the person cancels."""
        bench = self._bench

        def kept() -> None:
            bench.session.keep_unsent()  # also what was changed while the draft was sent
            bench.save()
            go_on()

        question = bench.session.question_before_leaving()
        answer = KEEP if question is None else bench.answer(question)
        if answer == STAY:
            stayed()
        elif answer == SAVE_DRAFT:
            if not self._sender.send("draft", kept):
                stayed()
        else:
            if answer == DISCARD:
                bench.session.discard()
                bench.scene.clear()
            kept()

    # Opening

    def next_sample(self, *_args: Any) -> None:
        self.leave(self._next_sample)

    def open_selected(self, *_args: Any) -> None:
        row = self._ui.imageTable.currentRow()
        if 0 <= row < len(self._listed):
            self.open(self._listed[row].id)

    def open(self, image: str) -> None:
        self.leave(lambda: self._open(image))

    def _next_sample(self) -> None:
        bench, client, task = self._bench, self._bench.client, self._bench.session.task
        if client is None or task is None:
            bench.say(_("Connect to a server first."), ERROR)
            return
        place = self._ui.strategyCombo.currentIndex
        strategy = self._strategies[max(place, 0)] if self._strategies else "first"
        folder = bench.image_folder
        params = {"protocol": task.name}
        if bench.session.annotator:
            params["client_id"] = bench.session.annotator  # nobody else is offered this image for a while

        def job() -> tuple[NextSample, ImageList, OpenedImage | None]:
            sample, images = client.next_sample(strategy, params), client.images()
            entry = None if sample.image is None else images.get(sample.image) or ImageEntry(sample.image)
            return sample, images, None if entry is None else jobs.open_image(client, task, entry, folder)

        def done(found: tuple[NextSample, ImageList, OpenedImage | None]) -> None:
            sample, bench.session.images, image = found
            if image is None:
                bench.say(sample.message or _("There is no image left to label."), INFO)
            else:
                if sample.message:
                    bench.say(sample.message, INFO)  # unless there is more to say of its label
                self._show_image(image)

        bench.run(OPEN, _("Fetching the next sample"), job, done)

    def _open(self, image: str) -> None:
        bench, client, task = self._bench, self._bench.client, self._bench.session.task
        entry = bench.session.images.get(image)
        if client is None or task is None or entry is None:
            bench.say(_("Connect to a server first."), ERROR)
            return
        folder, words = bench.image_folder, _("Opening {image}").format(image=image)

        def job() -> tuple[ImageList, OpenedImage]:
            images = client.images()  # somebody may have labelled it since the list was shown
            return images, jobs.open_image(client, task, images.get(image) or entry, folder)

        def done(found: tuple[ImageList, OpenedImage]) -> None:
            bench.session.images, opened = found
            self._show_image(opened)

        bench.run(OPEN, words, job, done)

    def _show_image(self, opened: OpenedImage) -> None:
        """Replaces the open image, whose latest changes are kept, by one that was fetched."""
        bench = self._bench
        bench.session.keep_unsent()
        question = bench.session.question_before_opening(opened)
        shows = question is None or bench.answer(question) == SHOW
        bench.scene.show_image(opened.path, opened.image)
        work = bench.session.open(opened, unsent_first=shows)
        self._begin(work, opened.notice)

    def show_restored(self, opened: OpenedImage, sentence: str) -> None:
        """Shows an image with the label that was chosen, and a message."""
        bench = self._bench
        bench.session.keep_unsent()
        bench.scene.show_image(opened.path, opened.image)
        self._begin(bench.session.open(opened, unsent_first=False), sentence, INFO)

    def _begin(self, work: Work, notice: str, kind: str = WARNING) -> None:
        bench = self._bench
        bench.background.drop(DETECT)
        if work.geometry.size is None:
            work.geometry = bench.scene.image_geometry()
        bench.current = 0
        if notice:
            bench.say(notice, kind)
        elif bench.session.unsent_of(work) is not None:
            bench.say(_("{image} is open as you left it; it is not sent yet.").format(image=work.image), WARNING)
        elif left := [i.record for i in bench.session.sendable if i.image == work.image and i.record.task == work.task]:
            sentence = _("Unsent points of {image} were placed on an image of another size: they are kept, not shown.")
            if work.geometry.size in [record.geometry.size for record in left]:
                sentence = _("Unsent points of {image} were placed on the image that it was before: they are kept.")
            bench.say(sentence.format(image=work.image), WARNING)
        bench.show_work()
        self._opened()

    # A volume that is in Slicer already

    def upload(self, *_args: Any) -> None:
        """Adds the chosen volume to the server's study, if the person agrees, and opens it."""
        bench = self._bench
        node = self._ui.volumeSelector.currentNode()
        if not bench.session.connected or bench.session.task is None:
            bench.say(_("Connect to a server first."), ERROR)
            return
        if node is None:
            bench.say(_("Choose a loaded volume first."), ERROR)
            return
        try:
            size = bench.scene.exported_size(node)
        except SceneError as error:
            bench.say(str(error), ERROR)
            return
        sentence = _("Send the image {name} to {server}?").format(name=node.GetName(), server=bench.session.server)
        details = [_("The file leaves Slicer with all that it holds, also names and dates inside it.")]
        choices: tuple[str, ...] = (UPLOAD, STAY)
        if size is not None:
            words = _(
                "Slicer states pixels of {x:.4g} x {y:.4g} mm, which the server takes for their real size; of a "
                "photograph, also a changed one, it is not."
            )
            details.append(words.format(x=size.spacing[0], y=size.spacing[1]))
            choices = (WITHOUT_SIZE, *choices) if size.optional else choices
        answer = bench.answer(Question(sentence, tuple(details), choices))
        if answer in (UPLOAD, WITHOUT_SIZE):
            self.leave(lambda: self._upload(node, answer == UPLOAD))

    def _upload(self, node: Any, with_size: bool) -> None:
        bench, client, task = self._bench, self._bench.client, self._bench.session.task
        if client is None or task is None:
            return
        try:
            path = bench.scene.export_volume(node, bench.folder / "upload", with_size)
        except SceneError as error:
            bench.say(str(error), ERROR)
            return
        folder, name = bench.image_folder, node.GetName()

        def job() -> tuple[ImageList, Any]:
            sent = client.upload_image(path, unused_name(name, client.images()))
            images = client.images()
            entry = images.get(sent) or ImageEntry(sent)
            return images, jobs.open_image(client, task, entry, folder)

        def done(found: tuple[ImageList, OpenedImage]) -> None:
            bench.session.images, opened = found
            if node.GetScene() is None:
                self._show_image(opened)
                return
            bench.session.keep_unsent()
            bench.scene.use_volume(node, opened.image)
            self._begin(bench.session.open(opened), opened.notice)

        bench.run(OPEN, _("Uploading {name}").format(name=name), job, done)

    # The protocol

    def _choose_task(self, *_args: Any) -> None:
        place, session = self._ui.protocolCombo.currentIndex, self._bench.session
        if not 0 <= place < len(self._tasks):
            return
        name = self._tasks[place][0]
        if session.task is not None and session.task.name == name:
            return
        image = None if session.work is None else session.work.image

        def go_on() -> None:
            session.choose_task(name)
            self._bench.scene.clear()
            self._bench.changed()
            if image is not None and session.images.get(image) is not None:
                self._open(image)

        self.leave(go_on, self._bench.changed)

    # Showing

    def show(self) -> None:
        session, ui = self._bench.session, self._ui
        busy = self._bench.background.running(OPEN)
        ui.nextSampleButton.setEnabled(session.connected and not busy)
        self._show_choices()
        self._show_list()
        counts = session.images.counts
        if session.connected:
            words = _("{images} images: {final} final, {draft} draft, {unlabelled} unlabelled")
            final, draft, unlabelled = (counts.get(state, 0) for state in (FINAL, DRAFT, UNLABELED))
            count = final + draft + unlabelled
            ui.studyLabel.setText(words.format(images=count, final=final, draft=draft, unlabelled=unlabelled))
        else:
            ui.studyLabel.setText("")

    def _show_choices(self) -> None:
        session, ui = self._bench.session, self._ui
        info = session.info
        strategies = [] if info is None else list(info.strategies)
        if strategies != self._strategies:
            self._strategies = strategies
            _fill(ui.strategyCombo, strategies)
        tasks = [] if info is None else [(task.name, task.title) for task in info.tasks.values()]
        if session.task is not None and session.task.name not in [name for name, _title in tasks]:
            tasks.append((session.task.name, session.task.title))
        if tasks != self._tasks:
            self._tasks = tasks
            _fill(ui.protocolCombo, [title for _name, title in tasks])
        if session.task is not None:
            ui.protocolCombo.setCurrentIndex([name for name, _title in tasks].index(session.task.name))

    def _show_list(self, *_args: Any) -> None:
        ui, images = self._ui, self._bench.session.images
        place = ui.stateCombo.currentIndex
        listed = images.filtered(ui.searchEdit.text, STATES if place <= 0 else (STATES[place - 1],))
        work = self._bench.session.work
        state = listed, None if work is None else work.image
        if state != self._shown:
            self._shown, self._listed = state, listed
            self._fill_list(state[1])
        self._show_buttons()

    def _fill_list(self, open_image: str | None) -> None:
        """Updates the rows that changed; the open image is bold."""
        table, shown = self._ui.imageTable, self._rows
        rows = [(entry, entry.id == open_image) for entry in self._listed]
        table.blockSignals(True)
        set_rows(table, len(rows))
        for row, (entry, is_open) in enumerate(rows):
            before = shown[row] if row < len(shown) else None
            if before != (entry, is_open):
                item = self._show_row(row, entry)
                if is_open != (before is not None and before[1]):
                    set_bold(item, is_open)
        self._rows = rows
        kinds = {(e.state, bool(e.flags), _annotator(e)): row for row, (e, _open) in enumerate(rows)}
        fit_widths(table, kinds.values())
        for row in (row for row, (_entry, is_open) in enumerate(rows) if is_open):
            table.selectRow(row)
            table.scrollToItem(table.item(row, 0))
        table.blockSignals(False)

    def _show_row(self, row: int, entry: ImageEntry) -> Any:
        """Writes a row; returns the item of its name."""
        table, icons = self._ui.imageTable, self._icons
        task = self._bench.session.task
        flags = entry.flags if task is None else [task.in_words(flag) for flag in entry.flags]
        tip = "\n".join([_("Worth a second look:"), *flags]) if flags else entry.protocol
        lamp = light, _STATE_COLORS.get(entry.state, IDLE), 10
        picture = icons.get(sign, "warning", 12) if entry.flags else icons.get(*lamp)
        set_cell(table, row, 1, state_words(entry.state), tip, picture)
        set_cell(table, row, 2, _annotator(entry))
        return set_cell(table, row, 0, entry.id, entry.file_name)

    def _show_buttons(self, *_args: Any) -> None:
        ui, session = self._ui, self._bench.session
        ready = session.connected and not self._bench.background.running(OPEN)
        row = ui.imageTable.currentRow()
        ui.openImageButton.setEnabled(ready and 0 <= row < len(self._listed))
        ui.uploadButton.setEnabled(ready)


def _annotator(entry: ImageEntry) -> str:
    return entry.label.annotator if entry.label is not None else ""


def unused_name(name: str, images: ImageList) -> str:
    """An image ID that would replace no other image."""
    stem = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name).strip("_") or "image"
    taken, candidate, number = {entry.id for entry in images}, stem, 2
    while candidate in taken:
        candidate, number = f"{stem}_{number}", number + 1
    return candidate


def _fill(combo: Any, words: list[str]) -> None:
    combo.blockSignals(True)
    combo.clear()
    for word in words:
        combo.addItem(word)
    combo.blockSignals(False)
