"""The work on one image: predictions, changes by a person, and submissions. No Qt, no scene."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import WrongDefinition
from ..server.geometry import Geometry
from ..server.json_fields import Position, as_position
from ..server.prediction import Prediction
from ..server.task_definition import TaskDefinition
from ..words import tr as _
from .history import Clock, History, Stopwatch
from .measurements import MeasuredValue, PairWarning, doubtful_pairs, measure
from .point_state import UNLABELLED, PointState
from .records import Content, Points, Submission, WorkRecord, content_of

#: A point that lies within this many pixels of its earlier place has not been moved.
MOVED_PIXELS = 1e-3


@dataclass(frozen=True)
class _Moment:
    """A state that undo restores."""

    points: Points
    model_version: str | None


@dataclass(frozen=True)
class _Drag:
    """A drag that goes on."""

    index: int
    before: _Moment


class Work:
    """The state of all landmarks of one image, with history. Indices follow the task's order.

    A method that changes something returns True, adds one step to the history and raises :attr:`revision`; a call
    that would change nothing returns False and leaves no trace.

    Args:
        task: the landmarks.
        image: the server's ID of the image.
        geometry: of the image; lengths are in pixels of 1 mm until it is known. It may be set later.
        seconds: time spent on the image before.
        clock: for the time spent; it counts between :meth:`resume` and :meth:`pause`.
    """

    def __init__(
        self,
        task: TaskDefinition,
        image: str,
        geometry: Geometry | None = None,
        seconds: float = 0.0,
        clock: Clock = time.monotonic,
    ) -> None:
        self.task, self.image = task, image
        self.geometry = geometry or Geometry()
        self.revision = 0
        #: The version whose prediction the points are compared with; None: no prediction was shown.
        self.model_version: str | None = None
        #: The address that the image came from and who opened it; empty where unknown.
        self.server, self.reader = "", ""
        #: When each label of the image that the person has seen was saved, by tag; None if unknown.
        self.labels: Mapping[str, float | None] | None = None
        #: The tag under which the server last got this work, or it was opened from; None: neither.
        self.saved_tag: str | None = None
        self._points: Points = tuple(PointState(name) for name in task.names)
        self._saved: Content | None = None
        self._history: History[_Moment] = History()
        self._drag: _Drag | None = None
        #: By index what of the network's word a person had before them.
        self._seen: dict[int, tuple[str | None, Position | None]] = {}
        self._watch = Stopwatch(seconds, clock)

    # What there is

    @property
    def points(self) -> Points:
        return self._points

    def __len__(self) -> int:
        return len(self._points)

    def __getitem__(self, index: int) -> PointState:
        return self._points[index]

    def moved(self, index: int) -> float | None:
        """Distance of a point from its prediction, in the image's unit; None without both."""
        point = self._points[index]
        if point.position is None or point.predicted is None:
            return None
        return self.geometry.distance(point.position, point.predicted)

    @property
    def unanswered(self) -> tuple[int, ...]:
        """Required landmarks that are neither placed nor marked as missing."""
        return tuple(
            i for i, p in enumerate(self._points) if p.status == UNLABELLED and not self.task.landmarks[i].optional
        )

    @property
    def empty(self) -> bool:
        """True while no landmark has a point or is missing."""
        return all(point.status == UNLABELLED for point in self._points)

    @property
    def touched(self) -> bool:
        """True if a person changed any landmark."""
        return any(point.touched for point in self._points)

    @property
    def dirty(self) -> bool:
        """True where leaving would lose something.

        After the label was saved, or opened: whether it differs from now. Before: whether a person did anything,
        since a prediction can be made again.
        """
        return self.touched if self._saved is None else content_of(self._points) != self._saved

    def pair_warnings(self) -> list[PairWarning]:
        """The left/right pairs that look swapped or coincide."""
        return doubtful_pairs(self.task, self._points, self.geometry)

    @property
    def unseen(self) -> tuple[int, ...]:
        """Indices of the predictions that have not been reviewed.

        A landmark is looked at where a person moved, placed, accepted, called missing or cleared it, or had it as the
        current one while it was in the view (:meth:`look_at`); all are in a finished label that is opened again. A
        prediction at another place is to be looked at again.
        """
        points = enumerate(self._points)
        return tuple(i for i, point in points if point.awaits_a_person and self._seen.get(i) != point.said)

    def look_at(self, index: int) -> None:
        """Marks a landmark as seen: it is the current one, and in the view where it has a position."""
        self._seen[index] = self._points[index].said

    def measurements(self) -> list[MeasuredValue]:
        return measure(self.task, {point.name: point.position for point in self._points}, self.geometry)

    def next_unlabelled(self, after: int = -1) -> int | None:
        """The next unlabelled landmark behind one, going round; None if there is none."""
        return self._next(after, lambda point: point.status == UNLABELLED)

    def next_unsure(self, after: int = -1) -> int | None:
        """The next untouched prediction behind one, going round; None if there is none."""
        return self._next(after, lambda point: not point.touched and point.proposal is not None)

    def _next(self, after: int, wanted: Callable[[PointState], bool]) -> int | None:
        order = ((after + step) % len(self) for step in range(1, len(self) + 1))
        return next((i for i in order if wanted(self._points[i])), None)

    # What happens

    def apply_prediction(self, prediction: Prediction, keep_touched: bool = True) -> bool:
        """Takes up a prediction. Points that a person set stay, and are compared with it.

        Args:
            prediction: for this image and task.
            keep_touched: False replaces a person's points too (undo brings them back).

        Raises:
            WrongDefinition: it is for another image or task; nothing is changed.
        """
        if prediction.image != self.image:
            sentence = _("The prediction is for {image}, but {other} is open.")
            raise WrongDefinition(sentence.format(image=prediction.image, other=self.image))
        names = tuple(point.name for point in prediction.points)
        if prediction.protocol != self.task.name or names != self.task.names:
            raise WrongDefinition(
                _("The prediction is for landmarks other than those of {protocol}.").format(protocol=self.task.name)
            )

        def predicted(points: Points) -> Points:
            return tuple(
                old.with_proposal(new)
                if keep_touched and old.touched and old.status != UNLABELLED
                else old.with_prediction(new)
                for old, new in zip(points, prediction.points)
            )

        return self._change_all(predicted, "Auto-detect", prediction.model_version)

    def begin_drag(self, index: int) -> None:
        """Starts a drag: until :meth:`end_drag` all moves are one step of history."""
        self._finish_drag()
        self._drag = _Drag(index, self._moment)

    def point_moved(self, index: int, position: Sequence[float]) -> bool:
        """Moves a point: a step of its own, or part of the drag.

        Within :data:`MOVED_PIXELS` of where it was nothing has happened. Back on its prediction it is predicted again.
        """
        new, old = as_position(position, "The new position"), self._points[index]
        if old.position is not None and self.geometry.pixel_distance(new, old.position) <= MOVED_PIXELS:
            return False
        state = old.at(new)
        if old.predicted is not None and self.geometry.pixel_distance(new, old.predicted) <= MOVED_PIXELS:
            state = old.as_predicted()
        return self._change_one(index, state, "move")

    def end_drag(self, index: int, position: Sequence[float] | None = None) -> bool:
        """Ends a drag; False where it ends where it began, which leaves no trace.

        Returns:
            Whether the point is at another place than at the beginning.
        """
        if position is not None:
            self.point_moved(index, position)
        return self._finish_drag()

    def point_placed(self, index: int, position: Sequence[float]) -> int | None:
        """Places a landmark, also over an earlier point. Returns the landmark to place next, if any."""
        state = self._points[index].at(as_position(position, "The new position"))
        self._change_one(index, state, "place")
        return self.next_unlabelled(index)

    def mark_missing(self, index: int) -> bool:
        return self._change_one(index, self._points[index].as_missing(), "mark missing")

    def clear(self, index: int) -> bool:
        """Clears a landmark: it is not labelled."""
        if self._points[index].status == UNLABELLED:
            return False
        return self._change_one(index, self._points[index].as_unlabelled(), "clear")

    def clear_all(self) -> bool:
        """Clears all landmarks in one step."""
        return self._change_each(lambda p: p if p.status == UNLABELLED else p.as_unlabelled(), "clear all")

    def accept(self, index: int) -> bool:
        """Accepts a prediction: the point counts as corrected, with no distance moved."""
        return self._change_one(index, self._points[index].accepted(), "accept")

    def accept_all(self) -> bool:
        """Accepts all untouched predictions."""
        return self._change_each(PointState.accepted, "accept all")

    def reset_to_prediction(self, index: int | None = None) -> bool:
        """Resets one landmark, or all, to the prediction; False without a prediction."""
        if index is not None:
            return self._change_one(index, self._points[index].as_predicted(), "reset")
        return self._change_each(PointState.as_predicted, "reset to prediction")

    def calibrate(self, spacing: tuple[float, float], unit: str) -> bool:
        """Changes the size of a pixel along (x, y), and with it all lengths. Points stay; it is no step of history."""
        geometry = replace(self.geometry, spacing=spacing, unit=unit)
        if geometry == self.geometry:
            return False
        self._finish_drag()
        factor = geometry.factor_from(self.geometry)

        def scaled(points: Points) -> Points:
            return tuple(point.scaled(factor) for point in points)

        self.geometry, self._points = geometry, scaled(self._points)
        self._history.convert(lambda moment: _Moment(scaled(moment.points), moment.model_version))
        self.revision += 1
        return True

    # History

    @property
    def undo_words(self) -> str:
        """Description of the step that :meth:`undo` takes back, e.g. ``move fovea``; empty without one."""
        return self._history.undo_words

    @property
    def redo_words(self) -> str:
        """Description of the step that :meth:`redo` repeats; empty without one."""
        return self._history.redo_words

    def undo(self) -> bool:
        self._finish_drag()
        return self._go_to(self._history.undo(self._moment))

    def redo(self) -> bool:
        self._finish_drag()
        return self._go_to(self._history.redo(self._moment))

    # Time

    def resume(self) -> None:
        self._watch.resume()

    def pause(self) -> None:
        self._watch.pause()

    @property
    def seconds(self) -> float:
        """The time spent on the image."""
        return self._watch.seconds

    # Going out and coming back

    def submission(self, tag: str = "final", annotator: str = "") -> Submission:
        """The label for the server; later changes of the work do not affect it."""
        self._finish_drag()
        return Submission.of(self.record(), tag, annotator)

    def mark_saved(self, submission: Submission) -> None:
        """Records that the server has a submission; later changes stay unsent."""
        self._saved, self.saved_tag = content_of(submission.points), submission.tag
        self.labels = submission.record.labels
        self.revision += 1

    def record(self) -> WorkRecord:
        """The work as plain values, without its history."""
        return WorkRecord(
            self.task,
            self.image,
            self._points,
            self.geometry,
            self.model_version,
            self.saved_tag,
            self._saved,
            self.seconds,
            self.server,
            self.reader,
            self.labels,
        )

    @classmethod
    def from_record(cls, record: WorkRecord, clock: Clock = time.monotonic) -> Work:
        """Continues a record; its time stands still until :meth:`resume`."""
        work = cls(record.task, record.image, record.geometry, record.seconds, clock)
        work._points, work.model_version = record.points, record.model_version
        work._saved, work.saved_tag = record.saved, record.saved_tag
        work.server, work.reader, work.labels = record.server, record.reader, record.labels
        if record.saved_tag == "final":
            work._seen = {index: point.said for index, point in enumerate(record.points)}
        return work

    # Inside

    @property
    def _moment(self) -> _Moment:
        return _Moment(self._points, self.model_version)

    def _change_one(self, index: int, state: PointState, words: str) -> bool:
        points = (*self._points[:index], state, *self._points[index + 1 :])
        return self._change(points, f"{words} {self.task.landmarks[index].title}", self.model_version)

    def _change_each(self, change: Callable[[PointState], PointState], words: str) -> bool:
        return self._change_all(lambda points: tuple(map(change, points)), words, self.model_version)

    def _change_all(self, change: Callable[[Points], Points], words: str, model_version: str | None) -> bool:
        """Changes all points in a step of its own, also while a drag goes on, which then continues from there."""
        drag, self._drag = self._drag, None
        if drag is None:
            return self._change(change(self._points), words, model_version)
        during = self._points
        self._points = drag.before.points
        changed = self._change(change(self._points), words, model_version)
        self._drag = _Drag(drag.index, self._moment)
        self._points = change(during)
        return changed

    def _change(self, points: Points, words: str, model_version: str | None) -> bool:
        before, after = self._moment, _Moment(points, model_version)
        if after == before:
            return False
        if self._drag is None:
            self._history.record(before, words)
        self._points, self.model_version = points, model_version
        self.revision += 1
        return True

    def _finish_drag(self) -> bool:
        drag, self._drag = self._drag, None
        if drag is None or self._moment == drag.before:
            return False
        start, end = drag.before.points[drag.index].position, self._points[drag.index].position
        if start is not None and end is not None and self.geometry.pixel_distance(start, end) <= MOVED_PIXELS:
            self._points = drag.before.points
            self.revision += 1
            return False
        self._history.record(drag.before, f"move {self.task.landmarks[drag.index].title}")
        return True

    def _go_to(self, moment: _Moment | None) -> bool:
        if moment is None:
            return False
        self._points, self.model_version = moment.points, moment.model_version
        self.revision += 1
        return True
