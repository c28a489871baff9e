"""The length of a training whose batches were halved when it was gone on with."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from engine_study import write_study

from monai_ext.engines import LabelledImage, TrainOptions, labelled_images, train_model
from monai_ext.engines.run import Run
from monai_ext.landmarks import Length

pytestmark = pytest.mark.slow

IMAGES = 54


@dataclass
class Trained:
    """The steps that were made, each with its epoch and its learning rate, and a stop after so many of them."""

    steps: list[tuple[int, float]] = field(default_factory=list)
    last: int = 10**9

    def stop(self) -> bool:
        return len(self.steps) >= self.last


@pytest.fixture
def trained(monkeypatch) -> Trained:
    made, after_step = Trained(), Run._after_step

    def note(run: Run, engine) -> None:
        made.steps.append((engine.state.epoch, run._parts.learning_rate))
        after_step(run, engine)

    monkeypatch.setattr(Run, "_after_step", note)
    return made


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> list[LabelledImage]:
    studies = write_study(tmp_path_factory.mktemp("many"), IMAGES + 4)
    ids = list(studies.images())
    studies.write_splits({id: "val" if k < 4 else "train" for k, id in enumerate(ids)})
    return labelled_images(studies)


def with_recipe(protocol, **fields):
    recipe = {"max_epochs": 40, "batch_size": 2, "val_interval": 2, "warmup": 0.05, **fields}
    return protocol.model_copy(update={"recipe": protocol.recipe.model_copy(update=recipe)})


def test_a_number_of_steps_is_kept_with_smaller_batches(trained, hungry, tmp_path, images, quick_protocol) -> None:
    protocol = with_recipe(quick_protocol, max_steps=104)
    assert protocol.recipe.length(IMAGES) == Length(4, 26)
    assert protocol.recipe.model_copy(update={"batch_size": 1}).length(IMAGES) == Length(2, 52)
    job = (protocol, images, tmp_path / "blobs", TrainOptions(seed=5))
    trained.last = 90  # in the last epoch
    assert train_model(*job, stop=trained.stop).stopped
    assert len(trained.steps) == 90
    hungry(largest=1)
    trained.last = 98  # stopped once more, with small batches
    assert train_model(*job, stop=trained.stop).stopped
    trained.last = 10**9

    result = train_model(*job)

    assert len(trained.steps) == 104
    assert [epoch for epoch, _ in trained.steps] == [1 + step // 26 for step in range(104)]
    rates = [rate for _, rate in trained.steps[10:]]
    assert rates == sorted(rates, reverse=True)
    assert max(a - b for a, b in itertools.pairwise(rates)) < 0.02 * quick_protocol.recipe.learning_rate
    assert (result.card.protocol.recipe.batch_size, result.epochs) == (1, 4)
    assert result.history[-1]["epoch"] == 4


def test_epochs_of_so_many_steps_keep_those_that_were_made(trained, hungry, tmp_path, images, quick_protocol) -> None:
    options = TrainOptions(max_epochs=2, epoch_steps=8, seed=5)
    job = (with_recipe(quick_protocol), images, tmp_path / "blobs", options)
    trained.last = 5
    train_model(*job, stop=trained.stop)
    hungry(largest=1)
    trained.last = 10**9

    train_model(*job)

    assert [epoch for epoch, _ in trained.steps] == [1] * 8 + [2] * 8


def test_a_pass_goes_on_after_the_images_that_were_used(trained, hungry, tmp_path, images, quick_protocol) -> None:
    job = (with_recipe(quick_protocol), images[:4] + images[-7:], tmp_path / "blobs", TrainOptions(max_epochs=2))
    trained.last = 2  # of three: seven images in batches of two
    train_model(*job, stop=trained.stop)
    hungry(largest=1)
    trained.last = 10**9

    train_model(*job)

    assert [epoch for epoch, _ in trained.steps] == [1, 1] + [1] * (7 - 2 * 7 // 3) + [2] * 7


def test_passes_that_end_before_the_steps_stay_passes(trained, hungry, tmp_path, images, quick_protocol) -> None:
    protocol = with_recipe(quick_protocol, max_epochs=2, max_steps=20)
    job = (protocol, images[:4] + images[-6:], tmp_path / "blobs", TrainOptions())
    trained.last = 4  # one pass of three, and one step
    train_model(*job, stop=trained.stop)
    hungry(largest=1)
    trained.last = 10**9

    train_model(*job)

    assert [epoch for epoch, _ in trained.steps] == [1, 1, 1, 2] + [2] * 4
