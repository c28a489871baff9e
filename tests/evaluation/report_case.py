"""Evaluations as `evaluate` writes them, of made-up points on small drawn images, and a reader of the page."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from PIL import Image

from monai_ext.evaluation import evaluate_landmarks, record_points
from monai_ext.landmarks import Frame, Landmarks, Protocol

WIDTH, HEIGHT = 90, 60
DATE = "2026-01-02T03:04:05+00:00"


def protocol_of(names: Sequence[str], name: str = "dots") -> Protocol:
    """A protocol of these landmarks; their names need not be such as a file may hold."""
    safe = Protocol.model_validate(
        {
            "name": name,
            "title": "Dots",
            "channels": "grey",
            "landmarks": [{"name": f"p{k}", "description": f"dot {k}"} for k in range(len(names))],
            "network": {"name": "heatmap_net", "input_size": {"width": 96, "height": 64}},
        }
    )
    landmarks = [item.model_copy(update={"name": n}) for item, n in zip(safe.landmarks, names, strict=True)]
    return safe.model_copy(update={"landmarks": tuple(landmarks)})


def write_images(folder: Path, ids: Sequence[str]) -> dict[str, Path]:
    """Grey images with a ramp."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for i, id in enumerate(ids):
        ramp = np.tile(np.linspace(40, 200, WIDTH), (HEIGHT, 1)) + i
        files[id] = folder / f"{id}.png"
        Image.fromarray(ramp.astype(np.uint8)).save(files[id])
    return files


def make_pairs(
    ids: Sequence[str],
    names: Sequence[str],
    seed: int,
    *,
    spread: float,
    spacing: tuple[float, float] | None = None,
    missing: dict[tuple[str, str], str] | None = None,
) -> list[tuple[str, Landmarks, Landmarks]]:
    """Truths that depend on the images alone, and predictions about them.

    Args:
        ids: of the images.
        names: of the landmarks.
        seed: of the predictions.
        spread: of the predictions in pixels.
        spacing: mm per pixel.
        missing: (image, landmark) whose ``truth``, ``prediction`` or ``both`` is missing.
    """
    truths, noise = np.random.default_rng(99), np.random.default_rng(seed)
    frame = Frame(WIDTH, HEIGHT, spacing=spacing, spacing_source="made up" if spacing else "none")
    pairs = []
    for id in ids:
        true = truths.uniform((15, 15), (WIDTH - 15, HEIGHT - 15), (len(names), 2))
        found = true + spread * noise.standard_normal(true.shape)
        absent = [(missing or {}).get((id, name), "") for name in names]
        status_true = [0 if a in ("truth", "both") else 1 for a in absent]
        status_found = [0 if a in ("prediction", "both") else 1 for a in absent]
        confidence = np.full(len(names), 0.5)
        pairs.append(
            (id, Landmarks(names, true, frame, status_true), Landmarks(names, found, frame, status_found, confidence))
        )
    return pairs


def write_evaluation(
    folder: Path,
    pairs: list[tuple[str, Landmarks, Landmarks]],
    files: dict[str, Path],
    *,
    version: str,
    studies: str,
    name: str = "dots",
    thresholds: Sequence[float] = (2.0, 4.0),
    **more: object,
) -> Path:
    """Writes metrics.json as `evaluate` does."""
    protocol = protocol_of(pairs[0][1].names, name)
    evaluation = evaluate_landmarks(pairs, thresholds, 4.0, 10.0)
    points = record_points(pairs, files, protocol).model_dump(mode="json")
    about = {
        "protocol": name,
        "title": protocol.title,
        "model_version": version,
        "model_sha256": "ab" * 32,
        "split": "val",
        "studies": studies,
        "command": f"monai-landmarks evaluate --model {name}",
        "date": DATE,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "metrics.json"
    path.write_text(json.dumps(about | evaluation.to_dict() | {"points": points} | more))
    return path


class PageReader(HTMLParser):
    """The words, tables and links of a page; a tag that is not closed is an error.

    Attributes:
        tables: by caption (or by their first heading): rows of cells, the headings first.
        notes: paragraphs by class.
        images: (alt, src) of each picture.
        captions: of figures.
        titles: headings of sections.
        addresses: values of all attributes that a browser follows.
        tags: names of all tags.
    """

    _VOID = ("meta", "img", "br", "link", "hr", "input")

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: dict[str, list[list[str]]] = {}
        self.notes: list[tuple[str, str]] = []
        self.images: list[tuple[str, str]] = []
        self.captions: list[str] = []
        self.titles: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self._open: list[tuple[str, dict[str, str]]] = []
        self._text = ""
        self._caption, self._rows = "", [[]]
        self.feed(html)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.tags.append(tag)
        assert not any(key.startswith("on") for key in given), given
        self.addresses += [given[key] for key in ("src", "href", "action", "data", "srcset", "poster") if key in given]
        if tag == "img":
            self.images.append((given["alt"], given["src"]))
        if tag == "table":
            self._caption, self._rows = "", []
        if tag == "tr":
            self._rows.append([])
        if tag not in self._VOID:
            self._open.append((tag, given))
        self._text = ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        name, given = self._open.pop()
        assert name == tag, f"{tag} closes {name}"
        text = " ".join(self._text.split())
        if tag in ("td", "th"):
            self._rows[-1].append(text)
        elif tag == "caption":
            self._caption = text
        elif tag == "p":
            self.notes.append((given.get("class", ""), text))
        elif tag == "figcaption":
            self.captions.append(text)
        elif tag in ("h1", "h2", "h3"):
            self.titles.append(text)
        elif tag == "table":
            key = self._caption or self._rows[0][0]
            while key in self.tables:
                key += " again"
            self.tables[key] = self._rows
        self._text = ""

    def table(self, beginning: str) -> list[list[str]]:
        """The only table whose key begins so."""
        found = [rows for key, rows in self.tables.items() if key.startswith(beginning) and "again" not in key]
        assert len(found) == 1, list(self.tables)
        return found[0]

    def warnings(self) -> list[str]:
        """What nobody may overlook."""
        return [text for tone, text in self.notes if tone == "warning"]


def errors_of(pairs) -> np.ndarray:
    """(N, K) distances in pixels, by hand."""
    return np.array(
        [
            [
                math.dist(t.points[k], p.points[k]) if t.status[k] == 1 and p.status[k] == 1 else math.nan
                for k in range(len(t.names))
            ]
            for _, t, p in pairs
        ]
    )
