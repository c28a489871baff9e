"""The time that is left, by a clock of its own."""

from __future__ import annotations

import pytest
from work_clock import clock

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.engines.progress import Pace

__all__ = ["clock"]


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


@pytest.mark.slow
def test_a_run_tells_steps_epochs_and_the_time_left(tmp_path, clock, blob_study, quick_protocol) -> None:
    reports: list[dict] = []
    options = TrainOptions(max_epochs=5, batch_size=2, val_interval=2, device="cpu")

    train_model(
        quick_protocol,
        labelled_images(blob_study)[:8],
        tmp_path / "blobs",
        options,
        on_progress=reports.append,
        clock=clock,
    )

    made_of = {"max_steps": 15, "train_images": 7, "val_images": 1, "batch_size": 2, "device": "cpu"}
    assert all(made_of.items() <= report.items() for report in reports)
    assert (reports[0]["step"], reports[0]["complete_epochs"], reports[0]["seconds_left"]) == (0, 0, None)
    ends = {report["complete_epochs"]: report for report in reversed(reports)}  # the first of each
    assert [ends[i]["step"] for i in range(1, 6)] == [3, 6, 9, 12, 15]
    assert [ends[i]["val_epoch"] for i in range(1, 6)] == [None, 2, 2, 4, 5]
    # steps of 2 s are timed from the third to the eighth one on; a validation is one look of 0.5 s, the calibration too
    assert [ends[i]["seconds_left"] for i in range(1, 5)] == [None, None, 6 * 2 + 3 * 0.5, 3 * 2 + 2 * 0.5]
    assert (ends[5]["seconds_left"], reports[-1]["seconds_left"]) == (0.5, 0.0)
    assert [ends[i]["seconds"] for i in range(1, 5)] == [6, 12.5, 18.5, 25]
