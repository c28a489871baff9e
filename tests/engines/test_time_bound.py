"""Trainings that end within a number of minutes, by a clock that only the network's work moves."""

from __future__ import annotations

import pytest
from work_clock import WorkClock, clock

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.engines.job import run_signature
from monai_ext.engines.time_bound import Costs, PassCost, fit_length
from monai_ext.landmarks import InputError
from monai_ext.landmarks.recipe import Length

__all__ = ["clock"]


class AfterSteps:
    """A stop that is asked for after so many training steps."""

    def __init__(self, clock: WorkClock, steps: int) -> None:
        self._clock, self._steps = clock, steps

    def __call__(self) -> bool:
        return self._clock.steps >= self._steps


@pytest.mark.parametrize(
    ("marks", "begin", "batch"),
    [
        ([10.0, 13.0, 15.0, 17.0, 19.0], 1.0, 2.0),
        ([10.0], 0.0, 0.0),  # no batch
        ([10.0, 13.0, 13.0, 16.0, 19.0], 0.0, 3.0),  # two batches were ready together
        ([10.0, 14.0], 0.0, 4.0),
        ([0.0, 5.0, 6.0, 7.0], 4.0, 1.0),
    ],
)
def test_the_second_half_of_a_pass_says_what_a_batch_takes(marks, begin, batch) -> None:
    assert PassCost.from_marks(marks) == PassCost(begin, batch)


COSTS = Costs(PassCost(begin=1.0, batch=2.0), validation=10.0, calibration=20.0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        # an epoch of 12 steps takes 25 s; every fifth epoch and the last one are validated
        (20 + 10 + 25, Length(1, 12)),
        (20 + 10 + 24, Length(1, 11)),
        (20 + 10 + 1 + 2, Length(1, 1)),
        (20 + 10 + 1 + 1.9, None),
        (20 + 10 + 5 * 25, Length(5, 12)),
        (20 + 20 + 6 * 25 - 10, Length(6, 11)),  # 66 steps are more than the 60 of five epochs
        (20 + 20 + 6 * 25 - 26, Length(5, 12)),  # six epochs would have 9 steps each
        (20 + 60 + 30 * 25, Length(30, 12)),
        (1e9, Length(30, 12)),  # never longer than asked for
    ],
)
def test_the_longest_training_that_fits(seconds: float, expected: Length | None) -> None:
    found = fit_length(COSTS, seconds, Length(30, 12), val_interval=5)

    assert found == expected
    if found is not None:
        assert COSTS.seconds(found.epochs, found.epoch_steps, 5) <= seconds


OPTIONS = TrainOptions(max_epochs=30, batch_size=2, val_interval=5, seed=3, device="cpu", checkpoint_seconds=0)


@pytest.mark.slow
def test_a_run_has_the_steps_that_its_minutes_allow(tmp_path, clock, blob_study, quick_protocol) -> None:
    images = labelled_images(blob_study)[:8]  # 7 to train, 1 to validate: 3 steps an epoch, one look a validation
    reports: list[dict] = []

    result = train_model(
        quick_protocol,
        images,
        tmp_path / "blobs",
        OPTIONS.model_copy(update={"minutes": 1.4}),
        on_progress=reports.append,
        clock=clock,
    )

    # 84 s less the reserve are 79.8 s. A timed pass ends after two steps, above 1.68 s: 2 * 2 steps, 2 looks of
    # validation, 1 of calibration and 2 at changed images take 10.5 s. Of the other 69.3 s the calibration takes 0.5
    # and the 6 looks at images as they are and changed take 3; 10 epochs take 10 * 3 * 2 + 2 * 0.5 = 61 s, and 11
    # would take 67.5: 11 epochs of (65.8 - 1.5) // 22 = 2 steps have fewer steps.
    assert {report["max_epochs"] for report in reports} == {10}
    assert {report["max_steps"] for report in reports} == {30}
    assert result.epochs == 10
    assert [entry["epoch"] for entry in result.history] == [5, 10]
    assert clock.steps == 4 + 30
    assert clock.now - 1000 <= 84
    assert result.card.protocol.recipe.max_epochs == 10


def test_six_batches_are_timed_where_there_is_time_and_no_epoch_is_added(
    tmp_path, clock, blob_study, quick_protocol
) -> None:
    images = labelled_images(blob_study)[:8]
    options = OPTIONS.model_copy(update={"max_epochs": 2, "minutes": 20})

    result = train_model(quick_protocol, images, tmp_path / "blobs", options, clock=clock)

    assert result.epochs == 2
    assert clock.steps == 2 * 6 + 2 * 3


@pytest.mark.slow
def test_timing_leaves_no_trace_in_the_run(tmp_path, clock, blob_study, quick_protocol) -> None:
    images = labelled_images(blob_study)[:8]
    minutes = OPTIONS.model_copy(update={"minutes": 0.5})
    # 28.5 s less 10.5 s of timing and 3.5 s of what follows: 14.5 s. 2 epochs take 12.5 s, 3 of 2 steps have no more
    plain = OPTIONS.model_copy(update={"max_epochs": 2})

    bounded = train_model(quick_protocol, images, tmp_path / "bounded", minutes, clock=clock)
    same = train_model(quick_protocol, images, tmp_path / "same", plain)

    assert bounded.epochs == 2
    assert bounded.history == same.history
    assert bounded.card.sha256 == same.card.sha256


@pytest.mark.slow
def test_a_stopped_run_keeps_its_length_on_a_machine_of_another_pace(tmp_path, clock, blob_study, quick_protocol):
    images = labelled_images(blob_study)[:8]
    options = OPTIONS.model_copy(update={"minutes": 1.35})
    whole = train_model(quick_protocol, images, tmp_path / "whole", options, clock=clock)
    job = (quick_protocol, images, tmp_path / "broken", options)
    clock.steps = 0

    first = train_model(*job, clock=clock, stop=AfterSteps(clock, 4 + 10))
    clock.now += 1e6
    before = clock.steps
    second = train_model(*job, clock=clock)

    assert first.stopped
    assert "epoch 4 of 10" in first.reason
    assert clock.steps - before == 30 - 10  # nothing is timed again
    assert second.history == whole.history
    assert second.card.sha256 == whole.card.sha256


def test_a_stop_while_the_first_steps_are_timed(tmp_path, clock, blob_study, quick_protocol) -> None:
    images = labelled_images(blob_study)[:8]
    options = OPTIONS.model_copy(update={"minutes": 1.25})

    result = train_model(quick_protocol, images, tmp_path / "blobs", options, clock=clock, stop=AfterSteps(clock, 3))

    assert (result.stopped, result.epochs, clock.steps) == (True, 0, 3)
    assert result.reason == "Training was stopped before its first step."
    assert not (tmp_path / "blobs/.training").exists()


def test_minutes_that_allow_no_step_are_refused(tmp_path, clock, blob_study, quick_protocol) -> None:
    images = labelled_images(blob_study)[:8]
    options = OPTIONS.model_copy(update={"minutes": 0.2})

    # 10.5 s of timing, a step, a validation and what follows are 16.5 s, and 5 % of the time are kept: 0.29 minutes
    with pytest.raises(InputError, match=r"^0\.2 minutes are too few: .* takes 0\.3 minutes here; give more"):
        train_model(quick_protocol, images, tmp_path / "blobs", options, clock=clock)


def test_other_minutes_are_another_training(tmp_path, blob_study, quick_protocol) -> None:
    images = labelled_images(blob_study)[:3]
    signatures = {run_signature(quick_protocol, images, 0, None, minutes) for minutes in (None, 1.0, 2.0)}

    assert len(signatures) == 3
