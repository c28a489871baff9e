"""models: what is listed, and the way back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from monai_ext.commands import model_versions
from monai_ext.landmarks import Protocol
from monai_ext.models import publish, read_card, training_lock

PROTOCOL = Protocol.model_validate(
    {"name": "tip", "title": "Tip", "channels": "grey", "landmarks": [{"name": "tip", "description": "the tip"}]}
)


def put(folder: Path, error: float, **changes: object) -> None:
    facts = {"protocol": PROTOCOL, "labels_used": 7, "val_images": ("a", "b"), "val_error": error, "unit": "px"}
    facts |= {"epochs": 3, "seed": 0, "date": "2026-01-02T03:04:05+00:00", **changes}
    publish(folder, {"weight": torch.tensor([error])}, facts)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two versions of ``tip`` and a shipped ``tip``; nothing else is shipped."""
    put(tmp_path / "pretrained" / "tip", 9.0, labels_used=500)
    monkeypatch.setattr(model_versions, "shipped_dir", lambda kind: tmp_path / kind)
    put(tmp_path / "models" / "tip", 2.0)
    put(tmp_path / "models" / "tip", 1.25, labels_used=20, parent="v1", unit="mm")
    return tmp_path / "models"


def test_all_versions_are_listed_with_what_is_known_of_them(cli, models) -> None:
    (models / "tip" / "v1.safetensors").write_bytes(b"")

    answer = cli("models", "--models", models)

    assert answer.code == 0
    newest, damaged, shipped = answer.out.splitlines()
    assert newest == (
        "tip v2, current yes, date 2026-01-02 03:04 UTC, labels 20, error 1.25 mm on 2 images, parent v1, whole"
    )
    assert damaged.startswith("tip v1, date 2026-01-02 03:04 UTC, labels 7, error 2.00 px on 2 images, The weights ")
    assert "are not those of their card (SHA-256" in damaged
    assert shipped == "tip shipped (v1), date 2026-01-02 03:04 UTC, labels 500, error 9.00 px on 2 images, whole"


def test_what_can_be_done_next_is_said_and_the_way_back_only_where_there_is_one(cli, models, tmp_path) -> None:
    there = cli("models", "--models", models).err
    assert f"monai-landmarks evaluate --studies DIR --model tip --models {models}\n" in there
    assert f"monai-landmarks models --models {models} --rollback tip\n" in there

    none = tmp_path / "none"
    shipped = cli("models", "--models", none).err
    assert f"monai-landmarks predict IMAGES --model tip --models {none} --output DIR\n" in shipped
    assert "--rollback" not in shipped


def test_the_next_commands_name_a_model_of_the_folder_before_a_shipped_one(cli, models, tmp_path) -> None:
    put(tmp_path / "pretrained" / "face", 9.0)
    assert " --model tip " in cli("models", "--models", models).err
    assert " --model face " in cli("models", "--models", tmp_path / "none").err


def test_json_holds_the_same(cli, models) -> None:
    newest, older, shipped = json.loads(cli("models", "--models", models, "--protocol", "tip", "--json").out)

    assert newest == {
        "protocol": "tip", "version": "v2", "name": "v2", "kind": "published", "current": True, "problem": None,
        "date": "2026-01-02T03:04:05+00:00", "labels_used": 20, "val_error": 1.25, "unit": "mm", "val_images": 2,
        "parent": "v1",
    }  # fmt: skip
    assert (older["name"], older["current"], older["parent"]) == ("v1", False, None)
    assert (shipped["name"], shipped["version"], shipped["kind"], shipped["current"]) == (
        "shipped", "v1", "shipped", False,
    )  # fmt: skip


def test_back_forth_and_to_the_shipped_one(cli, models) -> None:
    back = ("models", "--models", models, "--rollback", "tip")

    assert cli(*back).out == "tip now uses v1 instead of v2; `--rollback tip --to v2` returns to that.\n"
    assert read_card(models / "tip").version == "v1"
    assert cli(*back, "--to", "shipped").out.startswith("tip now uses shipped instead of v1;")
    assert not (models / "tip" / "card.json").exists()
    listed = json.loads(cli(*back, "--to", "v2", "--json").out)
    assert [(version["name"], version["current"]) for version in listed] == [
        ("v2", True), ("v1", False), ("shipped", False),
    ]  # fmt: skip
    assert cli(*back, "--to", "v2").out == "tip now uses v2.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--rollback", "nose"), "There is no model 'nose' in "),
        (("--protocol", "nose"), "there are tip."),
        (("--rollback", "../models/tip"), "There is no model '../models/tip'"),
        (("--rollback", "tip", "--to", "v7"), "There is no version 'v7' of tip: there are v2, v1, shipped."),
        (("--to", "v1"), "add --rollback PROTOCOL."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(cli, models, arguments, sentence) -> None:
    answer = cli("models", "--models", models, *arguments)

    assert answer.code == 2
    assert sentence in " ".join(answer.err.split())
    assert read_card(models / "tip").version == "v2"


def test_while_a_training_could_publish_nothing_is_rolled_back(cli, models) -> None:
    with training_lock(models / "tip"):
        answer = cli("models", "--models", models, "--rollback", "tip")
        listed = cli("models", "--models", models)

    assert answer.code == 2
    assert "The network 'tip' is being trained already, by process" in " ".join(answer.err.split())
    assert len(listed.out.splitlines()) == 3
    assert read_card(models / "tip").version == "v2"


def test_a_folder_without_models_says_so(cli, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(model_versions, "shipped_dir", lambda kind: tmp_path / kind)

    assert cli("models", "--models", tmp_path / "none").out.startswith("There is no model in ")
    assert cli("models", "--models", tmp_path / "none", "--json").out == "[]\n"
