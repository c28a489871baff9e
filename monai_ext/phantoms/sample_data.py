"""Sample studies: folders of synthetic images, partly labelled, in MONAI Label's studies layout."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from monai_ext.images import LABEL_EXTENSION
from monai_ext.landmarks import InputError, write_atomically, write_markups
from monai_ext.studies import Studies

from .as_oct import make_as_oct, make_section
from .face import make_face
from .fundus import make_fundus
from .phantom import SAMPLE_PROTOCOLS, Phantom

#: Largest number of images per protocol.
MOST_IMAGES = 100_000

#: One labelled image in this many goes to the validation split, the others train.
VALIDATION_EVERY = 4

README = """# SYNTHETIC {title}

All {count} images of this folder are SYNTHETIC: drawn by a program around known landmarks. They show no person and
no patient, and nothing measured on them says anything about real images.

{labelled} of them are labelled (`labels/final/`, Slicer markups with the exact points); `splits.json` says which of
these train and which validate. The others are left to be labelled.

Made with `monai-landmarks sample-data`, seed {seed}.
"""


@dataclass(frozen=True)
class _Kind:
    """How the phantoms of one protocol are made and stored."""

    make: Callable[[np.random.Generator], Phantom]
    title: str
    extension: str


#: Photographs are stored as JPEG, as cameras do; the small scan without loss.
_KINDS: dict[str, _Kind] = {
    "fundus": _Kind(make_fundus, "fundus photographs", ".jpg"),
    "scleral_spur": _Kind(make_as_oct, "anterior segment OCT sections", ".png"),
    "face": _Kind(make_face, "faces", ".jpg"),
}
#: What phantoms there are of a protocol beside the sample's.
_VARIANTS: dict[tuple[str, str], _Kind] = {
    ("scleral_spur", "scanner"): _Kind(make_section, "anterior segment OCT sections", ".jpg"),
    ("scleral_spur", "unseen"): _Kind(
        partial(make_section, setting="unseen"), "anterior segment OCT sections of the setting `unseen`", ".jpg"
    ),
}
#: Names of the variants of phantoms.
VARIANTS = ("sample", *(name for _, name in _VARIANTS))


def phantom_stream(protocol: str, seed: int) -> Iterator[Phantom]:
    """An endless stream of phantoms; equal seeds give equal streams.

    Args:
        protocol: one of :data:`SAMPLE_PROTOCOLS`.
        seed: not negative.

    Raises:
        InputError: a protocol without a phantom, a negative seed.
    """
    kind = _kind(protocol)
    rng = _generator(protocol, seed)
    return (kind.make(rng) for _ in iter(int, 1))


def make_sample_data(
    output: str | Path,
    protocols: Sequence[str] = SAMPLE_PROTOCOLS,
    count: int = 20,
    seed: int = 2026,
    *,
    labelled: float = 0.6,
    variant: str = "sample",
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Path]:
    """Writes one studies folder per protocol.

    The images are ``output/<protocol>/synthetic_<protocol>_001.jpg`` (``.png`` for scans) and so on.
    Equal arguments write equal bytes on one machine; another processor's arithmetic may change the last digit of a
    point and a grey level of a few pixels. The first images are the same whatever the count.

    Args:
        output: parent of the folders; made if need be.
        protocols: which of :data:`SAMPLE_PROTOCOLS`.
        count: images per protocol.
        seed: not negative.
        labelled: share of the images that get a label, 0 to 1, spread evenly.
        variant: ``sample``, or of ``scleral_spur`` ``scanner`` (whole sections as a scanner stores them, JPEG, some of
            which end before a spur) and ``unseen`` (the same of other eyes and another scanner).
        overwrite: replace an earlier sample; other files in the folder stay.
        on_progress: called with (images done, images in all) after each image.

    Returns:
        The folder of each protocol.

    Raises:
        InputError: a protocol without a phantom or without this variant, a count below 1 or above
            :data:`MOST_IMAGES`, a share outside 0 to 1, a negative seed, or a folder that is not empty, without
            ``overwrite``; nothing is written then.
        OSError: a folder cannot be written.
    """
    if not 1 <= count <= MOST_IMAGES:
        raise InputError(f"The number of images per protocol is 1 to {MOST_IMAGES}, not {count}.")
    if not 0 <= labelled <= 1:
        raise InputError(f"The labelled share is between 0 and 1, not {labelled}.")
    protocols = tuple(dict.fromkeys(protocols))
    folders = {protocol: Path(output) / protocol for protocol in protocols}
    for protocol, folder in folders.items():
        _generator(protocol, seed)
        _kind(protocol, variant)
        _check_free(folder, overwrite)
    for number, (protocol, folder) in enumerate(folders.items()):

        def step(done: int, before: int = number * count) -> None:
            if on_progress is not None:
                on_progress(before + done, count * len(folders))

        _remove_earlier(folder, protocol)
        _write_studies(folder, protocol, _kind(protocol, variant), count, seed, labelled, step)
    return folders


def _kind(protocol: str, variant: str = "sample") -> _Kind:
    if protocol not in _KINDS:
        raise InputError(f"There is no phantom for the protocol {protocol!r}; use {', '.join(_KINDS)}.")
    if variant == "sample":
        return _KINDS[protocol]
    if (protocol, variant) not in _VARIANTS:
        known = ", ".join(name for owner, name in _VARIANTS if owner == protocol)
        raise InputError(f"{protocol} has no phantoms {variant!r}; use {', '.join(filter(None, ('sample', known)))}.")
    return _VARIANTS[protocol, variant]


def _generator(protocol: str, *seeds: int) -> np.random.Generator:
    if min(seeds) < 0:
        raise InputError(f"A seed is a whole number from 0, not {min(seeds)}.")
    return np.random.default_rng([*protocol.encode(), *seeds])


def _check_free(folder: Path, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give a folder for the sample data.")
    if not overwrite and folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"The folder {folder} is not empty; give another one or ask to overwrite the earlier sample.")


def _remove_earlier(folder: Path, protocol: str) -> None:
    """Removes the images of an earlier sample and all their labels."""
    made = re.compile(rf"synthetic_{re.escape(protocol)}_[0-9]{{3,}}(\.png|\.jpg|{re.escape(LABEL_EXTENSION)})")
    for path in [*folder.glob("synthetic_*"), *folder.glob("labels/*/synthetic_*")]:
        if made.fullmatch(path.name):
            path.unlink()


def _write_studies(
    folder: Path,
    protocol: str,
    kind: _Kind,
    count: int,
    seed: int,
    labelled: float,
    on_step: Callable[[int], None],
) -> None:
    studies = Studies(folder)
    splits: dict[str, str] = {}
    for index in range(count):
        phantom = kind.make(_generator(protocol, seed, index))
        image_id = f"synthetic_{protocol}_{index + 1:03d}"
        write_atomically(folder / f"{image_id}{kind.extension}", _encoded(phantom, kind.extension))
        if int((index + 1) * labelled + 0.5) > int(index * labelled + 0.5):
            write_markups(studies.label_path(image_id), phantom.landmarks)
            validates = len(splits) % VALIDATION_EVERY == VALIDATION_EVERY - 1
            splits[image_id] = "val" if validates else "train"
        on_step(index + 1)
    studies.write_splits(splits)
    text = README.format(title=kind.title, count=count, labelled=len(splits), seed=seed)
    write_atomically(folder / "README.md", text)


def _encoded(phantom: Phantom, extension: str) -> bytes:
    """The image file, without print density, time or other metadata."""
    stream = io.BytesIO()
    picture = Image.fromarray(phantom.image)
    if extension == ".jpg":
        picture.save(stream, format="JPEG", quality=90, optimize=True)
    else:
        picture.save(stream, format="PNG", optimize=True)
    return stream.getvalue()
