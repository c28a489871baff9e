"""The card of a model as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .card_about import NOT_STATED
from .card_cross_validated import CrossValidated
from .card_facts import Calibrated, MeasuredError, ModelFacts, Training

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&])")

NO_DEVICE = (
    "This is research software and **not a medical device**. Do not base a diagnosis or a treatment on its answers."
)


def plain_text(value: object) -> str:
    """Any value as words that Markdown and HTML take literally, on one line; None is not stated."""
    if value is None or value == "":
        return NOT_STATED
    return _SPECIAL.sub(r"\\\1", " ".join(str(value).split()))


def code(value: str | None) -> str:
    """A command or a digest in a fixed font; None is not stated."""
    if not value:
        return NOT_STATED
    text = " ".join(value.split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def model_card_markdown(facts: ModelFacts) -> str:
    """The whole document, with pictures named relative to it."""
    about = facts.about
    parts = [
        f"# Model card: {plain_text(facts.title)}, {plain_text(facts.protocol)} {plain_text(facts.version)}",
        NO_DEVICE,
        plain_text(about.summary or facts.description or None),
        "## Use",
        _table(
            [
                ("intended use", plain_text(about.intended_use)),
                ("licence of the weights", plain_text(about.licence)),
                ("contact", plain_text(about.contact)),
            ]
        ),
        "Not for:",
        _list(about.not_for),
        "## What it finds",
        _table([(plain_text(item.name), plain_text(item.description)) for item in facts.landmarks]),
        "## Data",
        _data(facts),
        "## Error",
        *_errors(facts.evaluations),
        "## Known failures",
        _list(about.known_failures),
        *_pictures(facts.evaluations),
        *_cross_validation(facts.cross_validation),
        "## Training",
        _training(facts.training),
        "## Calibration",
        _calibration(facts.calibration),
        "## Weights",
        _table(
            [
                ("version", plain_text(facts.version)),
                ("SHA-256", code(facts.weights_sha256)),
                ("network", f"{plain_text(facts.network)}, input {facts.input_size[0]} x {facts.input_size[1]} pixels"),
            ]
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "|:--|:--|", *(f"| {name} | {value} |" for name, value in rows)])


def _grid(headings: Sequence[str], rows: Iterable[Sequence[str]], *, words: bool = False) -> str:
    """A table; the columns but the first are flush right unless they hold words."""
    lines = [headings, [":--", *[":--" if words else "--:"] * (len(headings) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _list(items: Sequence[str]) -> str:
    return "\n".join(f"- {plain_text(item)}" for item in items) or NOT_STATED.capitalize() + "."


def _data(facts: ModelFacts) -> str:
    said = plain_text(facts.training.data)
    if not facts.about.data:
        return f"As the model's own card has it: {said}"
    headings = ["name", "images", "licence", "attribution", "source"]
    rows = [
        [plain_text(value) for value in (item.name, item.count, item.licence, item.attribution, item.source)]
        for item in facts.about.data
    ]
    return _grid(headings, rows, words=True) + f"\n\nAs the model's own card has it: {said}"


def _errors(evaluations: Sequence[MeasuredError]) -> list[str]:
    return [_error(item) for item in evaluations] or ["Not stated: no evaluation was given."]


def _error(item: MeasuredError) -> str:
    unit = item.unit
    low_high = "" if item.interval is None else f", 95 % interval over images {_range(item.interval, unit)} {unit}"
    rows = [
        ("images", f"{item.images}, split {plain_text(item.split)} of {plain_text(item.studies)}"),
        ("mean radial error", f"{_length(item.mean, unit)}{low_high}"),
        ("median", _length(item.median, unit)),
        *((f"within {key} {unit}", _percent(share)) for key, share in item.success.items()),
        (f"images with a mean error above {item.failure_threshold:g} {unit}", _percent(item.failure_rate)),
        ("landmarks missed; false alarms", f"{item.misses}; {item.false_alarms}"),
        ("evaluated", plain_text(item.date)),
        ("command", code(item.command)),
        ("file, SHA-256", f"{plain_text(item.file)}, {code(item.sha256)}"),
    ]
    each = _grid(
        ["landmark", "n", "mean", "median"],
        [
            [plain_text(row.name), str(row.count), _length(row.mean, unit), _length(row.median, unit)]
            for row in item.landmarks
        ],
    )
    return f"{_table(rows)}\n\n{each}"


def _pictures(evaluations: Sequence[MeasuredError]) -> list[str]:
    """The worst images of each evaluation, drawn where they were at hand."""
    parts = []
    for item in evaluations:
        if not item.worst:
            continue
        lines = [f"The worst of the {item.images} images; white cross: truth, coloured ring: prediction."]
        for case in item.worst:
            name = f"{plain_text(case.image)}, mean error {_length(case.error, item.unit)}"
            lines.append(f"![{name}]({case.picture})" if case.picture else f"{name} (its image was not at hand)")
        parts.append("\n\n".join(lines))
    return parts


def _training(training: Training) -> str:
    error = _length(training.validation_error, training.unit)
    role = "which chose the weights that were kept" if training.chosen == "best" else "which chose nothing"
    return _table(
        [
            ("command", code(training.command)),
            ("hardware", plain_text(training.hardware)),
            ("duration", plain_text(training.duration)),
            ("labelled images", str(training.labels_used)),
            ("epochs, seed", f"{training.epochs}, {training.seed}"),
            ("validation", f"{error} on {training.validation_images} images, {role}"),
            ("began with", plain_text(training.begun_with or training.parent or "none of an earlier version")),
            ("date", plain_text(training.date)),
        ]
    )


def _calibration(calibration: Calibrated | None) -> str:
    if calibration is None:
        return "None: the model answers without radii."
    radii = [
        [plain_text(name), "not calibrated" if value is None else f"{value:.2f}"]
        for name, value in calibration.radii.items()
    ]
    heading = "radius per unit of uncertainty" if calibration.scaled else f"radius, {calibration.unit}"
    said = (
        f"Fitted on {calibration.images} images: about each answered point, a circle of this radius holds the true one "
        f"in {100 * calibration.coverage:g} % of such images."
    )
    return f"{said}\n\n{_grid(['landmark', heading], radii)}"


def _cross_validation(item: CrossValidated | None) -> list[str]:
    if item is None:
        return []
    unit = item.unit
    distance = [] if item.between is None else [f"% of {' to '.join(map(plain_text, item.between))}"]
    headings = ["images", "landmark", f"mean, {unit}", "95 % interval", "median", "% of width", *distance, "failed"]
    rows = []
    for name, errors in item.sets.items():
        for row in errors:
            relative = [_number(row.of_width, 3)] + ([_number(row.of_distance, 2)] if distance else [])
            interval = f"{_number(row.low, 2)} to {_number(row.high, 2)}"
            lengths = [_number(row.mean, 2), interval, _number(row.median, 2)]
            failed = f"{row.failures} of {row.images}"
            rows.append([plain_text(name), plain_text(row.name), *lengths, *relative, failed])
    said = (
        f"Models of this network and augmentation, {item.folds} of them, each trained for {item.steps} steps without "
        "the images that it then answered. `changed` are copies of the same images as another camera would have drawn "
        "them. What failed means, the command says."
    )
    source = _table(
        [("command", code(item.command)), ("file, SHA-256", f"{plain_text(item.file)}, {code(item.sha256)}")]
    )
    return ["## Cross-validation", said, _grid(headings, rows), source]


def _number(value: float | None, digits: int) -> str:
    return NOT_STATED if value is None else f"{value:.{digits}f}"


def _length(value: float | None, unit: str) -> str:
    return NOT_STATED if value is None else f"{value:.{3 if unit == 'mm' else 2}f} {unit}"


def _range(interval: tuple[float, float], unit: str) -> str:
    digits = 3 if unit == "mm" else 2
    return f"{interval[0]:.{digits}f} to {interval[1]:.{digits}f}"


def _percent(share: float | None) -> str:
    return NOT_STATED if share is None else f"{100 * share:.1f} %"
