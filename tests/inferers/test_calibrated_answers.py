"""What a calibration changes in the answers of a network whose heatmaps are known."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK
import torch
from PIL import Image
from scipy.special import ellipe
from torch import nn

from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError, Protocol, Status, prediction_document
from monai_ext.models import Calibration, ConformalRadius, ModelCard, PresenceThreshold, write_calibration
from monai_ext.networks import HeatmapOutput

WIDTH, HEIGHT = 90, 50
NAMES = ("a", "b", "c")
#: Of presence.
PROBABILITY = torch.tensor([0.9, 0.6, 0.3])


class Spots(nn.Module):
    """The image itself, where it is brighter than its mean, is the heatmap of every landmark."""

    def forward(self, image: torch.Tensor) -> HeatmapOutput:
        maps = (image[:, :1] - image[:, :1].mean()).expand(-1, 3, -1, -1)
        return HeatmapOutput(maps, torch.logit(PROBABILITY)[None].expand(len(image), 3))


@pytest.fixture
def protocol() -> Protocol:
    document = {
        "name": "spots",
        "title": "Spots",
        "channels": "grey",
        "landmarks": [{"name": name, "description": "a spot"} for name in NAMES],
        "network": {"input_size": {"width": 128, "height": 96}, "sigma": 2.0},
        "recipe": {"loss": "mse"},
    }
    return Protocol.model_validate(document)


def calibration_of(
    unit: str = "px", *, scaled: bool = False, thresholds: tuple[float | None, ...] = (None, None, None)
) -> Calibration:
    radius = {"coverage": 0.9, "unit": unit, "landmarks": NAMES, "counts": (40, 40, 3), "quantiles": (5.0, 6.0, None)}
    counts = (20, 20, 20)
    return Calibration(
        protocol="spots",
        version="v9",
        images=40,
        radius=ConformalRadius(**radius),
        scaled_radius=ConformalRadius(**radius, scaled_by="map_radius", smoothing=0.5),
        answers_with="scaled_radius" if scaled else "radius",
        presence=PresenceThreshold(
            criterion="f1", landmarks=NAMES, thresholds=thresholds, scores=thresholds, present=counts, missing=counts
        ),
    )


def predictor_of(protocol: Protocol, calibration: Calibration | None = None) -> Predictor:
    facts = {"labels_used": 1, "val_images": (), "val_error": 1, "unit": "px", "epochs": 1, "seed": 0, "date": "-"}
    card = ModelCard(protocol=protocol, version="v9", weights="-", sha256="-", **facts)
    return Predictor(Spots(), card, calibration=calibration)


def spot() -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return (30 + 200 * np.exp(-((x - 40) ** 2 + (y - 20) ** 2) / (2 * 2.5**2))).round().astype(np.uint8)


@pytest.fixture
def photo(tmp_path):
    Image.fromarray(spot()).save(tmp_path / "spot.png")
    return tmp_path / "spot.png"


def scan(path, spacing: tuple[float, float]):
    image = SimpleITK.GetImageFromArray(spot())
    image.SetSpacing(spacing)
    SimpleITK.WriteImage(image, str(path))
    return path


def test_without_a_calibration_there_is_no_radius_but_an_uncertainty(photo, protocol) -> None:
    answer = predictor_of(protocol).predict_stages(photo)

    assert np.isnan(answer.radius).all()
    assert answer.coverage is None
    assert answer.landmarks.status.tolist() == [1, 1, 0]
    # of a round Gaussian the mean distance from its centre
    assert answer.uncertainty.unit == "px"
    np.testing.assert_allclose(answer.uncertainty.landmarks, 2.5 * np.sqrt(np.pi / 2), rtol=0.1)
    assert answer.uncertainty.score == pytest.approx(answer.uncertainty.landmarks[:2].mean(), rel=1e-5)


@pytest.mark.parametrize("scaled", [False, True])
def test_each_point_has_the_radius_of_its_landmark_and_a_missing_one_none(photo, protocol, scaled) -> None:
    answer = predictor_of(protocol, calibration_of(scaled=scaled)).predict_stages(photo)

    width = answer.uncertainty.landmarks[:2] + 0.5 if scaled else 1
    np.testing.assert_allclose(answer.radius[:2], np.array([5, 6]) * width)
    assert np.isnan(answer.radius[2])
    assert answer.coverage == 0.9
    document = prediction_document(
        protocol,
        answer.landmarks,
        image="spot",
        model_version="v9",
        radius=answer.radius,
        coverage=answer.coverage,
        uncertainty=answer.uncertainty.to_dict(NAMES),
    )
    assert [mark["radius"] for mark in document["landmarks"]] == [*answer.radius[:2].tolist(), None]
    assert document["coverage"] == 0.9
    assert document["uncertainty"] == {
        "measure": "map_radius",
        "unit": "px",
        "score": answer.uncertainty.score,
        "landmarks": dict(zip(NAMES, answer.uncertainty.landmarks.tolist(), strict=True)),
    }


def test_a_calibrated_image_is_answered_in_millimetres(tmp_path, protocol) -> None:
    square, flat = (scan(tmp_path / f"{i}.mha", s) for i, s in enumerate([(0.2, 0.2), (0.2, 0.4)]))

    for unit, path, expected in [
        ("px", square, [1.0, 1.2]),
        ("px", flat, [np.nan, np.nan]),
        ("mm", square, [5.0, 6.0]),
        ("mm", flat, [5.0, 6.0]),
    ]:
        answer = predictor_of(protocol, calibration_of(unit)).predict_stages(path)
        np.testing.assert_allclose(answer.radius[:2], expected)
        assert answer.uncertainty.unit == "mm"
    # a Gaussian of 0.5 mm by 1 mm
    np.testing.assert_allclose(answer.uncertainty.landmarks, np.sqrt(2 / np.pi) * ellipe(1 - 0.5**2), rtol=0.05)


def test_a_radius_in_millimetres_says_nothing_of_a_photograph(photo, protocol) -> None:
    answer = predictor_of(protocol, calibration_of("mm")).predict_stages(photo)

    assert np.isnan(answer.radius).all()


@pytest.mark.parametrize("scaled", [False, True])
def test_a_radius_in_percent_grows_with_what_the_network_sees(tmp_path, protocol, scaled) -> None:
    for size in (1, 3):
        Image.fromarray(np.kron(spot(), np.ones((size, size), np.uint8))).save(tmp_path / "spot.png")
        answer = predictor_of(protocol, calibration_of("%", scaled=scaled)).predict_stages(tmp_path / "spot.png")

        percent = WIDTH * size / 100  # the whole width fits into the input
        width = answer.uncertainty.landmarks[:2] / percent + 0.5 if scaled else 1
        np.testing.assert_allclose(answer.radius[:2], np.array([5, 6]) * width * percent, rtol=1e-6)
        assert answer.uncertainty.unit == "px"
    flat = scan(tmp_path / "flat.mha", (0.2, 0.4))
    assert np.isnan(predictor_of(protocol, calibration_of("%")).predict_stages(flat).radius).all()


def test_a_radius_in_percent_is_of_the_lit_circle(tmp_path, protocol) -> None:
    network = protocol.network.model_copy(update={"field_of_view": True})
    y, x = np.mgrid[:200, :360]
    lit = np.where(np.hypot(x - 150, y - 105) < 80, 120 + 100 * np.exp(-np.hypot(x - 130, y - 90) / 9), 4)
    Image.fromarray(lit.round().astype(np.uint8)).save(tmp_path / "lit.png")

    predictor = predictor_of(protocol.model_copy(update={"network": network}), calibration_of("%"))
    answer = predictor.predict_stages(tmp_path / "lit.png")

    # the input is wider than high: the circle fills its height, and the network sees more to its sides
    np.testing.assert_allclose(answer.radius[:2], np.array([0.05, 0.06]) * 160 * 128 / 96, rtol=0.02)


def test_the_fitted_threshold_makes_a_landmark_missing_or_present(photo, protocol) -> None:
    plain = predictor_of(protocol).predict(photo)
    predictor = predictor_of(protocol, calibration_of(thresholds=(None, 0.7, 0.2)))

    found = predictor.predict(photo)

    assert plain.status.tolist() == [Status.DEFINED, Status.DEFINED, Status.MISSING]
    assert found.status.tolist() == [Status.DEFINED, Status.MISSING, Status.DEFINED]
    assert found.confidence[1] == pytest.approx(0.4, abs=1e-6)
    # what evaluation reads, with any decoder
    for answer in predictor.predict_decoders(photo, ("argmax", "gaussian_fit")).values():
        assert answer.landmarks.status.tolist() == found.status.tolist()


def test_another_decoder_has_no_radius(photo, protocol) -> None:
    own = protocol.network.decoder
    other = "argmax" if own != "argmax" else "gaussian_fit"

    answers = predictor_of(protocol, calibration_of()).predict_decoders(photo, (own, other))

    assert np.isfinite(answers[own].radius[:2]).all()
    assert np.isnan(answers[other].radius).all()
    assert answers[other].coverage is None


def test_it_is_loaded_with_the_model_or_refused(tmp_path, protocol) -> None:
    from monai_ext.models import publish
    from monai_ext.networks import build_network

    facts = {"labels_used": 1, "val_images": (), "val_error": 1.0, "unit": "px", "epochs": 1, "seed": 0, "date": ""}
    network = build_network(protocol)
    card = publish(tmp_path, network.state_dict(), {"protocol": protocol, **facts}, calibration=calibration_of())

    named = {"version": "v1", "sha256": card.sha256}
    assert Predictor.load(tmp_path).calibration == calibration_of().model_copy(update=named)
    write_calibration(tmp_path, calibration_of().model_copy(update={**named, "sha256": "12" * 32}))
    with pytest.raises(InputError, match=r"v1\.calibration\.json is of other weights"):
        Predictor.load(tmp_path)
    radius = ConformalRadius.fit(np.ones((30, 1)), ["a"])
    write_calibration(tmp_path, Calibration(protocol="spots", version="v1", images=30, radius=radius))
    with pytest.raises(InputError, match=r"v1\.calibration\.json is of the landmarks a, not of a, b, c"):
        Predictor.load(tmp_path)
