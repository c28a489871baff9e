"""The lists of a COCO file: images, annotations and categories, checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import InputError


def index(path: str | Path, document: Any, key: str) -> dict[Any, dict[str, Any]]:
    """The entries of one of the document's lists by their id.

    Raises:
        InputError: there is no such list, or an entry has no id of its own.
    """
    entries = document.get(key) if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise InputError(f"{path} is no COCO file: it has no list {key!r}.")
    found: dict[Any, dict[str, Any]] = {}
    for number, entry in enumerate(entries, start=1):
        identifier = hashable(entry.get("id")) if isinstance(entry, dict) else None
        if identifier is None:
            raise InputError(f"{path}: entry {number} of {key!r} has no number or text as its id: {entry!r:.80}.")
        if identifier in found:
            raise InputError(f"{path}: the id {identifier!r} occurs twice in {key!r}; give each its own.")
        found[identifier] = entry
    return found


def hashable(identifier: Any) -> Any:
    """The identifier where it is a number or text, else None."""
    return identifier if isinstance(identifier, int | str) else None


def choose_category(
    path: str | Path, categories: dict[Any, dict[str, Any]], name: str | None, annotations: dict[Any, dict[str, Any]]
) -> dict[str, Any]:
    """The only category, of that name if one is given, that names keypoints or has annotations with keypoints.

    Raises:
        InputError: there is none, or there are several.
    """
    nameless = {hashable(item.get("category_id")) for item in annotations.values() if item.get("keypoints")}
    usable = [entry for entry in categories.values() if entry.get("keypoints") or entry["id"] in nameless]
    found = usable if name is None else [entry for entry in usable if entry.get("name") == name]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(repr(entry.get("name")) for entry in usable) or "none"
    if not found:
        wanted = "" if name is None else f" {name!r}"
        raise InputError(f"{path} has no category{wanted} with keypoints; those with keypoints: {shown}.")
    raise InputError(f"{path} has several categories with keypoints ({shown}); say which one to read: --category NAME.")


def keypoint_names(path: str | Path, category: dict[str, Any], names: Sequence[str] | None) -> list[str]:
    """The names of a category's keypoints; ``names`` where it has none.

    Raises:
        InputError: there are none, they are no list of different names, or one is not among ``names``.
    """
    labels = category.get("keypoints") or (None if names is None else list(names))
    if labels is None:
        raise InputError(
            f"{path}: the keypoints of the category {category.get('name')!r} have no names: give them in order, one a "
            "line of a file: --names FILE."
        )
    if not isinstance(labels, list) or not all(isinstance(label, str) and label for label in labels):
        raise InputError(f"{path}: the keypoints of a category must be a list of names, not {labels!r:.80}.")
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(f"{path}: the keypoint {label!r} occurs twice in its category; give each its own name.")
        if names is not None and label not in names:
            raise InputError(f"{path}: unknown landmark {label!r}; the landmarks are {', '.join(names)}.")
    return labels


def image_file(path: str | Path, image: dict[str, Any]) -> tuple[str, tuple[int, int]]:
    """The file name of an image and its (width, height).

    Raises:
        InputError: one of them is malformed.
    """
    where = f"{path}, image {image['id']!r}"
    file_name = image.get("file_name")
    if not isinstance(file_name, str) or not file_name:
        raise InputError(f"{where}: file_name must be text, not {file_name!r}.")
    for key in ("width", "height"):
        value = image.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"{where}: {key} must be a whole number of pixels above 0, not {value!r}.")
    return file_name, (image["width"], image["height"])
