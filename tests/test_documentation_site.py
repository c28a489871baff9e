"""The documentation site, and the schema of protocol files that it ships for editors."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema_rs
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "docs" / "protocol.schema.json"
SHIPPED = sorted((ROOT / "apps" / "landmarks" / "protocols").glob("*.yaml"))
EVIDENCE = sorted((ROOT / "docs" / "evidence").rglob("*.yaml"))
LEAST: dict[str, Any] = {
    "name": "hip",
    "title": "Hip",
    "channels": "grey",
    "landmarks": [{"name": "a", "description": "A."}],
}


@pytest.fixture(scope="module")
def validator() -> Any:
    return jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_the_schema_is_that_of_the_present_protocols() -> None:
    program = "import reference, sys; sys.stdout.write(reference.schema_text())"
    command = [sys.executable, "-X", "utf8", "-c", program]
    written = subprocess.run(
        command, cwd=ROOT / "docs" / "site", capture_output=True, text=True, check=True, timeout=120
    )
    assert written.stdout == SCHEMA.read_text(encoding="utf-8"), "run `python docs/site/write_schema.py`"


def test_every_key_of_a_protocol_has_a_meaning() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    parts = {"Protocol": schema, **schema["$defs"]}
    parts["Picture"] = parts["Picture"]["anyOf"][1]
    assert [
        f"{part}.{key}"
        for part, own in parts.items()
        for key, value in own["properties"].items()
        if not value.get("description")
    ] == []


@pytest.mark.parametrize("path", [*SHIPPED, *EVIDENCE], ids=lambda path: path.stem)
def test_the_schema_takes_the_protocols_of_the_project(validator: Any, path: Path) -> None:
    assert [str(error) for error in validator.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))] == []


@pytest.mark.parametrize(
    "change",
    [
        {"channels": "gray"},
        {"colour": "red"},
        {"landmarks": []},
        {"landmarks": [{"name": "a"}]},
        {"landmarks": [{"name": "a b", "description": "A."}]},
        {"title": 2020},
        {"network": {"name": "zian", "row": "2roi"}},
        {"network": {"name": "heatmap_net", "input_size": {"width": 8, "height": 64}}},
        {"network": {"name": "heatmap_net", "stride": 3}},
        {"recipe": {"batch_size": 0}},
        {"recipe": {"augmentation": {"rotation": 181}}},
        {"measurements": [{"name": "m", "kind": "area", "between": ["a"]}]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_schema_refuses_what_the_reader_refuses(validator: Any, change: dict[str, Any]) -> None:
    assert validator.is_valid(LEAST)
    assert not validator.is_valid({**LEAST, **change})


class Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.names |= {name for name in (found.get("id"), found.get("name")) if name}
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))
        loaded = found.get("src") if tag in {"img", "script"} else found.get("href") if tag == "link" else None
        if loaded and found.get("rel") != "canonical":
            self.loaded.append(loaded)


@pytest.mark.parametrize(
    ("page", "part", "key"),
    [
        ("networks.md", "Recipe", "name"),
        ("networks.md", "Recipe", "optimizer"),
        ("networks.md", "Recipe", "schedule"),
        ("new_protocol.md", "Measurement", "kind"),
    ],
)
def test_the_pages_name_every_choice(page: str, part: str, key: str) -> None:
    choices = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"][part]["properties"][key]["enum"]
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert len(choices) > 1
    assert [choice for choice in choices if f"`{choice}`" not in text] == []


def test_the_site_shows_the_card_of_each_shipped_model() -> None:
    cards = {path.parent.name for path in (ROOT / "apps/landmarks/pretrained").glob("*/MODEL_CARD.md")}
    pages = (ROOT / "docs" / "site" / "pages.py").read_text(encoding="utf-8")
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert cards == {"face", "fundus", "scleral_spur"}
    for card in cards:
        assert f'"cards/{card}.md": "apps/landmarks/pretrained/{card}/MODEL_CARD.md"' in pages
        assert f": cards/{card}.md\n" in menu


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert built.returncode == 0, built.stderr[-4000:]
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in (tmp_path / "site").rglob("*.html")}
    assert len(pages) > 20
    for path, page in pages.items():
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or path.name == "404.html":
                assert link not in page.loaded or path.name == "404.html", f"{path} loads {link}"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{path}: {link}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].names, f"{path}: {link}"
