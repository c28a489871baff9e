"""A saved label is parsed once, and neither a prediction nor a save goes through a file of the app's own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from app_pair import reviewed
from app_requests import publish_random, put_label
from fastapi.testclient import TestClient

from monai_ext.landmarks import markups


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the point lists that were parsed."""
    names: list[str] = []
    parse = markups.parse_markups

    def counted(content: bytes, where: str) -> markups.Markups:
        names.append(where)
        return parse(content, where)

    for module in ("monai_ext.landmarks.markups", "lib.service", "lib.reader_labels", "monai_ext.studies.readers"):
        monkeypatch.setattr(f"{module}.parse_markups", counted)
    return names


def test_a_label_is_parsed_once_per_save_and_its_review(
    app: Any, client: TestClient, upload: Callable[..., bytes], parsed: list[str]
) -> None:
    content = upload()
    assert put_label(client, content).status_code == 200
    assert parsed == ["spot_00.mrk.json"]
    reviewed(app, "spot_00")
    assert parsed == ["spot_00.mrk.json"]


def test_a_prediction_writes_no_file(
    app: Any, client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    publish_random(app)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    opened: list[str] = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest, **kw: opened.append(str(path)) or real(path, *rest, **kw))
    before = folder.stat().st_mtime_ns
    for output in ("all", "json", "image"):
        assert client.post(f"/infer/spots?image=spot_01&output={output}").status_code == 200
    assert folder.stat().st_mtime_ns == before, "a file was made and removed again"
    assert synced == []
    assert [path for path in opened if path.startswith(str(folder))] == []
