"""Protocols that can be served, and their models on disk: card, weights, landmarks, and whether they answer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from PIL import Image

from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError, Protocol, survey_protocols
from monai_ext.models import CARD, check_weights, find_model, read_card
from monai_ext.networks import find_device

from .check import OK, PROBLEM, WARNING, Check, count


def check_protocols(folders: Iterable[Path]) -> tuple[dict[str, Protocol], list[Check]]:
    """(protocols that can be served by name, a check for them and one for each mistake)."""
    protocols, mistakes = survey_protocols(folders)
    return protocols, [_usable(protocols), *(_mistake(sentence) for sentence in mistakes)]


def _usable(protocols: Mapping[str, Protocol]) -> Check:
    if not protocols:
        advice = "Name a folder of protocol files: --app or --protocol-dir."
        return Check("Protocols", WARNING, "there is none that can be served", advice)
    return Check("Protocols", OK, f"{count(len(protocols), 'protocol')}: {', '.join(protocols)}")


def _mistake(sentence: str) -> Check:
    return Check("Protocol file", PROBLEM, sentence.rstrip("."), "Correct it: the server does not start with it.")


#: (width, height) of the blank image: neither square nor a multiple of what networks work with.
BLANK = (150, 101)
#: Where source classifiers of cross-task protocols lie.
_SOURCES = "sources"


def check_models(protocols: Mapping[str, Protocol], roots: Iterable[Path], *, predict: bool) -> Iterator[Check]:
    """One check for each model, whether it is served or not, and one for the protocols that have none.

    Args:
        protocols: the protocols that can be served.
        roots: folders of models; where several have one, the first one's is served.
        predict: whether each model is loaded and asked about a blank image.
    """
    roots = list(roots)
    served = {name: find_model(name, *roots) for name in protocols}
    for name, folder in served.items():
        if folder is not None:
            yield check_model(folder, protocols[name], predict=predict)
    yield from _check_absent([name for name, folder in served.items() if folder is None], roots)
    for root in roots:
        for folder in sorted(path for path in root.glob("*") if path.is_dir() and path.name != _SOURCES):
            if folder not in served.values() and (folder / CARD).is_file():
                yield _check_unserved(folder, protocols, predict=predict)


def check_model(folder: Path, protocol: Protocol, *, predict: bool) -> Check:
    """Check that a model folder answers a protocol.

    Args:
        folder: holds ``card.json`` and the weights.
        protocol: whose landmarks it has to find.
        predict: whether it is loaded and asked about a blank image.
    """
    name = f"Model of {protocol.name}"
    again = f"Restore {folder}, or train it again: `monai-landmarks train --protocol {protocol.name} --studies DIR`."
    try:
        card = check_weights(folder)
    except (InputError, OSError) as error:
        return Check(name, PROBLEM, str(error).rstrip("."), again)
    if card.protocol.landmark_names != protocol.landmark_names:
        theirs, ours = ", ".join(card.protocol.landmark_names), ", ".join(protocol.landmark_names)
        return Check(name, PROBLEM, f"{folder} finds {theirs}, but the protocol's landmarks are {ours}", again)
    found = f"{card.version}, {card.labels_used} labels, validation error {card.val_error:.3g} {card.unit}, in {folder}"
    if not predict:
        return Check(name, OK, f"{found}; not tried (--quick)")
    problem = _try(folder)
    if problem:
        return Check(name, PROBLEM, f"{folder}: {problem}", again)
    return Check(name, OK, f"{found}; it answers")


def _try(folder: Path) -> str:
    """Problem of a model's answer for a small blank image; empty if all its numbers are finite."""
    try:
        predictor = Predictor.load(folder, find_device("auto"))
        with tempfile.TemporaryDirectory() as blank:
            path = Path(blank) / "blank.png"
            Image.new("L", BLANK, 0).save(path)
            predictor.predict(path)
    except InputError as error:
        return str(error).rstrip(".")
    except RuntimeError as error:
        return f"it does not compute: {' '.join(str(error).split())[:200]}"
    return ""


def _check_absent(names: list[str], roots: list[Path]) -> Iterator[Check]:
    untrained = []
    for name in names:
        parts = [root / name for root in roots if list((root / name).glob("*.safetensors"))]
        if parts:
            found = f"{parts[0]} has weights but no {CARD}: it is not served"
            yield Check(
                f"Model of {name}", WARNING, found, f"Restore {CARD} from a backup, or train the protocol again."
            )
        else:
            untrained.append(name)
    if untrained:
        advice = "When there are labels: `monai-landmarks train --protocol NAME --studies DIR`, or POST /train/NAME."
        yield Check("Without a model", OK, f"not trained yet, hence not offered: {', '.join(untrained)}", advice)


def _check_unserved(folder: Path, protocols: Mapping[str, Protocol], *, predict: bool) -> Check:
    """A model of a protocol that is not served, or one that another folder's replaces."""
    name = f"Unserved model {folder.name}"
    if folder.name in protocols:
        check = check_model(folder, protocols[folder.name], predict=predict)
        if check.state == OK:
            return Check(name, OK, f"{check.found}; a published one is served instead")
        return Check(name, WARNING, check.found, "It is not served, as a published one is; restore or remove it.")
    try:
        own = read_card(folder).protocol.name
    except InputError as error:
        return Check(name, WARNING, str(error).rstrip("."), "Restore or remove the folder.")
    found = f"there is no protocol {folder.name!r}, so it is not served (its card says {own!r})"
    return Check(name, WARNING, found, "Add the protocol's file with --protocol-dir, or remove the folder.")
