from __future__ import annotations

import io

import numpy as np
import pytest
from active_case import LeftAndRight, predictor_of, protocol_of, write_spots
from PIL import Image
from rich.console import Console

from monai_ext.active import Observer
from monai_ext.active.judgement import Judgement, common_unit, judge_images
from monai_ext.active.measure_comparison import (
    MeasureRow,
    compare_measures,
    draw_risk_coverage,
    measure_table,
    risk_coverage,
    spearman,
)
from monai_ext.active.measures import Disagreement, MapRadius, PeakHeight
from monai_ext.engines import labelled_images
from monai_ext.landmarks import Frame, InputError, Landmarks, write_markups
from monai_ext.models import Observed
from monai_ext.studies import Studies

SIZE = (170, 130)
POINTS = np.array([[52.0, 31.0], [118.0, 99.0]])
#: How far each label lies from the spot; the second point of the last image is not there.
STEPS = np.array([[[0, 0], [3, 4]], [[-6, 8], [0, 1]], [[0, -2], [0, 0]]], dtype=float)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    root = tmp_path_factory.mktemp("judged")
    studies = Studies(root)
    for i, steps in enumerate(STEPS):
        write_spots(root / f"{i}.png", POINTS, SIZE, 5.0)
        status = [1, 0 if i == 2 else 1]
        write_markups(studies.label_path(str(i)), Landmarks(("left", "right"), POINTS + steps, Frame(*SIZE), status))
    return labelled_images(studies)


def test_errors_and_uncertainties_are_those_of_each_image(images) -> None:
    protocol = protocol_of(("left", "right"), pairs=True, augmentation={"flip": 0.5})
    predictors = [predictor_of(LeftAndRight(), protocol)]
    measures = [PeakHeight(), MapRadius(), Disagreement("augmentation")]

    found = judge_images(predictors, images, measures, batch_size=2)

    expected = np.linalg.norm(STEPS, axis=-1)
    expected[2, 1] = np.nan
    np.testing.assert_allclose(found.errors, expected, atol=0.1)
    assert found.observed.true_status.tolist() == [[1, 1], [1, 1], [1, 0]]
    assert found.status.tolist() == [[1, 1]] * 3
    assert found.observed.ids == ("0", "1", "2")
    assert found.observed.presence is None
    np.testing.assert_array_equal(found.observed.map_radius, found.values["map_radius"])
    np.testing.assert_array_equal(found.observed.distances, found.errors)
    whole = Observer(predictors, ["augmentation"]).observe([image.image for image in images])
    for measure in measures:
        np.testing.assert_allclose(found.values[measure.name], measure.compute(whole).numpy(), atol=1e-5)


def test_lengths_are_in_millimetres_only_where_all_images_have_them(images) -> None:
    assert common_unit(images) == "px"
    with pytest.raises(InputError, match="in mm needs images of known pixel size"):
        judge_images([predictor_of(LeftAndRight(), protocol_of(("left", "right")))], images, [], "mm")
    with pytest.raises(InputError, match="no labelled image"):
        judge_images([predictor_of(LeftAndRight(), protocol_of(("left", "right")))], [], [])


def judgement_of(rng, images: int, landmarks: int) -> Judgement:
    errors = rng.exponential(4, (images, landmarks))
    unsure = errors * rng.uniform(0.5, 2, errors.shape)
    errors[rng.random(errors.shape) < 0.1] = np.nan
    status = rng.choice([0, 1], errors.shape, p=[0.1, 0.9]).astype(np.int8)
    ids, names = tuple(map(str, range(images))), tuple(f"p{k}" for k in range(landmarks))
    observed = Observed(ids, names, "mm", errors, errors, status, None)
    return Judgement(observed, {"peak": unsure, "map_radius": rng.random(errors.shape)}, errors, status)


@pytest.mark.parametrize("landmarks", [1, 19])
def test_the_rows_are_those_of_all_landmarks_and_of_images(rng, landmarks) -> None:
    found = judgement_of(rng, 40, landmarks)
    found.errors[7] = np.nan  # an image without any

    good, bad = compare_measures(found, [PeakHeight(), MapRadius("mm")], "max")

    unsure, errors = found.values["peak"], found.errors
    curve = risk_coverage(unsure.ravel(), errors.ravel())
    assert good.spearman == spearman(unsure.ravel(), errors.ravel())
    assert (good.area, good.gain, good.error) == (curve.area, curve.gain, pytest.approx(np.nanmean(errors)))
    assert good.kept_error == {share: curve.risk_at(share) for share in (0.9, 0.8, 0.5)}
    assert good.landmarks == np.isfinite(errors).sum()
    scores, means = [], []
    for n in range(40):
        present = [unsure[n, k] for k in range(landmarks) if found.status[n, k] > 0] or unsure[n]
        scores.append(max(present))
        known = errors[n][np.isfinite(errors[n])]
        means.append(known.mean() if len(known) else np.nan)
    assert good.spearman_images == pytest.approx(spearman(scores, means))
    assert good.gain > 0.5 > bad.gain
    assert (good.unit, bad.unit) == ("1", "mm")
    assert good.to_dict()["kept_error"].keys() == {"0.9", "0.8", "0.5"}


@pytest.mark.parametrize(("error", "told"), [(9.4444, "9.444"), (36.0204, "36.02"), (1234.5678, "1235")])
def test_a_terminal_of_80_columns_shows_all_numbers(error, told) -> None:
    numbers = {"spearman": -0.12, "spearman_images": -0.34, "gain": -0.56, "area": error, "error": error}
    kept = dict.fromkeys((0.9, 0.8, 0.5), error)
    row = MeasureRow(measure="augmentation", unit="px", landmarks=9, kept_error=kept, **numbers)
    console = Console(width=80, file=io.StringIO())

    console.print(measure_table([row], "px", "Measures"))

    (line,) = (line for line in console.file.getvalue().splitlines() if "augmentation" in line)
    assert line.split() == ["augmentation", "px", "-0.12", "-0.34", *[told] * 5, "-0.56"]


def test_the_table_and_the_plot_hold_every_measure(rng, tmp_path) -> None:
    found = judgement_of(rng, 40, 3)
    rows = compare_measures(found, [PeakHeight(), MapRadius("mm")])

    table = measure_table(rows, "mm", "Measures")
    draw_risk_coverage(found, tmp_path / "plot.png")

    assert [row[0] for row in table.rows] == ["peak", "map_radius mm"]
    assert [row[-1] for row in table.rows] == [f"{row.gain:.2f}" for row in rows]
    assert [row[3] for row in table.rows] == [f"{row.error:.3f}" for row in rows]
    pixels = np.asarray(Image.open(tmp_path / "plot.png").convert("RGB")).reshape(-1, 3)
    for color in [(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)]:
        assert (pixels == color).all(axis=1).sum() > 100
