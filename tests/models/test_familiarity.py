from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from monai_ext.landmarks import InputError
from monai_ext.models import Familiarity, fit_familiarity, read_familiarity, write_familiarity

WEIGHTS = "ab" * 32


def features(rng: np.random.Generator, count: int, width: int = 12) -> np.ndarray:
    """Correlated features with means and spreads of their own; the last one never varies."""
    mixing = np.random.default_rng(7).normal(size=(3, width - 1))
    varied = rng.normal(size=(count, 3)) @ mixing + 0.2 * rng.normal(size=(count, width - 1))
    return np.column_stack([varied * np.geomspace(0.1, 10, width - 1) + np.arange(width - 1), np.full(count, 5.0)])


def fitted(rng: np.random.Generator, held_out: int = 60) -> Familiarity:
    known = fit_familiarity(features(rng, 24), features(rng, held_out), protocol="fundus")
    return replace(known, version="v3", sha256=WEIGHTS)


def by_its_covariance(known: Familiarity, rows: np.ndarray) -> list[float]:
    """Mahalanobis distances by the inverse of the whole covariance matrix."""
    axes = known.axes.astype(float)
    flat = axes.T @ np.diag(1 / known.variances) @ axes
    inverse = flat + (np.eye(len(known.mean)) - axes.T @ axes) / known.rest
    return [mahalanobis((row - known.mean) / known.scale, np.zeros(len(row)), inverse) for row in rows]


def test_the_distance_is_that_of_mahalanobis(rng) -> None:
    trained = features(rng, 24)
    known = fit_familiarity(trained, features(rng, 60), protocol="fundus")
    rows = np.vstack([features(rng, 5), 3 * features(rng, 5), np.zeros((1, 12))])

    np.testing.assert_allclose(known.distances(rows), by_its_covariance(known, rows), rtol=1e-6)

    np.testing.assert_allclose(known.mean, trained.mean(0), rtol=1e-6)
    np.testing.assert_allclose(known.scale, [*trained.std(0)[:-1], trained.std(0).max() / 1000], rtol=1e-6)
    # the axes are the principal ones of the correlation, one for four images, and the rest is shared by the others
    values, vectors = np.linalg.eigh(np.corrcoef(trained[:, :-1], rowvar=False))
    np.testing.assert_allclose(known.variances, values[:-7:-1], rtol=1e-5)
    np.testing.assert_allclose(np.abs(known.axes[:, :-1]), np.abs(vectors[:, :-7:-1].T), atol=1e-4)
    assert known.rest == pytest.approx(values[:5].sum() / 6, rel=1e-5)


@pytest.mark.parametrize("count", [5, 31, 32, 33, 66, 149])
def test_the_threshold_lies_above_the_quantile_of_held_out_distances_by_rank(rng, count) -> None:
    held_out = features(rng, count)

    known = fit_familiarity(features(rng, 24), held_out, protocol="fundus")

    ordered = sorted(by_its_covariance(known, held_out))
    rank = math.ceil(0.97 * (count + 1) - 1e-9)
    quantile = ordered[min(rank, count) - 1]
    assert known.threshold == pytest.approx(1.15 * quantile, rel=1e-6)
    assert (known.distances(held_out) > quantile * (1 + 1e-9)).sum() == max(count - rank, 0)
    assert (known.images, known.held_out) == (24, count)


def test_what_lies_beside_the_training_images_is_unfamiliar(rng) -> None:
    known = fitted(rng)
    strange = known.mean + 40 * known.scale

    judged = known.judge(strange[None])

    assert judged is not None
    assert judged.distance == pytest.approx(known.distances(strange[None])[0])
    assert judged.to_dict() == {
        "distance": judged.distance,
        "threshold": known.threshold,
        "message": "This image is unlike those that the model was trained on; check every point.",
    }
    assert known.judge(known.mean[None]) is None


def test_few_images_of_many_features_give_few_axes_and_a_small_file(tmp_path, rng) -> None:
    known = fit_familiarity(rng.normal(size=(400, 8000)), rng.normal(size=(5, 8000)), protocol="face")
    path = write_familiarity(tmp_path, replace(known, version="v1", sha256=WEIGHTS))
    assert known.axes.shape == (4, 8000)
    assert path.stat().st_size < 200_000

    two = fit_familiarity([[0.0, 1.0], [0.0, 3.0]], np.ones((5, 2)), protocol="face")

    assert two.axes.shape == (0, 2)
    # one feature never varies: its standard deviation counts as a thousandth of the other's, which is 1 about 2
    assert two.rest == pytest.approx(0.5)
    assert two.threshold == pytest.approx(1.15 * math.sqrt((1000**2 + 1) / 0.5))


def test_it_is_read_as_it_was_written_beside_its_version(tmp_path, rng) -> None:
    known = fitted(rng)
    assert read_familiarity(tmp_path, "v3", WEIGHTS) is None

    path = write_familiarity(tmp_path, known)

    assert path == tmp_path / "v3.familiar.npz"
    found = read_familiarity(tmp_path, "v3", WEIGHTS)
    assert found is not None
    for name in ("protocol", "version", "sha256", "images", "held_out", "threshold", "rest"):
        assert getattr(found, name) == getattr(known, name)
    for name in ("mean", "scale", "axes", "variances"):
        np.testing.assert_array_equal(getattr(found, name), getattr(known, name))
        assert getattr(found, name).dtype == getattr(known, name).dtype
    before = path.read_bytes()
    assert write_familiarity(tmp_path, known).read_bytes() == before


def test_a_damaged_file_or_one_of_other_weights_is_refused(tmp_path, rng) -> None:
    known = fitted(rng)
    whole = write_familiarity(tmp_path, known).read_bytes()
    path = tmp_path / "v3.familiar.npz"
    with pytest.raises(InputError, match=r"v3\.familiar\.npz is of other weights \(version v3, SHA-256 abab"):
        read_familiarity(tmp_path, "v3", "cd" * 32)

    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    for content in (b"", whole[: len(whole) // 2], b"not an archive", bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"v3\.familiar\.npz, .*, is damaged \(.*\); remove it, and fit it again"):
            read_familiarity(tmp_path, "v3", WEIGHTS)
    for wrong in (
        {"threshold": math.nan},
        {"scale": known.scale[:-1]},
        {"rest": 0.0},
        {"axes": known.axes[:, :4]},
    ):
        write_familiarity(tmp_path, replace(known, **wrong))
        with pytest.raises(InputError, match="is damaged"):
            read_familiarity(tmp_path, "v3", WEIGHTS)


@pytest.mark.parametrize(
    ("trained", "held_out", "sentence"),
    [
        (np.ones((1, 4)), np.ones((9, 4)), "needs at least 2 training images and 5 held-out ones, not 1 and 9"),
        (np.ones((3, 4)), np.ones((4, 4)), "not 3 and 4"),
        (np.ones((3, 4)), np.ones((9, 5)), r"not \(3, 4\) and \(9, 5\)"),
        (np.full((3, 4), np.inf), np.ones((9, 4)), "not finite"),
    ],
)
def test_what_cannot_be_fitted_is_said(trained, held_out, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        fit_familiarity(trained, held_out, protocol="fundus")


def test_features_of_another_network_are_refused(rng) -> None:
    with pytest.raises(InputError, match=r"is of 12 features, not of \(1, 13\)"):
        fitted(rng).distances(np.zeros((1, 13)))
