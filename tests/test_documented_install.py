"""The documents name one way to install the project, and it brings the app that they start."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
README, APP_README = REPOSITORY / "README.md", REPOSITORY / "apps" / "landmarks" / "README.md"
INSTALL = re.compile(r"pip install ([^&`\n]+)")
OURS = re.compile(r"""(?:-e )?"\.\[([a-z,-]+)\]"$""")

#: PyTorch's builds without CUDA, which are installed before the project.
CPU = "torch torchvision --index-url https://download.pytorch.org/whl/cpu"


def speaking() -> list[Path]:
    """What a user reads: documents, and the programs that speak to one."""
    folders = [REPOSITORY / name for name in ("apps", "docs", "slicer_module")]
    return [README, *sorted(path for folder in folders for ext in ("md", "py") for path in folder.rglob(f"*.{ext}"))]


def test_every_install_is_that_of_a_copy_of_the_repository() -> None:
    found = {(path, line.strip()) for path in speaking() for line in INSTALL.findall(path.read_text(encoding="utf-8"))}
    found.remove((README, CPU))
    chosen = {(path, OURS.match(line)) for path, line in found}
    assert {(path, line) for path, line in found if OURS.match(line) is None} == set()
    extras = {extra for _, match in chosen if match is not None for extra in match[1].split(",")}
    assert extras == {"dicom-sr", "onnx", "server", "test"}
    for extra in extras:
        assert f"\n{extra} = [" in PROJECT.partition("[project.optional-dependencies]")[2]
    assert {README, APP_README} <= {path for path, _ in found}


@pytest.mark.parametrize("path", [README, APP_README], ids=["README", "the app's README"])
def test_what_a_reader_installs_can_start_the_app_that_is_named(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    block = next(block for block in re.findall(r"```bash\n(.*?)```", text, flags=re.S) if "start_server" in block)
    assert block.startswith("""python3 -m venv .venv && . .venv/bin/activate && pip install -e ".[server]\"""")
    (app,) = re.findall(r"--app (\S+)", block)
    assert (REPOSITORY / app / "main.py").is_file()
