from __future__ import annotations

import pytest
import torch

from monai_ext.engines import TrainOptions, labelled_images, train_model
from monai_ext.engines.validation import RadialErrorSummary, Validator
from monai_ext.landmarks import InputError
from monai_ext.models import load_network


@pytest.fixture
def train(tmp_path, blob_study, quick_protocol, monkeypatch):
    """Trains two epochs that validation finds to have the given errors; the result and the published weights."""

    def run(name: str, errors: list[float], **options: object):
        left = iter(errors)
        monkeypatch.setattr(Validator, "__call__", lambda self, network: RadialErrorSummary(next(left), "px"))
        chosen = TrainOptions(max_epochs=2, val_interval=1, **options)
        result = train_model(quick_protocol, labelled_images(blob_study)[:8], tmp_path / name, chosen)
        return result, load_network(tmp_path / name)[0].state_dict()

    return run


def same(a: dict, b: dict) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.slow
def test_the_last_weights_are_kept_where_the_last_are_asked_for(train) -> None:
    best, first = train("best", [1.0, 2.0])
    rising, second = train("rising", [2.0, 1.0])
    last, kept = train("last", [1.0, 2.0], keep="last")

    assert (best.val_error, rising.val_error, last.val_error) == (1.0, 1.0, 2.0)
    assert same(kept, second)
    assert not same(kept, first)


def test_a_patience_is_refused_where_the_last_weights_are_asked_for(tmp_path, blob_study, quick_protocol) -> None:
    with pytest.raises(InputError, match=r"\(--keep-last\) does not stop early: leave out the patience of 3, or"):
        train_model(
            quick_protocol, labelled_images(blob_study), tmp_path / "model", TrainOptions(keep="last", patience=3)
        )
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_an_epoch_has_the_steps_that_are_asked_for(train, monkeypatch) -> None:
    from monai_ext.engines.run import Run

    steps: list[int] = []
    after = Run._after_step
    monkeypatch.setattr(Run, "_after_step", lambda self, e: (steps.append(e.state.epoch), after(self, e))[1])

    train("steps", [1.0, 2.0], epoch_steps=5)

    assert steps == [1] * 5 + [2] * 5
