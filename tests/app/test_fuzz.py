"""Random requests over everything that the server describes: it never fails and never dies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from app_canary import CanaryHouse
from fuzzer import fuzz
from probe_request import png

pytestmark = [pytest.mark.server, pytest.mark.slow]
MINUTES = float(os.environ.get("FUZZ_MINUTES", "3"))


def test_no_random_request_makes_the_server_fail(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    house = CanaryHouse(tmp_path / "house", max_body_mb="2", allow="reload,logs,model_download,dataset_download")
    canaries = {path: path.read_bytes() for path in house.root.rglob("canary*") if path.is_file()}
    try:
        server = house.start()
        images = {f"spot_{index:02}.png": png(index) for index in range(4)}
        findings = fuzz(server.url, 60 * MINUTES, images)
        print(f"{findings.total} requests: {dict(sorted(findings.statuses.items()))}")
        record_property("statuses", dict(findings.statuses))
        for failure in findings.failures:
            print(failure)
        assert findings.failures == []
        assert "Exception in ASGI application" not in server.log()
        assert requests.get(f"{server.url}/info/", timeout=60).status_code == 200
        described = requests.get(f"{server.url}/openapi.json", timeout=60).json()["paths"]
        called = {address.split()[1] for address in findings.by_address}
        assert called == set(described)
        assert {path: path.read_bytes() for path in canaries} == canaries
        house.stop()
        server = house.start()
        assert requests.get(f"{server.url}/info/", timeout=60).status_code == 200
    finally:
        house.stop()
