"""The description of the server is complete: every address with its refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app_requests import client_of, local_client
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lib.routes import install_routes
from lib.routes.answers import PROBLEMS


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{m.upper()} {path}": entry for path, methods in document["paths"].items() for m, entry in methods.items()}


def test_every_operation_tells_its_refusals(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    found = operations(document)
    assert {"POST /infer/{model}", "PUT /datastore/label", "GET /info/", "PUT /session/", "DELETE /train/"} <= set(
        found
    )
    for name, operation in found.items():
        assert operation.get("summary"), name
        for status in map(str, PROBLEMS):
            schema = operation["responses"][status]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}, (name, status)
        # MONAI Label's own way to read a token would put it into addresses, and these into logs.
        assert "token" not in {parameter["name"] for parameter in operation.get("parameters", ())}, name
    assert document["components"]["schemas"]["Problem"]["required"] == ["detail"]
    assert "security" not in document


def test_the_description_says_that_a_token_is_asked_for(
    make_app: Callable[..., Any], make_studies: Callable[[int], Any]
) -> None:
    app = make_app(make_studies(1), token="a-token-that-nobody-guesses")
    client = client_of(app, headers={"Authorization": "Bearer a-token-that-nobody-guesses"})
    document = client.get("/openapi.json").json()
    assert document["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}
    assert "nobody-guesses" not in client.get("/openapi.json").text


def test_routes_that_are_not_ours_are_gone(app: Any) -> None:
    web = FastAPI()
    web.add_api_route("/proxy/{path:path}", lambda path: path)
    web.add_api_route("/favicon.ico", lambda: "kept")
    web.mount("/static", FastAPI())
    install_routes(web, app.service, app)
    client = local_client(web)
    assert [client.get(path).status_code for path in ("/proxy/x", "/static/openapi.json", "/favicon.ico", "/docs")] == [
        404,
        404,
        200,
        200,
    ]
