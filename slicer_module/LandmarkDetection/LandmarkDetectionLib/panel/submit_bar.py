"""Auto-detect, and what becomes of the result: Submit Label, Save Draft, Reset to Prediction, Send Again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ClientError, Overtaken
from ..server.prediction import Prediction, unfamiliar_words
from ..words import tr as _
from ..work import jobs
from ..work.jobs import Sent
from ..work.question import DISCARD, KEEP, REPLACE, SAVE_DRAFT, STAY, SUBMIT, Question
from ..work.records import Submission
from .pictures import sign
from .shortcuts import with_key
from .workbench import ERROR, INFO, WARNING, Message, Workbench

DETECT, SEND, INFORM = "detect", "send", "inform"


class SubmitBar:
    """Auto-detect and all ways of sending the open work to the server."""

    def __init__(self, bench: Workbench, ui: Any) -> None:
        self._bench, self._ui = bench, ui
        #: Called when the server has the finished label of the open image.
        self.submitted: Callable[[], object] = lambda: None
        #: Opens an image with the label that the server has.
        self.open: Callable[[str], object] = lambda _image: None
        #: The question of predictions that nobody looked at, as long as it stands in the message strip.
        self._asked: Message | None = None
        ui.detectButton.clicked.connect(self.detect)
        ui.submitButton.clicked.connect(self.submit)
        ui.allRightButton.clicked.connect(self.all_right)
        ui.draftButton.clicked.connect(self.save_draft)
        ui.resetButton.clicked.connect(self.reset)
        ui.sendAgainButton.clicked.connect(self.send_again)
        ui.unsentIcon.setPixmap(sign("warning"))
        bench.listen(self.show)

    # Auto-detect

    def detect(self, *_args: Any) -> None:
        bench = self._bench
        problem = bench.session.why_not_detect()
        work, client = bench.session.work, bench.client
        if problem or work is None or client is None:
            bench.say(problem, ERROR)
            return
        task, image = work.task, work.image
        words = _("Auto-detecting {image}").format(image=image)
        bench.run(DETECT, words, lambda: jobs.detect(client, task, image), self._detected)

    def _detected(self, prediction: Prediction) -> None:
        bench = self._bench
        image = prediction.image
        if not bench.session.detected(prediction):
            bench.say(_("The prediction for {image} came after it was closed.").format(image=image), INFO)
            return
        found = sum(point.position is not None for point in prediction.points)
        words = _("Network {version} found {found} of {count} landmarks in {image}.")
        if prediction.message:
            words = _("{found} of {count} landmarks are proposed in {image}. {message}")
        sentence = words.format(
            version=prediction.model_version,
            found=found,
            count=len(prediction.points),
            image=image,
            message=prediction.message,
        )
        if prediction.unfamiliar:
            sentence = unfamiliar_words()
        bench.say(sentence, WARNING if prediction.unfamiliar else INFO)
        bench.show_work()
        model, client = bench.session.model, bench.client
        if client is not None and (model is None or model.version != prediction.model_version):  # trained since
            bench.run(INFORM, "", client.info, bench.session.update_info, lambda _error: None, quiet=True)

    # Sending

    def submit(self, *_args: Any) -> None:
        """Sends the label as finished; asks first where something looks unfinished.

        That predictions were not looked at is asked in the message strip, where its button or a second submit sends.
        """
        if self._refused("final"):
            return
        question = self._bench.session.question_before_submitting()
        if question is None:
            self._submit_seen()
            return
        answer = self._bench.answer(question)
        if answer == SAVE_DRAFT:
            self.send("draft")
        elif answer == SUBMIT:
            self.send("final")

    def _submit_seen(self) -> None:
        bench = self._bench
        words = bench.session.unseen_words()
        if words and (self._asked is None or bench.message is not self._asked):
            bench.say(words, WARNING, self.submit, _("Submit All the Same"))
            self._asked = bench.message
        else:
            self.send("final")

    def all_right(self, *_args: Any) -> None:
        """Accepts all predictions and submits."""
        work = self._bench.session.work
        if work is None or self._refused("final"):
            return
        work.accept_all()
        self._bench.show_work()
        self.submit()

    def save_draft(self, *_args: Any) -> None:
        """Sends the work as unfinished; asks first where its image came from another server."""
        doubt = self._bench.session.origin_problem()
        if not doubt or self._bench.answer(Question(doubt, (), (STAY, SAVE_DRAFT))) == SAVE_DRAFT:
            self.send("draft")

    def send(self, tag: str, then: Callable[[], object] | None = None) -> bool:
        """Sends the open work; returns whether it is on its way."""
        refused = self._refused(tag)
        if not refused:
            self._send(self._bench.session.submission(tag), then)
        return not refused

    def send_again(self, *_args: Any) -> None:
        """Sends all unsent work, one label after the other."""
        bench = self._bench
        if not bench.session.connected:
            bench.say(_("Connect to a server first; your points stay in the scene."), ERROR)
        elif bench.session.sendable and not bench.background.running(SEND):
            left = len(bench.session.sendable)
            self._send(bench.session.retry(bench.session.sendable[0]), lambda: self._next_unsent(left))

    def _next_unsent(self, before: int) -> None:
        if 0 < len(self._bench.session.sendable) < before:
            self.send_again()

    def _refused(self, tag: str) -> bool:
        problem = self._bench.session.why_not_submit(tag)
        if not problem and self._bench.background.running(SEND):
            problem = _("A label is on its way: wait until it is sent.")
        if problem:
            self._bench.say(problem, ERROR)
        return bool(problem)

    def _send(self, submission: Submission, then: Callable[[], object] | None) -> None:
        bench, client = self._bench, self._bench.client
        if client is None:
            return

        def done(sent: Sent) -> None:
            bench.session.sent(sent)
            words = _("{image} is submitted.") if submission.tag == "final" else _("{image} is saved as a draft.")
            bench.say(words.format(image=submission.image))
            bench.save()
            work = bench.session.open_work_of(submission.record)
            if then is not None:
                then()
            elif submission.tag == "final" and work is not None and not work.dirty:
                self.submitted()

        def failed(error: ClientError) -> None:
            sentence = bench.session.not_sent(submission, error)
            bench.save()
            if isinstance(error, Overtaken) and self._settled(submission, error, then):
                return
            if sentence:
                bench.say(sentence, ERROR, lambda: self._retry(submission))
            else:
                bench.say(_("Cancelled; the points are kept."), INFO, lambda: self._retry(submission))

        verb = _("Submitting {image}") if submission.tag == "final" else _("Saving a draft of {image}")
        bench.run(SEND, verb.format(image=submission.image), lambda: jobs.send(client, submission), done, failed)

    def _retry(self, submission: Submission) -> None:
        """Sends the unsent work again, with that of another server which was sent here on purpose."""
        session = self._bench.session
        kept = session.unsent_of(submission.record)
        if kept is None or kept in session.sendable or not session.connected:
            self.send_again()
        elif not self._bench.background.running(SEND):
            self._send(session.retry(kept), None)

    def _settled(self, submission: Submission, error: Overtaken, then: Callable[[], object] | None) -> bool:
        """Asks whose label counts; False where the person decides later, and the points stay unsent."""
        bench = self._bench
        details = (_("If yours replaces it, theirs stays among the earlier versions of the image."),)
        answer = bench.answer(Question(str(error), details, (KEEP, REPLACE, DISCARD)))
        if answer == REPLACE:
            self._send(submission.over(error.labels), then)
        elif answer == DISCARD:
            kept, work = bench.session.unsent_of(submission.record), bench.session.open_work_of(submission.record)
            bench.session.forget_unsent(submission.record)
            if work is not None and not (kept is not None and kept.aside):
                bench.session.discard()
                bench.scene.clear()
                self.open(submission.image)
            bench.save()
        return answer in (REPLACE, DISCARD)

    def reset(self, *_args: Any) -> None:
        work = self._bench.session.work
        if work is None:
            return
        if work.reset_to_prediction():
            self._bench.say(_("All landmarks are as predicted; Undo brings yours back."))
        elif work.model_version is None:
            self._bench.say(_("There is no prediction yet: press Auto-detect."), WARNING)
        self._bench.show_work()

    # Showing

    def show(self) -> None:
        bench, ui = self._bench, self._ui
        session, background = bench.session, bench.background
        work = session.work
        detecting, sending = background.running(DETECT), background.running(SEND)
        problem = session.why_not_detect()
        ui.detectButton.setEnabled(not problem and not detecting)
        ui.detectButton.setText(_("Detecting...") if detecting else _("&Auto-detect"))
        tip = with_key(_("Let the network find the landmarks of the open image"), "detect")
        ui.detectButton.setToolTip(problem or tip)
        ready = work is not None and session.connected and not sending
        ui.submitButton.setEnabled(ready)
        ui.draftButton.setEnabled(ready)
        ui.submitButton.setText(_("Sending...") if sending else _("&Submit Label"))
        ui.allRightButton.setEnabled(ready and work is not None and any(p.proposal is not None for p in work.points))
        ui.resetButton.setEnabled(work is not None and any(p.proposal and p.touched for p in work.points))
        words = self._model_words()
        ui.modelLabel.setText(words)
        ui.modelLabel.setVisible(bool(words))
        ui.unsentFrame.setVisible(bool(session.unsent))
        ui.unsentLabel.setText(_("Not on the server yet: {images}").format(images=_names(session.unsent)))
        ui.sendAgainButton.setEnabled(session.connected and not sending and bool(session.sendable))
        ui.sendAgainButton.setToolTip(self._send_again_words())

    def _send_again_words(self) -> str:
        session = self._bench.session
        others = {item.record.server for item in session.unsent if item.record.server not in ("", session.server)}
        if session.connected and others:
            return _("Connect to {servers} to send what came from there").format(servers=", ".join(sorted(others)))
        return _("Send the labels that are not on the server yet")

    def _model_words(self) -> str:
        session = self._bench.session
        if session.info is None or session.task is None:
            return ""
        model = session.model
        if model is None:
            return _("No network yet: label images, then train one.")
        if model.message:
            return model.message
        shown = None if session.work is None else session.work.model_version
        if shown is not None and shown != model.version:
            words = _("Shown: prediction of {shown}. Network {version} is ready: press Auto-detect.")
            return words.format(shown=shown, version=model.version)
        return _("Network {version}").format(version=model.version)


def _names(unsent: Any) -> str:
    return ", ".join(dict.fromkeys(item.image for item in unsent))
