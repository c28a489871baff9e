"""The index of a studies folder (``datastore_v2.json``), read without the server that writes it."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from monai_ext.landmarks import InputError

INDEX_FILE = "datastore_v2.json"


class _Loose(BaseModel):
    """What the server adds beyond these fields is its own."""

    model_config = ConfigDict(extra="ignore")


class Entry(_Loose):
    """An image or a label with the notes on it.

    Attributes:
        sha256: of the label file that the notes are about; empty for an image, or where it was never recorded.
    """

    ext: str
    info: dict[str, object] = {}
    sha256: str = ""


class ImageEntry(_Loose):
    """An image with its labels by tag."""

    image: Entry
    labels: dict[str, Entry] = {}

    def protocol(self, tag: str) -> str | None:
        """The protocol that a label was saved for; None where nobody noted one."""
        noted = self.labels[tag].info.get("protocol") if tag in self.labels else None
        return noted if isinstance(noted, str) else None


class Index(_Loose):
    """All images that the server knew when it last wrote.

    Attributes:
        objects: the images by ID.
        changes: the number of the last change of the journal that it holds.
    """

    objects: dict[str, ImageEntry] = {}
    changes: int = 0


def read_index(studies: Path) -> Index | None:
    """The index of a studies folder; None where it has none yet.

    Raises:
        InputError: it cannot be read or is damaged.
    """
    path = Path(studies) / INDEX_FILE
    try:
        return Index.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path} is damaged{f' at {field}' if field else ''}: {first['msg']}.") from None
