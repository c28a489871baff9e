"""The time that is left, by a clock of its own."""

from __future__ import annotations

import pytest

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.engines.pace import Pace


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def test_the_first_steps_do_not_count_and_validations_are_apart() -> None:
    clock = Clock()
    pace = Pace(clock, begun=20.0)
    for seconds in (60, 30, 10, 2, 2, 2, 2):
        clock.now += seconds
        pace.add_step()
        assert pace.seconds_left(10, 2, 4) is None

    clock.now += 2
    pace.add_step()
    assert pace.seconds_left(10, 2, 4) == 10 * 2 + 2 * 4 * 2  # a batch is taken for a step until one is timed

    with pace.validating():
        clock.now += 100
    clock.now += 2
    pace.add_step()
    assert pace.seconds_left(10, 2, 4) == 10 * 2 + 2 * 100
    assert pace.seconds == clock.now - 20


def test_an_estimate_follows_the_latest_two_hundred_steps() -> None:
    clock = Clock()
    pace = Pace(clock)
    for seconds in [5] * 50 + [1] * 200:
        clock.now += seconds
        pace.add_step()

    assert pace.seconds_left(7, 0, 0) == pytest.approx(7)


def test_a_run_tells_steps_epochs_and_the_time_left(tmp_path, blob_study, blob_protocol) -> None:
    reports: list[dict] = []
    options = TrainOptions(max_epochs=5, batch_size=2, val_interval=2, device="cpu")
    ticks = iter(range(10**6))

    train_model(
        blob_protocol,
        labelled_images(blob_study)[:8],
        tmp_path / "blobs",
        options,
        on_progress=reports.append,
        clock=lambda: float(next(ticks)),
    )

    made_of = {"max_steps": 15, "train_images": 6, "val_images": 2, "batch_size": 2, "device": "cpu"}
    assert all(made_of.items() <= report.items() for report in reports)
    assert (reports[0]["step"], reports[0]["complete_epochs"], reports[0]["seconds_left"]) == (0, 0, None)
    ends = {report["complete_epochs"]: report for report in reports}
    assert [ends[i]["step"] for i in range(1, 6)] == [3, 6, 9, 12, 15]
    assert [ends[i]["val_epoch"] for i in range(1, 6)] == [None, 2, 2, 4, 5]
    assert reports[-1]["seconds_left"] == 0
    left = [report["seconds_left"] for report in reports if report["step"] >= 9]
    assert all(value is not None for value in left)
    assert left == sorted(left, reverse=True)
