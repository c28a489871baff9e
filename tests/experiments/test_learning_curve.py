from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from monai_ext.experiments import curve_table, draw_curves, learning_curves, reference_error
from monai_ext.landmarks import InputError


def document(strategy: str, labels: int, seed: int, error: float) -> dict:
    return {"strategy": strategy, "labels": labels, "seed": seed, "error": error, "unit": "mm"}


DOCUMENTS = [
    document("initial", 10, 0, 9.0),
    document("initial", 10, 1, 11.0),
    document("random", 20, 1, 6.0),
    document("random", 20, 0, 8.0),
    document("random", 30, 0, 4.0),
    document("random", 30, 1, 6.0),
    document("hybrid", 20, 0, 5.5),
    document("hybrid", 20, 1, 6.5),
    document("hybrid", 30, 0, 4.0),
]


@pytest.fixture
def curves():
    return learning_curves(DOCUMENTS, ("random", "hybrid", "diversity"))


def test_curves_begin_with_the_shared_labels_and_count_the_seeds_that_are_finished(curves) -> None:
    random, hybrid, diversity = curves

    assert [(p.labels, p.mean, dict(p.errors)) for p in random.points] == [
        (10, 10, {0: 9, 1: 11}),
        (20, 7, {0: 8, 1: 6}),
        (30, 5, {0: 4, 1: 6}),
    ]
    assert [p.sd for p in hybrid.points] == pytest.approx([np.sqrt(2), np.sqrt(0.5), 0])
    assert [p.labels for p in diversity.points] == [10]
    assert random.to_dict()["points"][2] == {"labels": 30, "mean": 5, "sd": np.sqrt(2), "seeds": {"0": 4, "1": 6}}
    assert random.unit == "mm"


def test_labels_are_counted_between_rounds(curves) -> None:
    random, hybrid, diversity = curves

    assert reference_error(curves) == 5
    assert random.labels_for(5) == 30
    assert hybrid.labels_for(5) == pytest.approx(25)
    assert hybrid.labels_for(10) == 10
    assert hybrid.labels_for(8) == pytest.approx(15)
    assert diversity.labels_for(5) is None
    assert reference_error(curves[1:]) is None


def test_the_first_time_counts_also_where_the_error_rises_again() -> None:
    errors = [(10, 9.0), (20, 4.0), (30, 6.0), (40, 3.0)]
    (curve,) = learning_curves([document("random", n, 0, e) for n, e in errors], ("random",))

    assert curve.labels_for(5) == pytest.approx(18)


def test_the_table_has_an_error_for_each_number_of_labels(curves) -> None:
    table = curve_table(curves)

    assert table.headings == ["strategy", "10 labels, mm", "20 labels, mm", "30 labels, mm", "labels for 5.00 mm"]
    assert table.rows == [
        ["random", "10.00 ± 1.41", "7.00 ± 1.41", "5.00 ± 1.41", "30"],
        ["hybrid", "10.00 ± 1.41", "6.00 ± 0.71", "4.00", "25"],
        ["diversity", "10.00 ± 1.41", "–", "–", "more than 30"],
    ]
    assert len(curve_table(curves[1:]).headings) == 4


def test_the_plot_shows_every_strategy(tmp_path, curves) -> None:
    draw_curves(curves[:2], tmp_path / "plot.png")

    pixels = np.asarray(Image.open(tmp_path / "plot.png").convert("RGB")).reshape(-1, 3)
    for color in [(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)]:
        assert (pixels == color).all(axis=1).sum() > 100
    with pytest.raises(InputError, match="no cell is finished"):
        draw_curves([], tmp_path / "none.png")
