"""What travels with a model, and what of a former one is left beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from export_case import facts_of

from monai_ext.landmarks import InputError
from monai_ext.model_export import export_bundle, export_hugging_face
from monai_ext.models import (
    Calibration,
    calibration_path,
    familiarity_path,
    fit_familiarity,
    load_network,
    publish,
    read_calibration,
    read_card,
    read_familiarity,
    record_path,
    write_calibration,
    write_familiarity,
)

EXPORTS = {"hf": export_hugging_face, "bundle": export_bundle}
#: Where the model, and where the pictures of its card are.
MODEL, PAGE = {"hf": ".", "bundle": "models"}, {"hf": ".", "bundle": "docs"}


@pytest.fixture
def learnt_folder(tmp_path, model_folder, rng) -> Path:
    """A model with all that may lie beside its weights."""
    folder = tmp_path / "learnt"
    shutil.copytree(model_folder, folder)
    write_calibration(folder, Calibration(protocol="spots", version="v1", images=9))
    record_path(folder, "v1").write_text("record of the former")
    known = fit_familiarity(
        rng.normal(size=(20, 6)),
        rng.normal(size=(9, 6)),
        protocol="spots",
        version="v1",
        sha256=read_card(folder).sha256,
    )
    write_familiarity(folder, known)
    (folder / "MODEL_CARD.md").write_text("# Spots\n")
    (folder / "model_card_files").mkdir()
    (folder / "model_card_files" / "worst1.png").write_text("of the former")
    return folder


@pytest.fixture
def other_folder(tmp_path, model_folder) -> Path:
    """Other weights of the same version name, and nothing beside them."""
    network, card = load_network(model_folder)
    state = {
        name: tensor + 0.5 if tensor.is_floating_point() else tensor for name, tensor in network.state_dict().items()
    }
    publish(tmp_path / "other", state, facts_of(card.protocol))
    assert read_card(tmp_path / "other").version == card.version == "v1"
    return tmp_path / "other"


@pytest.mark.parametrize("form", EXPORTS)
def test_what_was_learnt_about_former_weights_does_not_stay(tmp_path, learnt_folder, other_folder, form) -> None:
    out, export = tmp_path / "out", EXPORTS[form]
    export(learnt_folder, out)
    model, page = out / MODEL[form], out / PAGE[form]
    learnt = [path_of(model, "v1") for path_of in (calibration_path, familiarity_path, record_path)]
    learnt += [model / "about.yaml", page / "model_card_files" / "worst1.png"]
    assert [path.name for path in learnt if not path.is_file()] == []
    calibration_path(model, "v7").write_text("of a version before")
    for name in ("mine.calibration.json", "notes.txt"):
        (model / name).write_text("mine")

    export(other_folder, out, overwrite=True)

    assert [path.name for path in (*learnt, calibration_path(model, "v7")) if path.exists()] == []
    assert {(model / name).read_text() for name in ("mine.calibration.json", "notes.txt")} == {"mine"}
    state, wanted = (load_network(folder)[0].state_dict() for folder in (model, other_folder))
    assert all(torch.equal(state[name], tensor) for name, tensor in wanted.items())


@pytest.mark.parametrize("form", EXPORTS)
def test_overwriting_with_the_same_model_leaves_all_of_it(tmp_path, learnt_folder, form) -> None:
    out = tmp_path / "out"
    EXPORTS[form](learnt_folder, out)
    first = {path for path in out.rglob("*") if path.is_file()}

    card = EXPORTS[form](learnt_folder, out, overwrite=True)

    assert {path for path in out.rglob("*") if path.is_file()} == first
    model = out / MODEL[form]
    for name in ("v1.calibration.json", "v1.training.json", "about.yaml"):
        assert (model / name).read_bytes() == (learnt_folder / name).read_bytes()
    assert (out / PAGE[form] / "model_card_files" / "worst1.png").read_text() == "of the former"
    assert read_familiarity(model, "v1", card.sha256) is not None
    fitted = Calibration(protocol="spots", version="v1", sha256=read_card(learnt_folder).sha256, images=9)
    write_calibration(learnt_folder, fitted)
    card = EXPORTS[form](learnt_folder, out, overwrite=True)
    assert read_calibration(model, "v1", sha256=card.sha256) == fitted.model_copy(update={"sha256": card.sha256})
    assert load_network(model)[1] == card


def test_a_model_is_not_exported_onto_itself(tmp_path, learnt_folder) -> None:
    before = {path: path.read_bytes() for path in learnt_folder.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="learnt is the folder of the model itself: name another with --output"):
        export_hugging_face(learnt_folder, learnt_folder, overwrite=True)
    assert {path: path.read_bytes() for path in learnt_folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("form", EXPORTS)
def test_the_licence_travels_on(tmp_path, model_folder, form) -> None:
    EXPORTS[form](model_folder, tmp_path / "first")
    export_hugging_face(tmp_path / "first" / MODEL[form], tmp_path / "second")

    front = (tmp_path / "second" / "README.md").read_text().split("---\n")[1]
    assert "license: cc-by-4.0\n" in front
    assert "- Spotted images\n" in front


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("[{name: Drawn, attribution: none needed}]", "Drawn (attribution: none needed)"),
        ("[{name: Drawn}, {name: Seen, attribution: 'A. Body, 2017'}]", "Drawn; Seen (attribution: A. Body, 2017)"),
    ],
)
def test_a_data_source_has_its_name(tmp_path, model_folder, said, source) -> None:
    shutil.copytree(model_folder, tmp_path / "model")
    (tmp_path / "model" / "about.yaml").write_text(f"data: {said}\n")

    export_bundle(tmp_path / "model", tmp_path / "out")

    assert json.loads((tmp_path / "out" / "configs" / "metadata.json").read_text())["data_source"] == source
