"""The notebook on using the library: it runs, it is stored without outputs, and the site shows it whole."""

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "docs" / "library.ipynb"


def said(cell: Any) -> str:
    return "".join(out.get("text") or out.get("data", {}).get("text/plain", "") for out in cell["outputs"])


def test_it_is_stored_as_it_is_written_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) > 5
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    for cell in code:
        compile(cell.source, "library.ipynb", "exec")


def test_the_page_of_the_site_has_every_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed (extra `docs`)")
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "site"))
    import pages

    text = pages.markdown_of(NOTEBOOK)
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    blocks = [block.strip() for block in re.findall(r"```python\n(.*?)```", text, flags=re.S)]
    assert blocks == ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert all("".join(cell["source"]) in text for cell in cells if cell["cell_type"] == "markdown")
    assert text.startswith("# ")
    assert pages.page_of("docs/library.ipynb") == "library.md"


@pytest.mark.slow
def test_its_own_loop_and_train_model_learn_the_points_of_the_sample_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "sample_data" / "fundus", tmp_path / "sample_data" / "fundus")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()

    told = [said(cell) for cell in notebook.cells if cell.cell_type == "code"]
    (error,) = re.findall(r"Mean radial error: ([\d.]+) px", "".join(told))
    # of images about 500 px wide; a network that has learned nothing is off by more than 100
    assert float(error) < 30.0
    value = notebook.cells[-1].outputs[-1]["data"]
    points = ast.literal_eval(value["text/plain"])
    assert list(points) == ["fovea", "optic_disc"]
    assert all(len(point) == 2 and 0 <= point[0] < 512 and 0 <= point[1] < 366 for point in points.values())
