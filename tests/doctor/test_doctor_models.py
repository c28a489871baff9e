from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from doctor_cases import two_points, write_model, write_protocol

from monai_ext.doctor.check import OK, PROBLEM, WARNING
from monai_ext.doctor.models import check_model, check_models, check_protocols
from monai_ext.landmarks import Protocol
from monai_ext.models import publish, read_card


def test_healthy_protocols_are_named_in_one_line(place: Path) -> None:
    write_protocol(place / "one", two_points("wings"))
    write_protocol(place / "two", two_points("ears"))
    protocols, checks = check_protocols([place / "one", place / "two"])
    assert list(protocols) == ["wings", "ears"]
    assert [(check.state, check.found) for check in checks] == [(OK, "2 protocols: wings, ears")]


def test_every_mistake_is_a_line_with_file_line_and_reason(place: Path) -> None:
    write_protocol(place, two_points("wings"), "a.yaml")
    write_protocol(place, two_points("wings"), "b.yaml")
    (place / "c.yaml").write_text("name: c\ntitle: C\nchannels: gray\nlandmarks: [{name: x, description: y}]\n")
    (place / "d ü.yaml").write_text("name: [\n")
    protocols, (usable, *mistakes) = check_protocols([place, place / "absent"])
    assert list(protocols) == ["wings"]
    assert usable.state == OK
    assert [check.state for check in mistakes] == [PROBLEM] * 4
    found = [check.found for check in mistakes]
    assert found[0] == f"{place / 'a.yaml'} and {place / 'b.yaml'} both define the protocol 'wings'"
    assert found[1].startswith(f"{place / 'c.yaml'}, line 3: channels: ")
    assert found[2].startswith(f"{place / 'd ü.yaml'}, line 2: not valid YAML")
    assert found[3] == f"The protocol folder {place / 'absent'} does not exist"


def test_no_protocol_at_all_is_a_warning(place: Path) -> None:
    protocols, checks = check_protocols([place])
    assert (protocols, [check.state for check in checks]) == ({}, [WARNING])


@pytest.fixture
def model(place: Path, wings: Protocol) -> Path:
    return write_model(place / "models" / "wings", wings)


def test_a_model_that_answers_is_ok(model: Path, wings: Protocol) -> None:
    check = check_model(model, wings, predict=True)
    assert (check.name, check.state, check.advice) == ("Model of wings", OK, "")
    assert check.found == f"v1, 7 labels, validation error 1.25 px, in {model}; it answers"
    assert check_model(model, wings, predict=False).found.endswith("not tried (--quick)")


def test_truncated_weights_are_a_problem(model: Path, wings: Protocol) -> None:
    weights = model / "v1.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    check = check_model(model, wings, predict=False)
    assert check.state == PROBLEM
    assert f"The weights {weights} are not those of their card" in check.found
    assert "monai-landmarks train --protocol wings" in check.advice


def test_absent_weights_are_a_problem(model: Path, wings: Protocol) -> None:
    (model / "v1.safetensors").unlink()
    assert "are missing" in check_model(model, wings, predict=False).found


def test_weights_that_are_no_weights_but_have_the_cards_hash_are_a_problem(model: Path, wings: Protocol) -> None:
    (model / "v1.safetensors").write_bytes(b"")
    card = json.loads((model / "card.json").read_text())
    card["sha256"] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (model / "card.json").write_text(json.dumps(card))
    check = check_model(model, wings, predict=False)
    assert (check.state, "are damaged" in check.found) == (PROBLEM, True)


def test_a_torn_card_is_a_problem(model: Path, wings: Protocol) -> None:
    card = model / "card.json"
    card.write_text(card.read_text()[:100])
    check = check_model(model, wings, predict=True)
    assert (check.state, f"The model card {card} is damaged" in check.found) == (PROBLEM, True)


def test_landmarks_in_another_order_are_a_problem(model: Path) -> None:
    check = check_model(model, two_points(landmarks=("right", "left")), predict=False)
    assert check.state == PROBLEM
    assert check.found == f"{model} finds left, right, but the protocol's landmarks are right, left"


def test_weights_of_another_network_are_found_when_it_is_tried(place: Path, wings: Protocol) -> None:
    card = {
        "protocol": wings, "labels_used": 1, "val_images": (), "val_error": 1, "unit": "px", "epochs": 1, "seed": 0,
        "date": "",
    }  # fmt: skip
    folder = place / "models" / "wings"
    publish(folder, {"other": torch.ones(3)}, card)
    assert check_model(folder, wings, predict=False).state == OK
    check = check_model(folder, wings, predict=True)
    assert (check.state, "do not fit the network of their card" in check.found) == (PROBLEM, True)


def test_numbers_that_are_not_finite_are_a_problem(place: Path, wings: Protocol) -> None:
    name = "decoder.blocks.4.convs.conv_1.adn.N.running_var"
    folder = write_model(place / "models" / "wings", wings, lambda state: {**state, name: torch.full((8,), -1.0)})
    check = check_model(folder, wings, predict=True)
    assert check.state == PROBLEM
    assert check.found.startswith(f"{folder}: The model ")
    assert "answers blank.png with values that are not finite: its weights are damaged" in check.found


def test_each_protocol_is_told_and_what_else_lies_there(place: Path, wings: Protocol) -> None:
    published, shipped = place / "models", place / "pretrained"
    write_model(published / "wings", wings)
    write_model(shipped / "wings", wings)
    (shipped / "wings" / "v1.safetensors").unlink()
    write_model(shipped / "ears", two_points("ears"))
    write_model(published / "old", two_points("old"))
    (published / "nose").mkdir()
    (published / "nose" / "v3.safetensors").write_bytes(b"x")
    (published / "sources").mkdir()
    protocols = {name: two_points(name) for name in ("wings", "ears", "nose", "feet", "toes")}

    checks = {check.name: check for check in check_models(protocols, [published, shipped], predict=False)}

    assert checks["Model of wings"].state == OK
    assert str(published) in checks["Model of wings"].found
    assert str(shipped) in checks["Model of ears"].found
    assert (checks["Model of nose"].state, "no card.json" in checks["Model of nose"].found) == (WARNING, True)
    absent = checks["Without a model"]
    assert (absent.state, absent.found) == (OK, "not trained yet, hence not offered: feet, toes")
    old = checks["Unserved model old"]
    assert (old.state, "there is no protocol 'old'" in old.found) == (WARNING, True)
    hidden = checks["Unserved model wings"]
    assert (hidden.state, "are missing" in hidden.found) == (WARNING, True)
    assert len(checks) == 6
    assert read_card(published / "wings").version == "v1"
