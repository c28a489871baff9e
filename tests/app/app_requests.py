"""Published test weights, requests to the app's routes, and what a refusal looks like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lib.routes import install_routes
from monai_ext.inferers import Predictor, load_batch
from monai_ext.landmarks import Protocol
from monai_ext.models import Familiarity, publish, write_familiarity
from monai_ext.networks import build_network, encoder_features


def local_client(web: FastAPI, **options: Any) -> TestClient:
    """A client on the server's own machine."""
    return TestClient(web, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50000), **options)


def client_of(app: Any, **options: Any) -> TestClient:
    """A client on the server's own machine of an app whose routes are installed for it."""
    web = FastAPI()
    install_routes(web, app.service, app)
    return local_client(web, **options)


def image_file(app: Any, image: str) -> Path:
    return Path(app.datastore().get_image_uri(image))


def publish_random(app: Any, seed: int = 0, protocol: Protocol | None = None) -> str:
    """Publishes an untrained network; returns its version."""
    return publish_weights(app.settings.model_root, protocol or app.settings.protocols["spots"], seed)


def publish_weights(model_root: Path, protocol: Protocol, seed: int = 0) -> str:
    """Publishes an untrained network of a protocol; returns its version."""
    torch.manual_seed(seed)
    card = {"protocol": protocol, "labels_used": 2, "val_images": ("a",), "val_error": 9.0, "unit": "px"}
    card |= {"epochs": 1, "seed": seed, "date": "2026-01-01T00:00:00+00:00"}
    return publish(model_root / protocol.name, build_network(protocol).state_dict(), card).version


def know_one_image(folder: Path, image: Path) -> Path:
    """Lets a model know one image alone, so that every other one is unlike it; the file that says so."""
    known = Predictor.load(folder)
    batch = load_batch([image], known.protocol, known.device)
    row = encoder_features(known.network, batch.image, all_maps=True)[0].numpy()
    none = np.zeros((0, len(row)), np.float32)
    of = (known.protocol.name, known.version, known.card.sha256)
    return write_familiarity(folder, Familiarity(*of, 2, 5, 1e-9, row, np.ones_like(row), none, np.zeros(0), rest=1.0))


def put_label(client: TestClient, content: bytes, image: str = "spot_00", tag: str = "final", **params: Any) -> Any:
    return client.put(
        "/datastore/label",
        params={"image": image, "tag": tag},
        files={"label": ("../upload.mrk.json", content)},
        data={"params": json.dumps(params)},
    )


def assert_refused(response: Any, status: int, words: str) -> None:
    """A 4xx status with one sentence that holds the words."""
    assert response.status_code == status, response.text
    detail = response.json()["detail"]
    assert words in detail
    assert detail[0].isupper() or detail[0] in "'-/" or detail.startswith("params.") or ".mrk.json" in detail
    assert detail.endswith(".")
    assert "\n" not in detail
    assert "Traceback" not in detail
