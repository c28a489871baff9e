"""State of the module: server, protocol, image, work, unsent labels, and the questions to the person.

The session lives in the GUI thread and never waits. A command returns what it needs (a :class:`Question` to ask, a
submission to send); the panel runs the jobs of ``jobs.py`` in a worker thread and returns their results here.
"""

from __future__ import annotations

import time
from dataclasses import replace

from ..errors import BadAnswer, Cancelled, ClientError, WrongDefinition
from ..server.geometry import Calibration
from ..server.images import ImageEntry, ImageList
from ..server.prediction import Prediction
from ..server.server_info import ModelInfo, ServerInfo, TrainStats
from ..server.task_definition import TaskDefinition
from ..words import tr as _
from .history import Clock
from .jobs import OpenedImage, Refreshed, Sent, check_definition
from .question import DISCARD, KEEP, SAVE_DRAFT, STAY, SUBMIT, Question
from .records import SessionRecord, Submission, Unsent, WorkRecord, content_of
from .unsent import UnsentWorks, on_one_image
from .work import Work

#: How many landmarks a sentence names before it breaks off.
_NAMED = 4


class Session:
    """One person at one server."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self.server = ""
        self.annotator = ""
        self.info: ServerInfo | None = None
        self.images = ImageList()
        self.task: TaskDefinition | None = None
        self.work: Work | None = None
        self._unsent = UnsentWorks(self._is_same)
        self._instances: dict[str, str] = {}  # what the server at each address called itself

    # The server

    @property
    def unsent(self) -> tuple[Unsent, ...]:
        """Work of images that were left, or whose sending failed."""
        return self._unsent.items

    @property
    def connected(self) -> bool:
        return self.info is not None

    def connect(self, server: str, refreshed: Refreshed) -> str:
        """Takes up the answer of a server. The open work stays; that of another address of the server is of this one.

        Returns one sentence where the open work does not fit the server; else empty.
        """
        names = {name for name, instance in self._instances.items() if instance and instance == refreshed.info.instance}
        self._unsent.move(names, server)
        if self.work is not None and self.work.server in names:
            self.work.server = server
        self.server = server
        return self.refresh(refreshed)

    def refresh(self, refreshed: Refreshed) -> str:
        """Takes up new states of images and new networks. Returns a sentence as :meth:`connect`."""
        self.images = refreshed.images
        return self.update_info(refreshed.info)

    def update_info(self, info: ServerInfo) -> str:
        """Takes up the server's information alone, as during training. Returns a sentence as :meth:`connect`."""
        self.info, self._instances[self.server] = info, info.instance
        if self.work is not None:
            self.task = self.work.task
            return self.definition_problem()
        name = self.task.name if self.task is not None else ""
        self.task = info.tasks.get(name) or next(iter(info.tasks.values()), None)
        return "" if self.task is not None else _("The server has no protocols: start it with at least one.")

    def disconnect(self) -> None:
        self.info, self.images = None, ImageList()

    def definition_problem(self) -> str:
        """One sentence where the server's landmarks differ from those of the open work; else empty."""
        if self.info is None or self.work is None:
            return ""
        try:
            check_definition(self.info, self.work.task)
        except WrongDefinition as error:
            return str(error)
        return ""

    def origin_problem(self) -> str:
        """One sentence where the open image came from another server, whose images may have the same names."""
        if self.info is None or self.work is None or self.work.server in ("", self.server):
            return ""
        sentence = _("{image} came from {origin}: connect to that server again, or open the image from {server}.")
        return sentence.format(image=self.work.image, origin=self.work.server, server=self.server)

    # The protocol

    def choose_task(self, name: str) -> None:
        """Changes the protocol and closes the image; :meth:`question_before_leaving` comes first."""
        if self.info is None or name not in self.info.tasks:
            raise BadAnswer(_("The server does not have the protocol {name}.").format(name=name))
        if self.task is None or self.task.name != name or self.work is None:
            self.close_image()
        self.task = self.work.task if self.work is not None else self.info.tasks[name]

    @property
    def model(self) -> ModelInfo | None:
        return None if self.info is None or self.task is None else self.info.models.get(self.task.name)

    @property
    def train_stats(self) -> TrainStats | None:
        return None if self.info is None or self.task is None else self.info.train_stats.get(self.task.name)

    # The image

    @property
    def entry(self) -> ImageEntry | None:
        """The open image in the list of the server; None without either."""
        return None if self.work is None else self.images.get(self.work.image)

    def question_before_leaving(self) -> Question | None:
        """The question before another image, protocol or server; None if nothing would be lost."""
        if self.work is None or not self.work.dirty:
            return None
        refused = self.why_not_submit("draft") or self.origin_problem()
        choices = (KEEP, DISCARD, STAY) if refused else (SAVE_DRAFT, KEEP, DISCARD, STAY)
        sentence = _("{image} has points that the server does not have. What should become of them?")
        return Question(sentence.format(image=self.work.image), choices=choices)

    def keep_unsent(self, reason: str = "") -> None:
        """Puts the open work among the unsent; it opens again with its image.

        What lies there already with the same points, as after a submit that failed, stays what it was to become.
        """
        reason = reason or _("The image was left before it was submitted.")
        if self.work is None or not self.work.dirty:
            return
        kept = self.unsent_of(self.work)
        if kept is None or kept.record.points != self.work.points:
            self._unsent.keep(Unsent(self.work.record(), "draft", reason))

    def discard(self) -> None:
        """Discards the open work, also among the unsent, and closes the image."""
        if self.work is not None:
            self.forget_unsent(self.work)
        self.close_image()

    def scene_closed(self) -> None:
        self.keep_unsent(_("The scene was closed before it was submitted."))
        self.close_image()

    def question_before_opening(self, opened: OpenedImage) -> Question | None:
        """The question where the unsent points of a fetched image were placed on another one, which it has replaced."""
        return self._unsent.question_before_opening(opened.record)

    def open(self, opened: OpenedImage, unsent_first: bool = True) -> Work:
        """Opens the work of a fetched image, its unsent work first. Time counts from now on.

        The work that was open is closed; :meth:`question_before_leaving` has settled what becomes of it.

        Args:
            opened: the image with its label.
            unsent_first: False where the person chose this very label; unsent work stays among the unsent.
        """
        record = opened.record
        if not unsent_first:
            self._unsent.set_aside(record)
        kept = self._unsent.take_up(record) if unsent_first else None
        return self.adopt(Work.from_record(record if kept is None else kept.record, self._clock))

    def adopt(self, work: Work) -> Work:
        """Continues a work. Its time counts from now on."""
        self.close_image()
        self.work, self.task = work, work.task
        work.resume()
        return work

    def close_image(self) -> None:
        """Closes the image and stops its time; unsent changes that were not kept are lost."""
        if self.work is not None:
            self.work.pause()
        self.work = None

    def unsent_of(self, work: Work | WorkRecord) -> Unsent | None:
        """The unsent work that a work goes on with."""
        return self._unsent.of(work)

    def forget_unsent(self, work: Work | WorkRecord) -> None:
        self._unsent.forget(work)

    def _is_same(self, one: Work | WorkRecord, other: Work | WorkRecord) -> bool:
        return on_one_image(one, other, self.info is None or self.info.readers > 1)

    def is_of_another_reader(self, work: Work | WorkRecord) -> bool:
        """Whether somebody else opened the image, in a study whose readers label each image by themselves."""
        several, reader = self.info is not None and self.info.readers > 1, work.reader.casefold()
        return several and reader not in ("", self.annotator.casefold())

    @property
    def sendable(self) -> tuple[Unsent, ...]:
        """The unsent work of this server's images, by the present reader where there are several."""
        records = ((item, item.record) for item in self.unsent)
        return tuple(i for i, r in records if r.server in ("", self.server) and not self.is_of_another_reader(r))

    # Auto-detect

    def why_not_detect(self) -> str:
        """One sentence why Auto-detect is not possible now; empty if it is."""
        if self.info is None:
            return _("Connect to a server first.")
        if self.work is None:
            return _("Open an image first.")
        problem = self.definition_problem() or self.origin_problem()
        if not problem and self.work.image not in {entry.id for entry in self.images} and len(self.images):
            return _("The server does not have the image {image}: upload it first.").format(image=self.work.image)
        if not problem and self.model is None:
            return _("{protocol} has no trained network yet: label an image, or train it.").format(
                protocol=self.work.task.title
            )
        return problem

    def detected(self, prediction: Prediction) -> bool:
        """Shows a prediction if its image is still open, and returns whether. Points set by a person stay."""
        work = self.work
        if work is None or (work.image, work.task.name) != (prediction.image, prediction.protocol):
            return False
        if prediction.spacing is not None:
            work.calibrate(prediction.spacing, prediction.unit)
        work.apply_prediction(prediction)
        return True

    # The size of a pixel

    def calibrated(self, calibration: Calibration) -> bool:
        """Takes up the pixel size of an image; False where it is not open any more."""
        if self.work is None or self.work.image != calibration.image:
            return False
        self.work.calibrate(calibration.spacing, calibration.unit)
        return True

    # Submitting

    def why_not_submit(self, tag: str = "final") -> str:
        """One sentence why the work cannot be sent now; empty if it can."""
        if self.info is None:
            return _("Connect to a server first; your points stay in the scene.")
        if self.work is None:
            return _("Open an image first.")
        if tag == "final" and self.work.empty:
            return _("No landmark is placed or missing yet: place one, or save a draft.")
        if self.is_of_another_reader(self.work):
            return _("{image} was opened as {reader}: enter that name again, or open the image anew.").format(
                image=self.work.image, reader=self.work.reader
            )
        return self.definition_problem()

    def question_before_submitting(self) -> Question | None:
        """The question before a final label: doubts, missing answers, swapped pairs, another server.

        Unseen predictions are listed among these; alone they are no question (:meth:`unseen_words`).
        """
        if self.work is None:
            return None
        details = [*self.standing_flags(), *(warning.sentence for warning in self.work.pair_warnings())]
        absent = [self.work.task.landmarks[index].title for index in self.work.unanswered]
        if absent:
            details.append(
                _("Not labelled: {names}; mark what is not in the image as missing.").format(names=", ".join(absent))
            )
        if self.work.server not in ("", self.server):
            details.append(
                _("The image came from {origin}: make sure that {server} has the same one.").format(
                    origin=self.work.server, server=self.server
                )
            )
        if not details:
            return None
        details += [words for words in (self.unseen_words(),) if words]
        return Question(_("Submit this label as it is?"), tuple(details), (STAY, SUBMIT, SAVE_DRAFT))

    def unseen_words(self) -> str:
        """Number and names of the predictions that have not been reviewed; empty if there is none."""
        unseen = () if self.work is None else self.work.unseen
        if self.work is None or not unseen:
            return ""
        names = ", ".join(self.work.task.landmarks[index].title for index in unseen[:_NAMED])
        if len(unseen) == 1:
            return _("1 point was not looked at: {names}.").format(names=names)
        end = ", ..." if len(unseen) > _NAMED else "."
        return _("{count} points were not looked at: {names}{end}").format(count=len(unseen), names=names, end=end)

    def submission(self, tag: str = "final") -> Submission:
        """The submission for ``jobs.send``.

        Raises:
            BadAnswer: nothing can be sent, with the sentence of :meth:`why_not_submit`.
        """
        problem = self.why_not_submit(tag)
        if problem or self.work is None:
            raise BadAnswer(problem or _("Open an image first."))
        submission = self.work.submission(tag, self.annotator)
        if tag == "final" and self.standing_flags():
            return replace(submission, params={**submission.params, "reviewed": True})
        return submission

    def standing_flags(self) -> tuple[str, ...]:
        """The server's flags of the open label while it is unchanged: submitting confirms it."""
        entry = None if self.work is None or self.work.dirty else self.images.get(self.work.image)
        if entry is None or self.work is None or entry.open_tag != "final" or self.origin_problem():
            return ()
        return tuple(self.work.task.in_words(flag) for flag in entry.flags)

    def sent(self, sent: Sent) -> None:
        """Takes up a stored label; later changes of the work stay unsent."""
        submission = sent.submission
        self._keep_later_changes(submission)
        work = self.open_work_of(submission.record)
        if work is not None:
            work.mark_saved(submission)
        if sent.address != self.server:  # another one was connected to meanwhile
            return
        self.images = self.images.with_label(submission.image, submission.tag, sent.info)
        if self.info is not None:
            self.update_info(sent.server)

    def not_sent(self, submission: Submission, error: ClientError) -> str:
        """Keeps work that could not be sent, also after its image was left.

        Returns:
            One sentence for the person; empty if the person cancelled.
        """
        reason, kept = str(error), self.unsent_of(submission.record)
        if kept is None or not kept.record.continues(submission.record):
            aside = kept is not None and kept.aside
            self._unsent.keep(Unsent(submission.record, submission.tag, reason, aside))
        if isinstance(error, Cancelled):
            return ""
        return _("{image} was not sent, and its points are kept: {reason}").format(
            image=submission.image, reason=reason
        )

    def retry(self, unsent: Unsent) -> Submission:
        """The same label again; of the open work where it is the same image."""
        work = self.open_work_of(unsent.record)
        if work is not None and not unsent.aside:
            return work.submission(unsent.tag, self.annotator)
        return Submission.of(unsent.record, unsent.tag, self.annotator)

    # In the scene

    def to_json(self) -> str:
        """The content that the scene keeps: open and unsent work. No token."""
        work = None if self.work is None else self.work.record()
        return SessionRecord(self.server if work is None else work.server, work, self.unsent).to_json()

    def restore(self, text: str) -> str:
        """Takes up the text that a scene kept; a connection stays as it is.

        Returns:
            One sentence where the work does not fit the connected server; else empty.

        Raises:
            BadAnswer: the text is damaged or of another version; nothing is changed.
        """
        saved = SessionRecord.from_json(text)
        self.server = self.server or saved.server
        if saved.work is not None:
            self.keep_unsent(_("Another scene was opened before it was submitted."))
        for item in saved.unsent:
            kept = self.unsent_of(item.record)
            if item.aside or kept is None or not kept.record.continues(item.record):
                self._unsent.keep(item)
        if saved.work is not None:
            kept = self.unsent_of(saved.work)
            work = kept.record if kept is not None and kept.record.continues(saved.work) else saved.work
            if kept is not None and kept.record.points != work.points and not work.continues(kept.record):
                self._unsent.set_aside(work)
            self.adopt(Work.from_record(work, self._clock))
        return self.definition_problem()

    def _keep_later_changes(self, submission: Submission) -> None:
        """Forgets the unsent work that the server has now; what was changed since, on an image left then, stays."""
        kept = self.unsent_of(submission.record)
        self.forget_unsent(submission.record)
        if kept is not None and kept.record.continues(submission.record):
            saved, labels = content_of(submission.points), submission.record.labels
            record = replace(kept.record, saved=saved, saved_tag=submission.tag, labels=labels)
            self._unsent.keep(replace(kept, record=record))

    def open_work_of(self, record: WorkRecord) -> Work | None:
        """The open work, if it is on the image of a record."""
        return self.work if self.work is not None and self._is_same(self.work, record) else None
