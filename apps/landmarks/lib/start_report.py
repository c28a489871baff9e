"""Report of a start: what the server serves, on what, for whom and how much at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from monai_ext.images import read_frame
from monai_ext.landmarks import InputError
from monai_ext.models import find_model
from monai_ext.networks import find_device
from monai_ext.studies import passed_over, split_image_file

from .datastore import LandmarkDatastore
from .inference.desk import default_slots
from .served_model import ServedModel
from .settings import TOKEN_VARIABLE, AppSettings, Conf

_LABELS = 11
#: Images whose headers are read at the start, a second or two at most.
MOST_HEADERS = 1000


@dataclass(frozen=True)
class NetworkState:
    """State of the network that answers a protocol.

    Attributes:
        protocol: its name.
        words: the version and error of its network, or why it has none that can be used.
        usable: whether it is offered.
    """

    protocol: str
    words: str
    usable: bool


@dataclass(frozen=True)
class StartReport:
    """Report for a person when the server is up.

    Attributes:
        version: of the app.
        networks: one for each served protocol.
        device: where networks run.
        studies: the folder of images.
        images: how many lie there.
        labelled: how many of them have a final label.
        conf: who may enter, how much at once, who labels, and when networks are trained without being asked for.
        repairs: damage that was found in the studies and repaired, one sentence each.
        not_served: what looks like an image and cannot be used, with the reason, one sentence each.
    """

    version: str
    networks: Sequence[NetworkState]
    device: str
    studies: Path
    images: int
    labelled: int
    conf: Conf
    repairs: Sequence[str] = ()
    not_served: Sequence[str] = ()


def start_lines(report: StartReport) -> list[str]:
    """The lines of a report; no token is in them."""
    width = max((len(network.protocol) for network in report.networks), default=0)
    networks = [f"{network.protocol:<{width}}  {network.words}" for network in report.networks]
    count = f"{report.images} image{'' if report.images == 1 else 's'}, {report.labelled} labelled"
    return [
        f"The landmarks server {report.version} is ready.",
        *_section("Protocols", networks or ["none"]),
        *_section("Device", [report.device]),
        *_section("Studies", [f"{report.studies}: {count}"]),
        *_section("Not served", report.not_served),
        *_section("Repaired", report.repairs),
        *_section("Readers", reader_words(report.conf.readers)),
        *_section("Training", training_words(report.conf.train_after)),
        *_section("Access", access_words(report.conf)),
        *_section("Limits", [limit_words(report.conf)]),
    ]


def access_words(access: Conf) -> list[str]:
    """Returns who may enter, and which doors are open beyond the usual ones."""
    if access.token is not None:
        lines = ["anyone with the token, from any machine"]
    elif access.allow_remote:
        lines = ["ANYONE who can reach this machine may read and change all labels (--conf allow_remote true)"]
    else:
        lines = [f"programs on this machine only; for others set {TOKEN_VARIABLE} or --conf token"]
    if access.allow_origins:
        lines.append(f"web pages of {', '.join(access.allow_origins)}")
    if access.allow:
        lines.append(f"also open: {', '.join(sorted(access.allow))}")
    return lines


def training_words(train_after: int) -> list[str]:
    """Words on when networks are trained automatically; empty for never."""
    return [f"automatically after {train_after} new labels of a protocol"] if train_after else []


def reader_words(readers: int) -> list[str]:
    """Returns how many people label an image; empty if one does."""
    return [f"{readers} per image; each reader sees only their own label"] if readers > 1 else []


def limit_words(limits: Conf) -> str:
    """Returns how much the server takes."""
    slots = limits.infer_slots or default_slots()
    kept = f"{limits.infer_cache} answers kept" if limits.infer_cache else "no answers kept"
    return (
        f"requests up to {limits.max_body_mb} MB; predictions: {slots} at once, {limits.infer_queue} waiting, "
        f"at most {limits.infer_timeout:g} s each, {kept}"
    )


def start_report(
    version: str, models: Mapping[str, ServedModel], datastore: LandmarkDatastore, settings: AppSettings
) -> StartReport:
    """The report of an app that is ready to answer."""
    objects = datastore.objects
    return StartReport(
        version=version,
        networks=network_states(models),
        device=device_words(),
        studies=datastore.folder,
        images=len(objects),
        labelled=sum("final" in entry.labels for entry in objects.values()),
        conf=settings.conf,
        repairs=tuple(datastore.repairs),
        not_served=not_served(datastore),
    )


def not_served(datastore: LandmarkDatastore) -> tuple[str, ...]:
    """Returns what lies in the studies folder, looks like an image and cannot be used, and why."""
    found = list(passed_over(datastore.folder))
    objects = datastore.objects
    for path in sorted(datastore.folder.iterdir()):
        parts = split_image_file(path) if path.is_file() else None
        known = None if parts is None else objects.get(parts[0])
        if parts is not None and known is not None and known.image.ext != parts[1]:
            found.append(f"{path.name}: {parts[0]}{known.image.ext} has the same image ID: rename one of the two")
    for image in list(objects)[:MOST_HEADERS]:
        try:
            if datastore.has_file(image):
                read_frame(datastore.image_file(image))
        except (InputError, OSError) as error:
            found.append(str(error))
    if len(objects) > MOST_HEADERS:
        rest = len(objects) - MOST_HEADERS
        found.append(f"{rest} more images were not checked: monai-landmarks doctor --studies checks all")
    return tuple(sentence.rstrip(".") for sentence in found)


def network_states(models: Mapping[str, ServedModel]) -> list[NetworkState]:
    """Returns what answers each protocol now."""
    return [_state(name, model) for name, model in models.items()]


def device_words() -> str:
    """The device that networks run on."""
    device = find_device("auto")
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({torch.get_num_threads()} threads)"


def _state(name: str, model: ServedModel) -> NetworkState:
    if find_model(name, *model.roots) is None:
        return NetworkState(name, "no network yet: label images, then train it", False)
    try:
        card = model.card()
    except InputError as error:
        return NetworkState(name, f"NOT OFFERED: {error}", False)
    words = f"network {card.version}, validation error {card.val_error:.3g} {card.unit}, {card.labels_used} labels"
    return NetworkState(name, words, True)


def _section(title: str, lines: Iterable[str]) -> list[str]:
    """Lines beside a title that stands once."""
    return [f"  {title if number == 0 else '':<{_LABELS}}{line}" for number, line in enumerate(lines)]
