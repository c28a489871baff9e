"""Every point that a cell's model predicted, in a table that all scores can be made from again."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, cast

import numpy as np

from monai_ext.engines import LabelledImage, read_labels
from monai_ext.evaluation import Pair, Table
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
)


class ReadOut(NamedTuple):
    """Source of predicted points within a network."""

    stage: Stage
    decoder: Decoder


#: Truth and prediction of every image, by what the points were read off.
Predictions = dict[ReadOut, list[Pair]]


def predict(
    predictor: Predictor,
    images: Sequence[LabelledImage],
    decoders: Sequence[Decoder],
    on_image: Callable[[], None] = lambda: None,
) -> Predictions:
    """Runs a model over labelled images.

    The likeliest place of every landmark is kept, also where the network calls it missing, so that a network cannot
    lower its error by calling things missing.

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
                    pair = (image.id, truth, Landmarks(truth.names, points, frame))
                    found.setdefault(ReadOut(stage, decoder), []).append(pair)
        on_image()
    return found


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Writes one row per image, landmark and reading with the columns :data:`COLUMNS`, points in original pixels."""
    rows = []
    for reading, pairs in predictions.items():
        for image, truth, prediction in pairs:
            about = [*reading, image, *map(str, (*truth.frame.size, *(truth.frame.spacing or ("", ""))))]
            for k, name in enumerate(truth.names):
                true = [repr(float(v)) for v in truth.points[k]] if truth.defined[k] else ["", ""]
                found = [repr(float(v)) for v in prediction.points[k]]
                rows.append([*about, name, Status(int(truth.status[k])).word, *true, *found])
    write_atomically(path, Table(COLUMNS, rows).csv())


def read_predictions(path: Path) -> Predictions:
    """The inverse of :func:`write_predictions`.

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
            found.setdefault(reading, []).append(_pair(image, group))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path} is not a table of predictions ({error}); remove its folder to train again.") from None
    return found


def _pair(image: str, rows: Sequence[dict[str, str]]) -> Pair:
    first = rows[0]
    spacing = (float(first["spacing_x"]), float(first["spacing_y"])) if first["spacing_x"] else None
    frame = Frame(
        int(first["width"]), int(first["height"]), spacing=spacing, spacing_source="predictions" if spacing else "none"
    )
    names = [row["landmark"] for row in rows]
    true = np.array([[float(row[key]) if row[key] else np.nan for key in ("true_x", "true_y")] for row in rows])
    found = np.array([[float(row[key]) for key in ("pred_x", "pred_y")] for row in rows])
    status = [Status.from_word(row["status_true"]) for row in rows]
    return image, Landmarks(names, true, frame, status), Landmarks(names, found, frame)
