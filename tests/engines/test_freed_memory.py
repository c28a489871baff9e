"""A training leaves nothing in memory: the process that trains may be a server that lives on."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from torch import nn

from monai_ext.engines import TrainOptions, labelled_images, train, train_model

OPTIONS = TrainOptions(max_epochs=1, batch_size=4, val_interval=1, checkpoint_seconds=0)


@pytest.fixture
def built(monkeypatch) -> Iterator[list[weakref.ref[nn.Module]]]:
    """The networks that trainings build, none of them kept alive, while no garbage is searched for unasked."""
    networks: list[weakref.ref[nn.Module]] = []
    build = train.build_network

    def build_noted(protocol):
        network = build(protocol)
        networks.append(weakref.ref(network))
        return network

    monkeypatch.setattr(train, "build_network", build_noted)
    gc.disable()
    yield networks
    gc.enable()


def test_the_network_is_freed_when_its_training_ends(built, tmp_path, blob_study, quick_protocol) -> None:
    result = train_model(quick_protocol, labelled_images(blob_study)[:9], tmp_path / "blobs", OPTIONS)

    assert result.card is not None
    assert [network() for network in built] == [None]
