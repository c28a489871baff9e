"""The sets that bench_peer.py compares on, as studies folders with a protocol."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import yaml

from monai_ext.cli import main
from monai_ext.landmarks import Protocol, find_protocol
from monai_ext.studies import Studies

#: Eye corners, nasion, nose tip, alae, subnasale, mouth corners, lips and chin, in iBUG's numbering.
FACE_14 = (36, 39, 42, 45, 27, 30, 31, 35, 33, 48, 54, 51, 57, 8)


@dataclass(frozen=True)
class PeerSet:
    """One set.

    Args:
        folder: below the data folder, with images/ and landmarks.csv.
        size: (width, height) of the input of both networks.
        batch: images of a step of ours; and of the peer, as its recipe has them.
        peer_batch: see there.
        thresholds: of the success rates, pixels of the stored image.
        landmarks: those that are taken; none takes all.
        between: two landmarks whose distance errors are also given in percent of.
    """

    folder: str
    size: tuple[int, int]
    batch: int
    peer_batch: int
    thresholds: tuple[float, ...] = (2.0, 4.0, 8.0)
    landmarks: tuple[str, ...] = ()
    between: tuple[str, str] | None = None


SETS = {
    "wings12": PeerSet("wings12", (320, 256), 4, 2),
    "faces14": PeerSet(
        "faces68", (128, 128), 8, 8, landmarks=tuple(f"p{n:02d}" for n in FACE_14), between=("p36", "p45")
    ),
}


def prepare(data: Path, chosen: PeerSet, folder: Path) -> tuple[Studies, Protocol]:
    """Imports a set by the command line, and gives its protocol the size of the input."""
    source, file = data / chosen.folder, folder / "protocol.yaml"
    arguments = ["import", source / "landmarks.csv", "--images", source / "images"]
    arguments += ["--studies", folder / "studies", "--new-protocol", file]
    for name in chosen.landmarks:
        arguments += ["--rename", f"{name}={name}"]
    with mock.patch.object(sys, "argv", ["monai-landmarks", *map(str, arguments)]), contextlib.suppress(SystemExit):
        main()
    document = yaml.safe_load(file.read_text())
    width, height = chosen.size
    network = {"name": "heatmap_net", "input_size": {"width": width, "height": height}, "presence": False}
    recipe = {"batch_size": chosen.batch, "augmentation": {"flip": 0.0}}
    file.write_text(yaml.safe_dump({**document, "network": network, "recipe": recipe}, sort_keys=False))
    return Studies(folder / "studies"), find_protocol(str(file))
