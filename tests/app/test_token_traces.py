"""A token of ``--conf`` is kept from the processes that the server starts."""

from __future__ import annotations

import json
import os

import pytest
from monailabel.config import settings

from lib.access import remove_token_traces

TOKEN = "a-token-that-nobody-guesses"


def test_token_is_taken_out_of_what_children_inherit(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    conf = {"token": TOKEN, "protocols": "spots"}
    monkeypatch.setattr(settings, "MONAI_LABEL_APP_CONF", conf)
    monkeypatch.setenv("MONAI_LABEL_APP_CONF", json.dumps(conf))
    remove_token_traces()
    assert settings.MONAI_LABEL_APP_CONF == {"protocols": "spots"}
    assert json.loads(os.environ["MONAI_LABEL_APP_CONF"]) == {"protocols": "spots"}
    assert "use the environment variable LANDMARKS_TOKEN" in caplog.text
    assert TOKEN not in caplog.text
    caplog.clear()
    remove_token_traces()
    assert caplog.text == ""
