"""Labels to store in tests of the datastore, and what a datastore says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lib.datastore import LandmarkDatastore

#: What a label's info holds besides what was sent; the last one only where it replaced another.
OWN_NOTES = ("ts", "name", "first_submission")


def write_content(folder: Path, name: str) -> str:
    """A small label file with a content of its own; returns its path."""
    path = folder / f"{name}.mrk.json"
    path.write_text(json.dumps({"markups": [], "content": name}))
    return str(path)


def label_state(store: LandmarkDatastore, image: str, tag: str = "final") -> tuple[str, dict[str, Any]] | None:
    """The content's name and the notes of a label as the datastore has them; None where there is none."""
    if tag not in store.get_labels_by_image_id(image):
        return None
    content = json.loads(Path(store.get_label_uri(image, tag)).read_text())["content"]
    return content, sent_notes(store.get_label_info(image, tag))


def sent_notes(info: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in info.items() if name not in OWN_NOTES}
