"""The files of the pages: small, of this server alone, safe by their headers, in two whole languages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from app_requests import assert_refused
from fastapi.testclient import TestClient

from lib.routes.web_pages import FOLDER
from monai_ext.landmarks.markups import SCHEMA

FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
PAGE_BYTES = 300_000


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_a_browser_loads_of_all_pages_is_light(language: str) -> None:
    """A browser loads the texts of one language."""
    texts = [path for path in FILES if path.parent.name == "lang"]
    loaded = [path for path in FILES if path not in texts or path.stem.split(".")[-1] == language]
    assert len(texts) == 4
    assert len(loaded) == len(FILES) - 2
    assert sum(path.stat().st_size for path in loaded) < PAGE_BYTES


def test_every_file_is_served_with_a_strict_policy(client: TestClient) -> None:
    for path in FILES:
        response = client.get(f"/web/{path.relative_to(FOLDER).as_posix()}")
        assert response.status_code == 200, path
        assert response.content == path.read_bytes()
        policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
        assert policy == {
            "default-src": "'self'",
            "img-src": "'self' blob:",
            "object-src": "'none'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        again = client.get(f"/web/{path.relative_to(FOLDER)}", headers={"If-None-Match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_the_addresses_of_pages_give_html_and_nothing_else_of_the_app(client: TestClient) -> None:
    for address, file in (("/", "index.html"), ("/docs", "docs.html")):
        response = client.get(address)
        assert response.text == (FOLDER / file).read_text()
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'self'" in response.headers["content-security-policy"]
    for name in ("nothing.js", "../main.py", "%2e%2e/main.py", "js", "", "%2fetc/hostname.json", "a%00b.js"):
        assert_refused(client.get(f"/web/{name}".replace("../", "%2e%2e%2f")), 404, "There is no file")


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.suffix in (".html", ".css", ".js", ".svg")], ids=lambda path: path.name
)
def test_no_file_asks_another_server_for_anything(path: Path) -> None:
    text = path.read_text()
    for name in (
        "http://www.w3.org/2000/svg",
        f'"{SCHEMA.rpartition("/")[0]}/"',
    ):  # names in documents, never asked for
        text = text.replace(name, "")
    assert not re.search(r"https?://|url\(\s*['\"]?//|@import", text)
    if path.suffix == ".html":
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_reads_text_as_html_or_code(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc", text)


def test_the_token_is_put_into_no_storage_and_no_address() -> None:
    for path in SCRIPTS:
        if re.search(r"localStorage|sessionStorage|indexedDB|document\.cookie", path.read_text()):
            assert "token" not in path.read_text().lower(), path.name


def colors(scheme: str) -> dict[str, str]:
    """The colours of a scheme by name; the dark one says only what differs."""
    light, dark = (FOLDER / "css" / "base.css").read_text().split("@media (prefers-color-scheme: dark)")[:2]
    pattern = r"--([\w-]+): (#[0-9a-f]{6});"
    return dict(re.findall(pattern, light)) | (dict(re.findall(pattern, dark)) if scheme == "dark" else {})


def luminance(color: str) -> float:
    """Relative luminance of WCAG 2."""
    shares = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground", "least"),
    [
        *(
            (text, ground, 4.5)
            for text in ("text", "muted", "accent", "bad")
            for ground in ("page", "surface", "raised")
        ),
        *((state, f"{state}-tint", 4.5) for state in ("final", "draft", "unlabeled", "bad")),
        ("on-accent", "accent", 4.5),
        ("on-accent", "accent-hover", 4.5),
        ("text", "tint", 4.5),
        ("text", "draft-tint", 4.5),
        ("text", "bad-tint", 4.5),
        *((line, "surface", 3.0) for line in ("line-strong", "curve-1", "curve-2", "good")),
    ],
)
def test_text_and_signs_stand_out_from_their_ground(scheme: str, text: str, ground: str, least: float) -> None:
    known = colors(scheme)
    low, high = sorted(luminance(known[name]) for name in (text, ground))
    assert (high + 0.05) / (low + 0.05) >= least


def test_every_text_is_there_in_every_language_with_the_same_values() -> None:
    parts: dict[str, dict[str, dict[str, str]]] = {}
    for path in (FOLDER / "lang").glob("*.json"):
        *part, language = path.stem.split(".")
        parts.setdefault("".join(part), {})[language] = json.loads(path.read_text())
    for languages in parts.values():
        assert set(languages) == {"en", "de"}
        for key, text in languages["en"].items():
            assert set(re.findall(r"\{\w+\}", languages["de"][key])) == set(re.findall(r"\{\w+\}", text)), key
        assert languages["de"].keys() == languages["en"].keys()


def test_every_text_that_a_page_asks_for_exists() -> None:
    known = json.loads((FOLDER / "lang" / "en.json").read_text())
    for path in SCRIPTS:
        if path.parent.name == "annotator":
            continue
        for key in re.findall(r"""\bt\(\s*"([^"]+)"\s*[,)]""", path.read_text()):
            assert key in known, (path.name, key)
