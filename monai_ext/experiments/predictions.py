"""Every point that a cell's model predicted, in a table that all scores can be made from again."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from monai_ext.engines import LabelledImage, read_labels
from monai_ext.evaluation import Pair, Table
from monai_ext.images import read_frame
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Decoder, FloatArray, Frame, InputError, Landmarks, Status, write_atomically

#: Which heatmaps a point was read off: those of the network's last stage, or of its coarse stage.
Stage = Literal["answer", "coarse"]

COLUMNS = (
    "stage",
    "decoder",
    "image",
    "width",
    "height",
    "spacing_x",
    "spacing_y",
    "landmark",
    "status_true",
    "true_x",
    "true_y",
    "pred_x",
    "pred_y",
    "status_pred",
)


class ReadOut(NamedTuple):
    """Source of predicted points within a network."""

    stage: Stage
    decoder: Decoder


class Answer(NamedTuple):
    """Truth and prediction of one image.

    Attributes:
        image: ID.
        truth: its label.
        found: the likeliest place of every landmark, as if all were called defined: distances are measured to it.
        status: (K,) codes of :class:`~monai_ext.landmarks.Status` that the network gave them; None if not known.
    """

    image: str
    truth: Landmarks
    found: Landmarks
    status: NDArray[np.int8] | None

    @property
    def pair(self) -> Pair:
        """What distances are measured of."""
        return self.image, self.truth, self.found


#: Answers on every image, by what the points were read off.
Predictions = dict[ReadOut, list[Answer]]
#: What distances are measured of, by what the points were read off.
ReadPairs = dict[ReadOut, list[Pair]]


def predict(
    predictor: Predictor,
    images: Sequence[LabelledImage],
    decoders: Sequence[Decoder],
    on_image: Callable[[], None] = lambda: None,
) -> Predictions:
    """Runs a model over labelled images.

    The likeliest place of every landmark is kept, also where the network calls it missing, so that a network cannot
    lower its error by calling things missing. What it calls them is kept beside it.

    Raises:
        InputError: an image cannot be read, or a label may not be used.
    """
    found: Predictions = {}
    truths = read_labels(images, predictor.protocol)
    for image in images:
        answers = predictor.predict_decoders(image.image, decoders)
        for decoder, answer in answers.items():
            frame, truth = answer.landmarks.frame, truths[image.id]
            stages: dict[Stage, FloatArray | None] = {"answer": answer.landmarks.points, "coarse": answer.coarse}
            for stage, points in stages.items():
                if points is not None:
                    likeliest = Landmarks(truth.names, points, frame)
                    one = Answer(image.id, truth, likeliest, answer.landmarks.status)
                    found.setdefault(ReadOut(stage, decoder), []).append(one)
        on_image()
    return found


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Writes one row per image, landmark and reading with the columns :data:`COLUMNS`, points in original pixels."""
    rows = []
    for reading, answers in predictions.items():
        for image, truth, prediction, status in answers:
            about = [*reading, image, *map(str, (*truth.frame.size, *(truth.frame.spacing or ("", ""))))]
            for k, name in enumerate(truth.names):
                true = [repr(float(v)) for v in truth.points[k]] if truth.defined[k] else ["", ""]
                found = [repr(float(v)) for v in prediction.points[k]]
                called = "" if status is None else Status(int(status[k])).word
                rows.append([*about, name, Status(int(truth.status[k])).word, *true, *found, called])
    write_atomically(path, Table(COLUMNS, rows).csv())


def read_predictions(path: Path, frames: Mapping[str, Frame] | None = None) -> Predictions:
    """The inverse of :func:`write_predictions`.

    Args:
        path: of the table; one without the column ``status_pred`` does not say what the network called missing.
        frames: of the images as they are now, by ID: points stay, and lengths follow the pixel sizes that were stated
            since. None takes those of the table.

    Raises:
        InputError: the file is missing or not such a table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        groups: dict[tuple[ReadOut, str], list[dict[str, str]]] = {}
        for row in rows:
            reading = ReadOut(cast(Stage, row["stage"]), cast(Decoder, row["decoder"]))
            groups.setdefault((reading, row["image"]), []).append(row)
        found: Predictions = {}
        for (reading, image), group in groups.items():
            found.setdefault(reading, []).append(_answer(image, group, frames))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path} is not a table of predictions ({error}); remove its folder to train again.") from None
    return found


def _answer(image: str, rows: Sequence[dict[str, str]], frames: Mapping[str, Frame] | None) -> Answer:
    first = rows[0]
    spacing = (float(first["spacing_x"]), float(first["spacing_y"])) if first["spacing_x"] else None
    size = int(first["width"]), int(first["height"])
    frame = Frame(*size, spacing=spacing, spacing_source="predictions" if spacing else "none")
    if frames is not None:
        frame = frames[image]
        if frame.size != size:
            raise ValueError(f"{image} had {size[0]} x {size[1]} pixels")
    names = [row["landmark"] for row in rows]
    true = np.array([[float(row[key]) if row[key] else np.nan for key in ("true_x", "true_y")] for row in rows])
    found = np.array([[float(row[key]) for key in ("pred_x", "pred_y")] for row in rows])
    status = [Status.from_word(row["status_true"]) for row in rows]
    called = [row.get("status_pred") for row in rows]
    stated = np.array([Status.from_word(word) for word in called if word], dtype=np.int8)
    truth, likeliest = Landmarks(names, true, frame, status), Landmarks(names, found, frame)
    return Answer(image, truth, likeliest, stated if len(stated) == len(rows) else None)


def frames_of(images: Iterable[LabelledImage]) -> dict[str, Frame]:
    """Frames of images as they are now, by ID.

    Raises:
        InputError: an image cannot be read.
    """
    return {image.id: read_frame(image.image) for image in images}
