"""Instances of a PACS as QIDO-RS lists them, and elements of its DICOM JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from pydicom.datadict import keyword_for_tag, tag_for_keyword

from monai_ext.landmarks import InputError

from .connection import AnswerError, Connection

#: Kinds of images that landmarks are placed on: photographs of the eye and of the body, OCT, radiographs, ultrasound.
MODALITIES = ("OP", "OPT", "XC", "CR", "DX", "US")
#: Instances that are asked for at once.
PAGE = 200
MOST_INSTANCES = 100_000
MOST_FRAMES = 10_000
#: Pages of one list; a PACS may give fewer instances at once than are asked for.
MOST_PAGES = 4000
#: Which frames of an instance of several become images.
Frames = Literal["first", "middle", "all"]

_STUDY_KEYS: tuple[str, ...] = (
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "StudyID",
    "StudyInstanceUID",
    "AccessionNumber",
)
_STUDY_KEYS += ("ModalitiesInStudy", "ReferringPhysicianName")
_STUDY, _SERIES, _INSTANCE = "0020000D", "0020000E", "00080018"
_NUMBER_OF_FRAMES, _SERIES_DESCRIPTION = "00280008", "0008103E"
_FIELDS = [("includefield", _NUMBER_OF_FRAMES), ("includefield", _SERIES_DESCRIPTION)]
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


class Instance(NamedTuple):
    """Where an instance lies in a PACS, and how many frames it has."""

    study: str
    series: str
    uid: str
    frames: int = 1
    description: str = ""

    @property
    def path(self) -> str:
        """Its place below the address of the PACS."""
        return f"/studies/{self.study}/series/{self.series}/instances/{self.uid}"

    def images(self, frames: Frames) -> list[tuple[str, int | None]]:
        """The images that an instance gives: their names, and the frame (from 1) where it has several."""
        if self.frames == 1:
            return [(self.uid, None)]
        chosen = {"first": [1], "middle": [(self.frames + 1) // 2], "all": range(1, self.frames + 1)}[frames]
        return [(image_name(self.uid, frame), frame) for frame in chosen]


def study_keys(keys: Mapping[str, list[str]]) -> dict[str, str]:
    """The keys of a filter that say which studies: those that hold for the reports in them too."""
    return {name: values[0] for name, values in keys.items() if name in _STUDY_KEYS}


def image_name(uid: str, frame: int | None) -> str:
    """The ID of an image: the UID of its SOP instance, with the frame where that has several."""
    return uid if frame is None else f"{uid}-frame{frame}"


def query_keys(text: str) -> dict[str, list[str]]:
    """Reads a filter: JSON of QIDO keys, each with a value; ``Modality`` may have several.

    Args:
        text: such as ``{"Modality": ["OP", "XC"], "StudyDate": "20250101-"}``. Without a modality it is each of
            :data:`MODALITIES`.

    Raises:
        InputError: not that form, an unknown key, or one of the patient, who shall be in no address.
    """
    try:
        given = json.loads(text) if text.strip() else {}
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise InputError(
            f'The filter must be JSON like {{"Modality": "OP", "StudyDate": "20250101-"}}, not {text!r:.80}.'
        )
    keys: dict[str, list[str]] = {"Modality": list(MODALITIES)}
    for key, sought in given.items():
        name = _keyword(key)
        values = sought if isinstance(sought, list) and name == "Modality" else [sought]
        if not values or not all(isinstance(v, str | int) and str(v).isprintable() and str(v) for v in values):
            raise InputError(f"The filter has {sought!r:.80} as {key}: give a text, and a list for Modality alone.")
        keys[name] = [str(v) for v in values]
    return keys


def _keyword(key: str) -> str:
    tag = int(key, 16) if re.fullmatch(r"[0-9A-Fa-f]{8}", key) else tag_for_keyword(key)
    name = keyword_for_tag(tag) if tag is not None else ""
    if not name or tag is None:
        raise InputError(f"The filter has the unknown key {key[:80]!r}: use keywords of DICOM, such as StudyDate.")
    if tag >> 16 == 0x0010:
        raise InputError(
            f"The filter must not hold {name}: addresses are logged on their way; filter by studies instead."
        )
    return name


def list_instances(connection: Connection, keys: Mapping[str, str]) -> Iterator[Instance]:
    """All instances that match some keys, asked for in pages; each once.

    It ends with the first page that brings nothing new, so that a PACS that repeats itself, or ignores where a page
    begins, ends too.

    Raises:
        PacsError: no answer, one that is no list of instances, more than :data:`MOST_INSTANCES`, or no end.
    """
    seen: set[str] = set()
    offset = 0
    for _ in range(MOST_PAGES):
        query = [*keys.items(), ("limit", str(PAGE)), ("offset", str(offset)), *_FIELDS]
        page = connection.get_json("/instances", query)
        found = [_instance(connection, item) for item in page]
        new = [instance for instance in found if instance.uid not in seen]
        seen.update(instance.uid for instance in new)
        if len(seen) > MOST_INSTANCES:
            raise AnswerError(
                f"{connection.address} lists more than {MOST_INSTANCES} instances: narrow them by a filter."
            )
        yield from {instance.uid: instance for instance in new}.values()
        if not new:
            return
        offset += len(page)
    raise AnswerError(f"{connection.address} does not come to the end of its list: narrow it by a filter.")


def _instance(connection: Connection, item: Mapping[str, Any]) -> Instance:
    study, series, uid = (_text(item, tag) for tag in (_STUDY, _SERIES, _INSTANCE))
    if not all(len(each) <= 64 and _UID.fullmatch(each) for each in (study, series, uid)):
        raise AnswerError(f"{connection.address}/instances lists an instance without its UIDs: is it DICOMweb?")
    frames = _text(item, _NUMBER_OF_FRAMES)
    count = int(frames) if frames.isdecimal() and frames.isascii() and len(frames) < 9 else 1
    return Instance(study, series, uid, min(max(count, 1), MOST_FRAMES), _text(item, _SERIES_DESCRIPTION)[:64])


def _text(item: Mapping[str, Any], tag: str) -> str:
    first = value(item, tag)
    return str(first) if isinstance(first, str | int) else ""


def items(answer: Any, tag: str) -> list[Mapping[str, Any]]:
    """The items of a sequence in DICOM JSON."""
    element = answer.get(tag) if isinstance(answer, Mapping) else None
    found = element.get("Value") if isinstance(element, Mapping) else None
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def value(item: Mapping[str, Any], tag: str) -> Any:
    """The first value of an element in DICOM JSON; None where it has none."""
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, Mapping) else None
    return values[0] if isinstance(values, list) and values else None
