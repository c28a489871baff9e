"""Pages of the site that lie outside of ``docs/`` or are generated, and the links between all pages."""

from __future__ import annotations

import json
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT)]
from reference import ROOMS, protocol_page, room_page  # noqa: E402

#: Documents outside of ``docs/`` by their page.
PAGES = {
    "index.md": "README.md",
    "server.md": "apps/landmarks/README.md",
    "slicer.md": "slicer_module/README.md",
    "cards/fundus.md": "apps/landmarks/pretrained/fundus/MODEL_CARD.md",
    "cards/face.md": "apps/landmarks/pretrained/face/MODEL_CARD.md",
    "cards/scleral_spur.md": "apps/landmarks/pretrained/scleral_spur/MODEL_CARD.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "changelog.md": "CHANGELOG.md",
    "library.md": "docs/library.ipynb",
}
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_linked: dict[str, Path] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Lists the pages of the rooms."""
    (section,) = (part["Reference"] for part in config.nav or () if "Reference" in part)
    section += [{f"monai_ext.{room}": f"reference/{room}.md"} for room in ROOMS]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of :data:`PAGES`, the generated ones, and every file that a page links to."""
    for page, document in PAGES.items():
        files.append(File.generated(config, page, content=markdown_of(ROOT / document)))
    files.append(File.generated(config, "reference/protocol.md", content=protocol_page()))
    for room in ROOMS:
        files.append(File.generated(config, f"reference/{room}.md", content=room_page(room)))
    for page in [file for file in files if file.is_documentation_page()]:
        source = ROOT / source_of(page.src_uri)
        if not source.is_file():
            continue
        for _, target, _ in LINK.findall(markdown_of(source)):
            address = resolved(page.src_uri, target.partition("#")[0])
            if address is None or page_of(address) or files.get_file_from_path(place_of(address)) is not None:
                continue
            if (ROOT / address).is_file():
                files.append(File.generated(config, place_of(address), abs_src_path=str(ROOT / address)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turns links between files of the repository into links between pages."""
    uri = page.file.src_uri
    if uri.startswith("reference/"):
        return markdown

    def turned(match: re.Match[str]) -> str:
        target, anchor = match[2].partition("#")[0], match[2].partition("#")[1:]
        address = resolved(uri, target)
        if address is None:
            return match[0]
        place = page_of(address) or place_of(address)
        if not (ROOT / address).is_file():  # a folder: there is nothing to open
            return f"]({posixpath.relpath('index.md', posixpath.dirname(uri) or '.')}{match[3]}"
        return f"{match[1]}{posixpath.relpath(place, posixpath.dirname(uri) or '.')}{''.join(anchor)}{match[3]}"

    return LINK.sub(turned, markdown)


def markdown_of(document: Path) -> str:
    """The text of a document; of a notebook, its cells one after another, the code as blocks."""
    text = document.read_text(encoding="utf-8")
    if document.suffix != ".ipynb":
        return text
    cells = ((cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"])
    return "\n\n".join(f"```python\n{source}\n```" if kind == "code" else source for kind, source in cells)


def source_of(page: str) -> str:
    """The file of the repository that a page is made of."""
    return PAGES.get(page, f"docs/{page}")


def resolved(page: str, target: str) -> str | None:
    """The path in the repository that a link of a page leads to; None for an address or a place on the page."""
    if not target or re.match(r"[a-z]+:", target) or target.startswith("#"):
        return None
    return posixpath.normpath(posixpath.join(posixpath.dirname(source_of(page)), target))


def page_of(address: str) -> str | None:
    """The page that shows a document of the repository; None where there is none."""
    if address.startswith("docs/") and address.endswith(".md"):
        return address.removeprefix("docs/")
    return next((page for page, document in PAGES.items() if document == address), None)


def place_of(address: str) -> str:
    """Where a file that is no page lies on the site."""
    return address.removeprefix("docs/") if address.startswith("docs/") else f"files/{address}"
