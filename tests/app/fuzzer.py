"""Random requests made from the description that a server gives of itself, right and wrong ones."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode, openapi

#: Names that lead somewhere, put into every second request.
KNOWN = {"image": "spot_00", "label": "spot_00", "id": "spot_00", "model": "spots", "tag": "final", "strategy": "first"}
#: Each accepted request starts a process: a few of them are enough.
STARTS_PROCESS = ("/train/{model}", "/batch/infer/{model}")
MAX_STARTED = 3
EXAMPLES = 20


@dataclass
class Findings:
    """What the requests were answered with.

    Attributes:
        statuses: how often each.
        by_address: how often each address was called.
        failures: requests that were answered with 5xx, in a form that a shell can repeat, or not at all.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    by_address: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    started: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return sum(self.statuses.values())


def fuzz(url: str, seconds: float, images: Mapping[str, bytes]) -> Findings:
    """Sends requests for a time.

    Args:
        url: the server.
        seconds: how long.
        images: file names and contents that are uploaded again before each round, as requests may delete them.
    """
    findings, deadline = Findings(), time.monotonic() + seconds
    schema = openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    number = 0
    while time.monotonic() < deadline:
        for name, content in images.items():
            requests.put(f"{url}/datastore/image", files={"file": (name, content)}, timeout=60)
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                number += 1
                _send_some(url, operation, mode, number, findings, deadline)
    return findings


def _send_some(
    url: str, operation: Any, mode: GenerationMode, number: int, findings: Findings, deadline: float
) -> None:
    @seed(number)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), leads_somewhere=st.booleans())
    def send(case: Case, leads_somewhere: bool) -> None:
        if time.monotonic() < deadline and findings.started[case.path] < MAX_STARTED:
            _send(url, _with_known_names(case) if leads_somewhere else case, findings)

    try:
        send()
    except Unsatisfiable:
        return  # nothing can be wrong in a request without parameters


def _with_known_names(case: Case) -> Case:
    for place in (case.query, case.path_parameters):
        for name in (place or {}).keys() & KNOWN.keys():
            place[name] = KNOWN[name]
    return case


def _send(url: str, case: Case, findings: Findings) -> None:
    try:
        answer = case.call(base_url=url, timeout=120)
    except requests.exceptions.InvalidHeader:
        return  # cannot be sent
    except requests.exceptions.RequestException as error:
        findings.failures.append(f"{case.method} {case.path}: {error}"[:1000])
        return
    status = answer.status_code
    findings.statuses[status] += 1
    findings.by_address[f"{case.method} {case.path}"] += 1
    if case.path in STARTS_PROCESS and status < 400:
        findings.started[case.path] += 1
    problem = _problem(case, status, answer.content)
    if problem:
        findings.failures.append(f"{problem}: {case.as_curl_command()}"[:2000])


def _problem(case: Case, status: int, body: bytes) -> str | None:
    """What is wrong with an answer: a failure, a status that the description lacks, a refusal without a sentence."""
    if status >= 500 and status not in (503, 507):
        return f"{status}"
    if str(status) not in case.operation.definition.raw["responses"]:
        return f"{status} is not in the description"
    if status < 400 or case.method == "HEAD":
        return None
    document = json.loads(body)
    is_sentence = list(document) == ["detail"] and isinstance(document["detail"], str) and document["detail"][-1] == "."
    return None if is_sentence else f"{status} without a sentence ({body[:200]!r})"
