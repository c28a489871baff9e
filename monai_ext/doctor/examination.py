"""All checks in the order in which a person reads them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from monai_ext.landmarks import Protocol

from .check import PROBLEM, WARNING, Check
from .folders import check_folder, check_mount, check_space, check_spaces, free_bytes, read_mounts
from .machine import check_gpu, read_gpu, usable_cores
from .models import check_models, check_protocols
from .packages import check_installation
from .server import check_port, check_token
from .studies import check_studies
from .survey import survey_studies


@dataclass(frozen=True)
class Subject:
    """Subject of the examination.

    Attributes:
        models: where training publishes networks.
        pretrained: the shipped networks.
        protocol_folders: folders of protocol files, the app's first.
        app: the MONAI Label app; None if only the library is used.
        studies: the studies folder; None leaves its checks out.
        port: where the server is to answer.
        quick: leaves out asking each network about an image.
    """

    models: Path
    pretrained: Path
    protocol_folders: tuple[Path, ...]
    app: Path | None = None
    studies: Path | None = None
    port: int = 8000
    quick: bool = False


def examine(subject: Subject, on_progress: Callable[[str], None] = lambda words: None) -> Iterator[Check]:
    """One check after the other, as each is done.

    Args:
        subject: what to look at.
        on_progress: called with what is looked at next.
    """
    on_progress("Packages")
    yield from check_installation()
    on_progress("GPU")
    yield check_gpu(read_gpu(), usable_cores(), torch.get_num_threads())
    on_progress("Folders")
    yield from _guarded("Folders", _folders(subject))
    on_progress("Protocols")
    protocols, checks = check_protocols(subject.protocol_folders)
    yield from checks
    on_progress("Models")
    roots = (subject.models, subject.pretrained)
    yield from _guarded("Models", check_models(protocols, roots, predict=not subject.quick))
    if subject.studies is not None and subject.studies.is_dir():
        yield from _guarded("Studies", _studies(subject.studies, protocols, on_progress))
    elif subject.studies is None:
        yield Check("Studies", WARNING, "not looked at", "Name the folder of images with --studies DIR.")
    on_progress("Port")
    yield check_port(subject.port)
    yield check_token(os.environ.get("LANDMARKS_TOKEN"))


def _guarded(name: str, checks: Iterable[Check]) -> Iterator[Check]:
    """The checks of a part; where a disk fails under them that is said, and the other parts go on."""
    try:
        yield from checks
    except OSError as error:
        yield Check(name, PROBLEM, f"could not be looked at to the end: {error}", "Check the disk and its permissions.")


def _folders(subject: Subject) -> Iterator[Check]:
    if subject.app is not None:
        yield _check_app(subject.app)
    yield check_folder("Models folder", subject.models, made_later=True)
    yield check_space("the models", subject.models, free_bytes(subject.models))
    folders = [subject.models, *([] if subject.app is None else [subject.app])]
    if subject.studies is not None:
        folders.append(subject.studies)
        yield check_folder("Studies folder", subject.studies)
        yield check_space("the studies", subject.studies, free_bytes(subject.studies))
        yield check_mount(subject.studies.resolve(), read_mounts())
    yield check_spaces(folders)


def _check_app(app: Path) -> Check:
    if app.is_dir() and not (app / "main.py").is_file():
        found = f"{app} is no MONAI Label app: it has no main.py"
        return Check("App folder", PROBLEM, found, "Name the folder apps/landmarks with --app.")
    return check_folder("App folder", app)


def _studies(root: Path, protocols: Mapping[str, Protocol], on_progress: Callable[[str], None]) -> Iterator[Check]:
    on_progress("Images")
    survey = survey_studies(root, lambda done, total: on_progress(f"Images: {done} of {total}"))
    on_progress("Labels")
    yield from check_studies(survey, protocols)
