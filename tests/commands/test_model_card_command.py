"""model-card: what is said, what is measured, what nobody stated, and the way to JSON and back."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from report_case import make_pairs, protocol_of, write_evaluation, write_images

from monai_ext.landmarks import InputError
from monai_ext.models import Calibration, ConformalRadius, publish, read_card, write_calibration
from monai_ext.networks import build_network
from monai_ext.reports import ModelFacts, model_card_markdown, read_cross_validated

IDS = [f"image_{i:02d}" for i in range(8)]
NAMES = ("p0", "p1")
FACTS = {"labels_used": 5, "val_images": ("a", "b"), "val_error": 1.25, "unit": "px", "epochs": 4, "seed": 9}

ABOUT = """
summary: A model of dots.
intended_use: Tests, and | nothing <b>else</b>.
not_for: [Photographs of people.]
known_failures: [Dots at the border.]
licence: Apache-2.0
data:
  - {name: Dots, count: 40, licence: CC0, attribution: Nobody, source: drawn}
training: {hardware: a desk, duration: an afternoon}
"""


@pytest.fixture(scope="module")
def network() -> dict[str, torch.Tensor]:
    return build_network(protocol_of(NAMES)).state_dict()


@pytest.fixture
def model(tmp_path, network) -> Path:
    publish(tmp_path / "model", network, {"protocol": protocol_of(NAMES), "date": "2026-01-01", **FACTS})
    return tmp_path / "model"


@pytest.fixture
def evaluation(tmp_path, model) -> Path:
    files = write_images(tmp_path / "studies", IDS)
    return write_evaluation(
        tmp_path / "evaluation",
        make_pairs(IDS, NAMES, 1, spread=2.0),
        files,
        version="v1",
        studies=str(tmp_path / "studies"),
        model_sha256=read_card(model).sha256,
    )


@pytest.fixture
def card(cli, tmp_path, model):
    def run(*arguments: object) -> tuple[ModelFacts, str]:
        answer = cli("model-card", model, "--output", tmp_path / "card", *arguments)
        assert answer.code == 0, answer.err
        text = (tmp_path / "card" / "model_card.json").read_text(encoding="utf-8")
        return ModelFacts.model_validate_json(text), (tmp_path / "card" / "MODEL_CARD.md").read_text(encoding="utf-8")

    return run


def test_what_nobody_said_is_not_stated(card) -> None:
    facts, text = card()

    assert facts.about.intended_use is None
    assert facts.evaluations == ()
    for line in ("| intended use | not stated |", "| licence of the weights | not stated |", "| command | not stated |",
                 "| hardware | not stated |", "| duration | not stated |"):  # fmt: skip
        assert line in text
    assert "Not for:\n\nNot stated." in text
    assert "Not stated: no evaluation was given." in text
    assert "not a medical device" in text
    assert "1.25 px on 2 images" in text


def test_how_much_is_not_stated_is_told(cli, tmp_path, model) -> None:
    answer = cli("model-card", model, "--output", tmp_path / "card")

    count = (tmp_path / "card" / "MODEL_CARD.md").read_text().lower().count("not stated")
    assert f"Not stated in the card: {count} of its facts" in answer.err


def test_what_a_person_said_lies_beside_the_model(card, model) -> None:
    (model / "about.yaml").write_text(ABOUT)

    facts, text = card()

    assert facts.about.data[0].count == 40
    assert (facts.training.hardware, facts.training.duration) == ("a desk", "an afternoon")
    assert r"Tests, and \| nothing \<b\>else\</b\>." in text
    assert "| Dots | 40 | CC0 | Nobody | drawn |" in text
    assert "- Dots at the border." in text


def test_the_measured_error_is_that_of_the_points(card, evaluation) -> None:
    facts, text = card("--evaluation", evaluation)

    pairs = make_pairs(IDS, NAMES, 1, spread=2.0)
    errors = np.array([[math.dist(*pair) for pair in zip(t.points, p.points, strict=True)] for _, t, p in pairs])
    drawn = np.random.default_rng(0).integers(0, 8, (9999, 8))
    low, high = np.percentile([errors[rows].mean() for rows in drawn], [2.5, 97.5])
    measured = facts.evaluations[0]
    assert measured.mean == pytest.approx(errors.mean())
    assert measured.interval == pytest.approx((low, high))
    assert measured.success == pytest.approx({"2": (errors <= 2).mean(), "4": (errors <= 4).mean()})
    assert [row.mean for row in measured.landmarks] == pytest.approx(list(errors.mean(axis=0)))
    said = f"{errors.mean():.2f} px, 95 % interval over images {low:.2f} to {high:.2f} px"
    assert f"| mean radial error | {said} |" in text


def test_the_interval_is_over_the_subjects_that_the_evaluation_states(card, evaluation) -> None:
    document = json.loads(evaluation.read_text())
    evaluation.write_text(json.dumps(document | {"subjects": [0, 0, 1, 1, 2, 2, 3, 3]}))

    facts, text = card("--evaluation", evaluation)

    errors = np.array([row["errors"] for row in document["images"]]).reshape(4, -1)
    drawn = np.random.default_rng(0).integers(0, 4, (9999, 4))
    low, high = np.percentile([errors[rows].mean() for rows in drawn], [2.5, 97.5])
    assert facts.evaluations[0].interval == pytest.approx((low, high))
    assert f"95 % interval over 4 subjects {low:.2f} to {high:.2f} px |" in text


def test_the_card_says_how_the_model_fails(card, evaluation) -> None:
    group = {"images": 3, "count": 5, "mean": 9.5, "low": 7.0, "high": 12.0, "median": 9.0, "failed": 0.4}
    rest = group | {"count": 11, "mean": 2.25, "failed": 0.0}
    numbers = {"group": group, "rest": rest, "ratio": 3.125, "low": 2.0, "high": 4.5, "p": 0.01}
    cause = {"name": "blurred image", "factor": "sharpness", "landmark": "p1", **numbers}
    factors = {"line": None, "of_image": {}, "of_landmark": {}, "missed": [[False, False]] * 8}
    document = json.loads(evaluation.read_text())
    document["failures"] = {"tested": ["blurred image", "dark image"], "causes": [cause], "factors": factors}
    evaluation.write_text(json.dumps(document))

    facts, text = card("--evaluation", evaluation)

    assert facts.evaluations[0].causes[0].p == 0.01
    assert "of 2 groups of landmarks compared with the rest, these have larger errors" in text
    assert (
        "- blurred image: 3.12 times the rest (95 % interval 2.00 to 4.50), mean 9.50 px and 2.25 px, "
        "above 4 px or missed 40.0 % and 0.0 %; most at p1\n"
    ) in text

    evaluation.write_text(json.dumps(document | {"subjects": [0, 1] * 4}))
    said = "(p ≤ 0.05, adjusted for the number of groups; over subjects)."
    assert said in card("--evaluation", evaluation)[1]

    document["failures"]["causes"] = []
    evaluation.write_text(json.dumps(document))
    assert "of 2 groups of landmarks compared with the rest, none has larger errors" in card("-e", evaluation)[1]


def test_the_worst_images_are_drawn(card, evaluation, tmp_path) -> None:
    facts, text = card("--evaluation", evaluation, "--worst", 2)

    pairs = make_pairs(IDS, NAMES, 1, spread=2.0)
    means = [np.mean([math.dist(*pair) for pair in zip(t.points, p.points, strict=True)]) for _, t, p in pairs]
    order = np.argsort(means)[::-1]
    assert [case.image for case in facts.evaluations[0].worst] == [IDS[i] for i in order[:2]]
    for case in facts.evaluations[0].worst:
        assert f"]({case.picture})" in text
        assert (tmp_path / "card" / str(case.picture)).read_bytes()[:4] == b"\x89PNG"


def test_an_image_that_is_gone_has_no_picture(card, evaluation, tmp_path) -> None:
    for path in (tmp_path / "studies").iterdir():
        path.unlink()

    facts, text = card("--evaluation", evaluation, "--worst", 1)

    assert facts.evaluations[0].worst[0].picture is None
    assert "its image was not at hand" in text


def test_the_json_is_the_card(card, evaluation, model) -> None:
    (model / "about.yaml").write_text(ABOUT)

    facts, text = card("--evaluation", evaluation, "--worst", 1)

    again = ModelFacts.model_validate_json(facts.model_dump_json())
    assert again == facts
    assert model_card_markdown(again) == text


def test_the_record_of_the_training_goes_before_what_a_person_said(card, model) -> None:
    (model / "about.yaml").write_text(ABOUT)
    record = {"command": "monai-landmarks train -p dots", "seconds": 61.4, "machine": {"device": "a processor"}}
    (model / "v1.training.json").write_text(json.dumps(record))

    facts, text = card()

    assert facts.training.command == "monai-landmarks train -p dots"
    assert (facts.training.hardware, facts.training.duration) == ("a processor", "61 s")
    assert "| command | `monai-landmarks train -p dots` |" in text


def test_the_calibration_is_that_of_the_version(card, model) -> None:
    radius = ConformalRadius.fit(np.full((20, 2), (2.5, np.nan)), NAMES)
    write_calibration(model, Calibration(protocol="dots", version="v1", images=20, radius=radius))

    facts, text = card()

    assert facts.calibration is not None
    assert facts.calibration.radii == {"p0": 2.5, "p1": None}
    assert "| p0 | 2.50 |\n| p1 | not calibrated |" in text
    assert "95 % of such images" in text


def test_an_evaluation_of_another_model_is_refused(cli, tmp_path, model, evaluation) -> None:
    document = json.loads(evaluation.read_text())
    for change in ({"model_version": "v2"}, {"protocol": "faces"}, {"model_sha256": "00" * 32}):
        evaluation.write_text(json.dumps(document | change))

        answer = cli("model-card", model, "--evaluation", evaluation, "--output", tmp_path / "card")

        assert answer.code == 2
        assert "not of these weights of dots v1" in " ".join(answer.err.split())
    assert not (tmp_path / "card").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("use: all\n", "the key 'use' is unknown"),
        ("summary: [1]\n", "summary: Input should be a valid string"),
        ("data:\n  - {count: 3}\n", "data.0.name: Field required"),
        ("summary: 'open\n", "line 2: not valid YAML"),
        ("- a list\n", "must be a mapping"),
    ],
)
def test_an_about_that_says_what_it_may_not_is_refused(cli, tmp_path, model, text, sentence) -> None:
    (tmp_path / "said.yaml").write_text(text)

    answer = cli("model-card", model, "--about", tmp_path / "said.yaml", "--output", tmp_path / "card")

    assert answer.code == 2
    assert sentence in " ".join(answer.err.split())


def test_the_card_of_the_shipped_model_is_of_its_weights() -> None:
    from monai_ext.landmarks.protocol_file import shipped_dir

    folder = shipped_dir("pretrained") / "fundus"
    facts = ModelFacts.model_validate_json((folder / "model_card.json").read_text(encoding="utf-8"))

    assert facts.weights_sha256 == read_card(folder).sha256
    assert (folder / "MODEL_CARD.md").read_text(encoding="utf-8") == model_card_markdown(facts)
    for evaluation in facts.evaluations:
        assert evaluation.interval is not None
        drawn = [case.picture is not None for case in evaluation.worst]
        assert drawn == [evaluation.studies == "sample_data/fundus"] * 2  # photographs are not part of the project
        for case in evaluation.worst:
            assert case.picture is None or (folder / case.picture).is_file()


#: A row of a landmark that the model does not have.
OTHER = {"name": "knee", "mean": 3.25, "low": 2.5, "high": 4.0, "median": 2.0, "of_width": 0.4, "of_distance": None,
         "worst": 9.0, "failures": 1, "images": 8}  # fmt: skip


def folds(model: Path, **changes: object) -> dict:
    protocol = read_card(model).protocol
    row = {"name": "all", "mean": 3.25, "low": 2.5, "high": 4.0, "median": 2.0, "of_width": 0.4, "of_distance": None,
           "worst": 9.0, "failures": 1, "images": 8}  # fmt: skip
    return {
        "command": "monai-landmarks cross-validate dots",
        "date": "2026-01-02",
        "protocol": protocol.name,
        "network": protocol.network.model_dump(mode="json"),
        "recipe": protocol.recipe.model_dump(mode="json"),
        "length": {"epochs": 6, "epoch_steps": 50},
        "folds_finished": 5,
        "folds_asked_for": 5,
        "unit": "px",
        "between": None,
        "relative": {
            "images": [{**row, "name": "p0"}, {**row, "name": "p1", "left_out": 3}, row],
            "changed": [{**row, "mean": None, "low": None}],
        },
        **changes,
    }


def test_a_cross_validation_of_the_recipe_stands_in_the_card(card, tmp_path, model) -> None:
    file = tmp_path / "folds" / "cross_validation.json"
    file.parent.mkdir()
    file.write_text(json.dumps(folds(model)), encoding="utf-8")

    facts, text = card("--cross-validation", file.parent)

    found = facts.cross_validation
    assert found is not None
    assert (found.folds, found.steps, found.unit, found.between) == (5, 300, "px", None)
    assert found.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "5 of them, each trained for 300 steps without the images" in text
    assert "| images | p0 | 3.25 | 2.50 to 4.00 | 2.00 | 0.400 | 1 of 8 |" in text
    assert "| images | p1 | 3.25 | 2.50 to 4.00 | 2.00 | 0.400 | 1 of 5 |" in text
    assert "| changed | all | not stated | not stated to 4.00 | 2.00 | 0.400 | 1 of 8 |" in text
    assert "| command | `monai-landmarks cross-validate dots` |" in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folds_finished": 3}, "3 of 5 folds are finished"),
        ({"network": {"name": "zian"}}, "another network or augmentation"),
        ({"protocol": "knee"}, "is of the protocol 'knee' and not of 'dots'"),
        (
            {"relative": {"images": [OTHER, {**OTHER, "name": "all"}]}},
            "is of other landmarks than the model v1 of dots",
        ),
        ({"relative": {"images": [{"name": "p0"}]}}, "not a result of `cross-validate`"),
        ({"length": 7}, "not a result of `cross-validate`"),
    ],
)
def test_a_cross_validation_that_does_not_fit_is_refused(cli, tmp_path, model, changes, message) -> None:
    file = tmp_path / "cross_validation.json"
    file.write_text(json.dumps(folds(model, **changes)), encoding="utf-8")

    answer = cli("model-card", model, "--output", tmp_path / "card", "--cross-validation", file)

    assert answer.code == 2
    assert message in " ".join(answer.err.split())
    assert not (tmp_path / "card").exists()


def test_folds_whose_encoder_began_with_a_file_are_the_model_s_own(tmp_path, model) -> None:
    card = read_card(model)
    began = card.protocol.network.model_copy(update={"pretrained": "encoder.safetensors"})
    own = card.model_copy(update={"protocol": card.protocol.model_copy(update={"network": began})})
    file = tmp_path / "cross_validation.json"
    for name in ("encoder.safetensors", "/somewhere/models/encoder.safetensors"):
        file.write_text(json.dumps(folds(model, network=began.model_dump(mode="json") | {"pretrained": name})))
        assert read_cross_validated(file, own).folds == 5
    file.write_text(
        json.dumps(folds(model, network=began.model_dump(mode="json") | {"pretrained": "/a/b.safetensors"}))
    )
    with pytest.raises(InputError, match="another network or augmentation"):
        read_cross_validated(file, own)


def test_a_cause_without_a_distance_has_no_number(card, evaluation) -> None:
    nothing = {"images": 8, "count": 0, "mean": None, "low": None, "high": None, "median": None, "failed": 1.0}
    rest = {**nothing, "count": 8, "mean": 2.0, "failed": 0.0}
    cause = {"name": "bright image", "factor": "brightness", "landmark": "p0", "group": nothing, "rest": rest,
             "ratio": None, "low": None, "high": None, "p": 0.01}  # fmt: skip
    factors = {"line": None, "of_image": {}, "of_landmark": {}, "missed": [[False, False]] * 8}
    document = json.loads(evaluation.read_text(encoding="utf-8"))
    document["failures"] = {"tested": ["bright image"], "causes": [cause], "factors": factors}
    evaluation.write_text(json.dumps(document), encoding="utf-8")

    _, text = card("--evaluation", evaluation)

    (line,) = [line for line in text.splitlines() if line.startswith("- bright image")]
    assert line == (
        "- bright image: not stated times the rest (95 % interval not stated to not stated), mean not stated and "
        "2.00 px, above 4 px or missed 100.0 % and 0.0 %"
    )


@pytest.mark.parametrize(
    ("keep", "said"), [("best", "which chose the weights that were kept"), ("last", "which chose nothing")]
)
def test_the_card_says_whether_the_validation_images_chose_the_weights(card, model, keep, said) -> None:
    record = {"keep": keep, "seconds": 3.0, "machine": {"device": "a desk"}}
    (model / "v1.training.json").write_text(json.dumps(record), encoding="utf-8")

    facts, text = card()

    assert facts.training.chosen == keep
    assert f"on 2 images, {said} |" in text
