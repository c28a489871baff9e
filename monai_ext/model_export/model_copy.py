"""A copy of a model folder that travels: one version, with safetensors that name it, card and calibration."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

from monai_ext import __version__
from monai_ext.landmarks import InputError, write_atomically
from monai_ext.models import (
    CARD,
    ModelCard,
    calibration_path,
    familiarity_path,
    find_weights,
    read_calibration,
    read_card,
    read_familiarity,
    read_training_record,
    record_path,
    version_number,
    write_calibration,
    write_familiarity,
)
from monai_ext.reports import ABOUT, About, model_card_markdown, model_facts, read_about

#: The weights in the copy.
WEIGHTS = "model.safetensors"
#: The card for people in a model folder, and its pictures.
CARD_PAGE, CARD_PICTURES = "MODEL_CARD.md", "model_card_files"


def copy_model(folder: Path, out: Path) -> ModelCard:
    """Copies the current version of a model folder to another, where :func:`monai_ext.models.load_network` reads it.

    Args:
        folder: the model folder.
        out: holds ``card.json``, ``model.safetensors`` and, where there are such, calibration, familiarity, training
            record and ``about.yaml``. Those of a model that was there before are removed.

    Returns:
        The card in the copy.

    Raises:
        InputError: the model is damaged, or lies in the folder of the copy.
    """
    from safetensors.torch import load_file, save

    _check_other(folder, out)
    card = read_card(folder)
    state = load_file(find_weights(folder, card))
    data = save(state, metadata(card))
    copied = card.model_copy(update={"weights": WEIGHTS, "sha256": hashlib.sha256(data).hexdigest()})
    out.mkdir(parents=True, exist_ok=True)
    _remove_learnt(out, card.version)
    write_atomically(out / WEIGHTS, data)
    for path in (record_path(folder, card.version), folder / ABOUT):
        if path.is_file():
            write_atomically(out / path.name, path.read_bytes())
    # what names the weights
    calibration = read_calibration(folder, card.version, sha256=card.sha256)
    if calibration is not None:
        named = {"sha256": copied.sha256} if calibration.sha256 else {}
        write_calibration(out, calibration.model_copy(update=named))
    familiarity = read_familiarity(folder, card.version, card.sha256)
    if familiarity is not None:
        write_familiarity(out, replace(familiarity, sha256=copied.sha256))
    write_atomically(out / CARD, copied.model_dump_json(indent=2) + "\n")
    return copied


def metadata(card: ModelCard) -> dict[str, str]:
    """Metadata of a file of weights; lists are JSON."""
    protocol, network = card.protocol, card.protocol.network
    return {
        "format": "pt",
        "program": f"monai-landmarks {__version__}",
        "protocol": protocol.name,
        "title": protocol.title,
        "version": card.version,
        "landmarks": json.dumps(protocol.landmark_names),
        "channels": protocol.channels,
        "input_size": json.dumps(network.input_size.wh),
        "normalization": network.normalization,
        "network": network.name,
        "decoder": network.decoder,
    }


def about_of(folder: Path) -> About:
    """Statements of a person about the model, from its folder.

    Raises:
        InputError: its file is damaged.
    """
    return read_about(folder / ABOUT) if (folder / ABOUT).is_file() else About()


def copy_card_page(folder: Path, out: Path) -> str:
    """The text of a model's card for people, whose pictures are copied to a folder in the place of those there.

    Where the folder has none, it is made of what is known: the card, ``about.yaml``, calibration and training record.

    Raises:
        InputError: the model is damaged, or lies in the folder of the copy.
    """
    _check_other(folder, out)
    if (out / CARD_PICTURES).is_dir():
        shutil.rmtree(out / CARD_PICTURES)
    page = folder / CARD_PAGE
    if page.is_file():
        if (folder / CARD_PICTURES).is_dir():
            shutil.copytree(folder / CARD_PICTURES, out / CARD_PICTURES, dirs_exist_ok=True)
        return page.read_text(encoding="utf-8")
    card = read_card(folder)
    calibration = read_calibration(folder, card.version, card.protocol.landmark_names, card.sha256)
    facts = model_facts(card, about_of(folder), [], calibration, read_training_record(folder, card.version))
    return model_card_markdown(facts)


def check_target(out: Path, overwrite: bool) -> None:
    """Tests that a folder may be written.

    Raises:
        InputError: it is a file, or holds something and is not to be replaced.
    """
    if out.is_file():
        raise InputError(f"{out} is a file, not a folder: name a folder with --output.")
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise InputError(f"The folder {out} is not empty: name another with --output, or use --overwrite.")


def _check_other(folder: Path, out: Path) -> None:
    if folder.resolve() == out.resolve():
        raise InputError(f"{out} is the folder of the model itself: name another with --output.")


def _remove_learnt(out: Path, version: str) -> None:
    """Removes what a folder knows of other weights: a reader finds calibration and record by the version alone."""
    for path_of in (calibration_path, familiarity_path, record_path):
        for path in out.glob(path_of(out, "*").name):
            stem = path.name.partition(".")[0]
            if stem == version or version_number(stem):
                path.unlink()
    (out / ABOUT).unlink(missing_ok=True)
