"""Who is answered: addresses, names, web pages and tokens; and how much a request may hold."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from app_canary import sentence_of
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lib.access.gate import is_loopback
from lib.access.log_privacy import OnlyAddresses
from lib.routes import install_routes

TOKEN = "a-token-that-nobody-guesses"
REMOTE = ("10.1.2.3", 40000)
LOCAL = ("127.0.0.1", 40000)
PAGE = "https://pages.example"


@pytest.fixture
def served(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path]
) -> Callable[..., Callable[..., TestClient]]:
    """Serves the app with ``--conf`` values to clients of an address."""

    def serve(**conf: str) -> Callable[..., TestClient]:
        app = make_app(make_studies(1), **conf)
        web = FastAPI()
        install_routes(web, app.service, app)

        def client(address: tuple[str, int] = LOCAL, url: str = "http://127.0.0.1:8000") -> TestClient:
            return TestClient(web, base_url=url, client=address)

        return client

    return serve


def refused(response: Any, status: int, words: str) -> bool:
    assert response.status_code == status, response.text
    assert words in sentence_of(response.content)
    return True


def test_without_a_token_only_this_machine_is_answered(served: Callable[..., Any]) -> None:
    client = served()
    for address in (LOCAL, ("::1", 1), ("::ffff:127.0.0.1", 1), ("127.0.0.9", 1)):
        assert client(address).get("/info/").status_code == 200
    for address in (REMOTE, ("192.168.0.1", 1), ("::ffff:10.1.2.3", 1), ("fe80::1", 1), ("", 1), ("localhost.evil", 1)):
        response = client(address).get("/info/")
        assert refused(response, 403, "--conf token")
        assert "LANDMARKS_TOKEN" in response.text
        assert "--conf allow_remote true" in response.text
        assert refused(client(address).get("/health"), 403, "own machine")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:99", "[::1]", "[::1]:8000"])
def test_this_machine_may_be_called_by_its_loopback_names(served: Callable[..., Any], host: str) -> None:
    assert served()().get("/info/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "10.1.2.3:8000", "[::2]", "x@localhost", "[::1"]
)
def test_a_foreign_name_that_leads_here_is_refused(served: Callable[..., Any], host: str) -> None:
    assert refused(served()().get("/info/", headers={"Host": host}), 403, "no name of its own machine")


def test_a_forwarded_header_does_not_make_a_remote_client_local(served: Callable[..., Any]) -> None:
    client = served()()
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert refused(client.get("/info/", headers={header: "127.0.0.1"}), 403, "own machine only")


def test_a_trusted_network_is_answered_when_it_was_allowed(served: Callable[..., Any]) -> None:
    client = served(allow_remote="true")
    assert client(REMOTE, "http://server.hospital:8000").get("/info/").status_code == 200
    response = client(REMOTE, "http://server.hospital:8000").get("/info/", headers={"Origin": "https://evil.example"})
    assert refused(response, 403, "'https://evil.example'")


def test_with_a_token_every_address_but_health_asks_for_it(served: Callable[..., Any]) -> None:
    client = served(token=TOKEN)(REMOTE, "http://server.hospital:8000")
    addresses = [path for path in client.get("/openapi.json", headers=bearer()).json()["paths"] if path != "/health"]
    assert len(addresses) > 20
    for address in (*addresses, "/openapi.json", "/favicon.ico", "/nowhere", "/web", "/docs/", "/web.js"):
        for method in ("GET", "PUT", "POST", "DELETE", "OPTIONS"):
            response = client.request(method, address)
            assert refused(response, 401, "Authorization: Bearer TOKEN")
            assert response.headers["WWW-Authenticate"] == "Bearer"
    assert client.get("/health").status_code != 401
    for page in ("/", "/docs", "/web/js/app.js"):  # which tell of no image, and ask for the token themselves
        assert client.get(page).status_code == 200
    assert refused(client.get("/web/%2e%2e/datastore/images"), 404, "'../datastore/images'")
    assert client.get("/info/", headers=bearer()).status_code == 200
    assert client.get("/info/", headers={"Authorization": f"bearer  {TOKEN}"}).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN} {TOKEN}",
        "Bearer \xe9".encode("latin-1"),
    ],
)
def test_a_wrong_token_is_refused_and_not_shown(served: Callable[..., Any], header: str) -> None:
    response = served(token=TOKEN)().get("/info/", headers={"Authorization": header})
    assert refused(response, 401, "not the server's")
    assert TOKEN not in response.text


def test_two_tokens_are_refused(served: Callable[..., Any]) -> None:
    headers = [("Authorization", "Bearer x"), ("Authorization", f"Bearer {TOKEN}")]
    assert refused(served(token=TOKEN)().get("/info/", headers=headers), 401, "not the server's")


def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


def test_listed_pages_may_use_the_server_and_no_others(served: Callable[..., Any]) -> None:
    client = served(allow_origins=PAGE, token=TOKEN)()
    question = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "Authorization",
    }
    answer = client.options("/datastore/label", headers=question)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-credentials" not in answer.headers
    answer = client.get("/info/", headers={"Origin": PAGE, **bearer()})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)
    # A page that is listed reads why it is refused.
    assert client.get("/info/", headers={"Origin": PAGE}).headers["access-control-allow-origin"] == PAGE
    for origin in ("https://evil.example", "null", f"{PAGE}.evil.example", "http://pages.example"):
        for method in ("GET", "OPTIONS", "POST"):
            answer = client.request(method, "/info/", headers={**question, **bearer(), "Origin": origin})
            assert refused(answer, 403, "allow_origins")
            assert "access-control-allow-origin" not in answer.headers


def test_no_page_is_let_in_unless_listed_but_the_servers_own(served: Callable[..., Any]) -> None:
    client = served()()
    answer = client.get("/info/", headers={"Origin": "http://127.0.0.1:8000"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    for origin in ("http://127.0.0.1:3000", "http://localhost:8000", "https://evil.example"):
        assert refused(client.get("/info/", headers={"Origin": origin}), 403, "allow_origins")


def test_body_limit_is_the_chosen_one(served: Callable[..., Any]) -> None:
    client = served(max_body_mb="2")()
    for size, status in ((1_900_000, 400), (2_100_000, 413)):
        response = client.put("/datastore/image", files={"file": ("x.png", bytes(size))})
        assert refused(response, status, "2 MB" if status == 413 else "x.png")
    assert refused(client.post("/train/spots", content=bytes(1_100_000)), 413, "1 MB")


def test_only_addresses_of_this_machine_are_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("10.0.0.1", "::", "0.0.0.0", "::ffff:10.0.0.1", "localhost", "", "testclient")))


@pytest.mark.parametrize(
    ("target", "logged"),
    [
        ("/datastore/image?image=Doe", "/datastore/image"),
        ("/session/0123?image=true", "/session/{session_id}"),
        ("/infer/spots", "/infer/{model}"),
        ("/infer/Doe/1961", "(unknown address)"),
        ("/Doe", "(unknown address)"),
    ],
)
def test_access_log_holds_nothing_that_the_sender_filled_in(target: str, logged: str) -> None:
    served = OnlyAddresses(["/datastore/image", "/session/{session_id}", "/infer/{model}"])
    arguments = ("127.0.0.1:1", "GET", target, "1.1", 200)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d', arguments, None)
    assert served.filter(record)
    assert record.getMessage() == f'127.0.0.1:1 - "GET {logged} HTTP/1.1" 200'


def test_the_log_is_read_where_it_is_written(
    served: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed server writes it into the user's folder, as the folder of the app may be read-only."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [each for each in root.handlers if not isinstance(each, logging.FileHandler)])
    client = served(allow="logs")()
    assert refused(client.get("/logs/"), 404, "writes no log file")
    with closing(logging.FileHandler(tmp_path / "app.log", encoding="utf-8")) as handler:
        root.addHandler(handler)
        root.warning("Größe")
        root.warning("two")
        assert client.get("/logs/?lines=2").text == "Größe\ntwo\n"
