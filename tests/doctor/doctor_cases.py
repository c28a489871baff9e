"""A small protocol, and what studies and models of it are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image

from monai_ext.landmarks import Frame, Landmarks, Protocol
from monai_ext.landmarks.markups import write_markups
from monai_ext.models import publish
from monai_ext.networks import build_network
from monai_ext.studies import Studies

NAMES = ("left", "right")
SIZE = (60, 40)


def two_points(name: str = "wings", landmarks: tuple[str, ...] = NAMES) -> Protocol:
    return Protocol.model_validate(
        {
            "name": name,
            "title": "Two points",
            "channels": "grey",
            "landmarks": [{"name": landmark, "description": "a point"} for landmark in landmarks],
            "network": {
                "decoder_channels": [32, 24, 16, 12, 8],
                "input_size": {"width": 64, "height": 64},
                "presence": False,
            },
        }
    )


def write_protocol(folder: Path, protocol: Protocol, file: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (file or f"{protocol.name}.yaml")
    path.write_text(yaml.safe_dump(protocol.model_dump(mode="json")), encoding="utf-8")
    return path


def write_label(root: Path, image: str, tag: str = "final", points: object = None, status: object = None) -> Path:
    points = [[10.0, 12.0], [50.0, 30.0]] if points is None else points
    path = Studies(root).label_path(image, tag)
    write_markups(path, Landmarks(NAMES, points, Frame(*SIZE), status))
    return path


def write_image(path: Path) -> None:
    Image.fromarray(np.full((SIZE[1], SIZE[0]), 90, np.uint8)).save(path)


def write_model(folder: Path, protocol: Protocol, spoil: Callable[[Any], Any] = lambda state: state) -> Path:
    """Publishes an untrained network, whose card claims otherwise."""
    card = {
        "protocol": protocol, "labels_used": 7, "val_images": (), "val_error": 1.25, "unit": "px", "epochs": 3,
        "seed": 0, "date": "2026-01-02",
    }  # fmt: skip
    publish(folder, spoil(_untrained(protocol)), card)
    return folder


@cache
def _network() -> Mapping[str, torch.Tensor]:
    return build_network(two_points()).state_dict()


def _untrained(protocol: Protocol) -> dict[str, torch.Tensor]:
    """The weights of a network for two landmarks, whatever they are called."""
    assert len(protocol.landmarks) == len(NAMES)
    return dict(_network())
