"""Disagreement: of views, of passes with dropout, of models and of stages, all with networks whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from active_case import LeftAndRight, predictions_of, predictor_of, protocol_of, write_spots
from torch import nn

from monai_ext.active import Observer, find_measure
from monai_ext.active.measures import Disagreement, StageDistance, scatter
from monai_ext.active.observer import View, dropout_layers, dropping, load_batch, seen_through, views_of
from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError, Protocol
from monai_ext.networks import HeatmapOutput, RoiFrame, Stage, build_network

#: Twice the network input, and taller: columns of the letterbox lie beside it.
SIZE = (170, 130)
POINTS = np.array([[[52.0, 31.0], [118.0, 99.0]], [[60.0, 90.0], [131.0, 44.0]]])


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spots")
    return [write_spots(folder / f"{i}.png", POINTS[i], SIZE, 5.0) for i in range(2)]


def observer_of(protocol, *networks: nn.Module, sources=(), **options) -> Observer:
    return Observer([predictor_of(network, protocol) for network in networks], sources, **options)


@pytest.mark.parametrize(
    "view",
    [View(), View(flip=True), View(rotation=5), View(rotation=-5), View(scale=1.05), View(4, 0.95, flip=True)],
)
def test_points_of_every_view_come_back_to_where_they_were(paths, view) -> None:
    protocol = protocol_of(("left", "right"), pairs=True)
    predictor = predictor_of(LeftAndRight(), protocol)
    batch = load_batch(paths, protocol, torch.device("cpu"))

    found = seen_through(view, predictor, batch).numpy()

    assert np.abs(found - POINTS).max() < 0.1


def test_a_flip_moves_no_point_and_swaps_by_name(paths) -> None:
    protocol = protocol_of(("left", "right"), pairs=True)
    unpaired = protocol_of(("left", "right"))
    batch = load_batch(paths, protocol, torch.device("cpu"))
    plain, flipped = (
        seen_through(view, predictor_of(LeftAndRight(), protocol), batch) for view in (View(), View(flip=True))
    )

    swapped = seen_through(View(flip=True), predictor_of(LeftAndRight(), unpaired), batch)

    torch.testing.assert_close(flipped, plain, atol=2e-3, rtol=0)
    torch.testing.assert_close(swapped, plain.flip(1), atol=2e-3, rtol=0)


@pytest.mark.parametrize("width", [96, 97])
def test_a_network_that_sees_halves_finds_the_same_in_a_mirror(paths, width) -> None:
    network = {"input_size": {"width": width, "height": 64}, "halves": True, "presence": True, "backbone": "resnet10"}
    landmarks = [{"name": n, "description": n, "pair": p} for n, p in (("left", "right"), ("right", "left"))]
    document = {"name": "halved", "title": "Halved", "channels": "grey", "landmarks": landmarks, "network": network}
    protocol = Protocol.model_validate(document)
    torch.manual_seed(0)
    predictor = predictor_of(build_network(protocol), protocol)
    batch = load_batch(paths, protocol, torch.device("cpu"))

    plain, flipped = (seen_through(view, predictor, batch) for view in (View(), View(flip=True)))

    torch.testing.assert_close(flipped, plain, atol=1e-3, rtol=0)
    assert plain.std() > 1


def test_a_view_is_the_image_moved_by_its_matrix() -> None:
    view = View(rotation=5, scale=1.05, flip=True)
    x, y = np.meshgrid(np.arange(90), np.arange(60))
    spot = np.exp(-((x - 30.0) ** 2 + (y - 41.0) ** 2) / 18)

    drawn = view.draw(torch.from_numpy(np.stack([spot, 2 * spot])).float()[:, None])

    place = (view.matrix(90, 60) @ [30.0, 41.0, 1])[:2]
    assert drawn.shape == (2, 1, 60, 90)
    for image in drawn[:, 0].numpy():
        centre = [(image * x).sum() / image.sum(), (image * y).sum() / image.sum()]
        assert centre == pytest.approx(place, abs=0.02)
    assert float(drawn[1].max()) == pytest.approx(2 * float(drawn[0].max()))


def test_a_view_turns_clockwise_about_the_centre_and_flips_last() -> None:
    matrix = View(rotation=30, scale=1.5, flip=True).matrix(90, 60)

    def expected(x: float, y: float) -> list[float]:
        angle = np.radians(30)
        dx, dy = 1.5 * (x - 44.5), 1.5 * (y - 29.5)
        return [
            89 - (44.5 + dx * np.cos(angle) - dy * np.sin(angle)),
            29.5 + dx * np.sin(angle) + dy * np.cos(angle),
            1,
        ]

    for point in ((44.5, 29.5), (0.0, 0.0), (80.0, 11.0)):
        assert (matrix @ [*point, 1]).tolist() == pytest.approx(expected(*point))


def test_views_are_those_that_training_has() -> None:
    none = {"rotation": 0, "scale": 0, "flip": 0}
    assert views_of(protocol_of(augmentation=none)) == (View(),)
    assert views_of(protocol_of(augmentation={**none, "flip": 0.5})) == (View(), View(flip=True))
    assert views_of(protocol_of(augmentation={**none, "rotation": 3})) == (View(), View(-3), View(3))
    assert len(views_of(protocol_of(augmentation={"flip": 0.5}))) == 6


def test_views_of_a_network_that_follows_them_agree(paths) -> None:
    paired = protocol_of(("left", "right"), pairs=True, augmentation={"flip": 0.5})
    names_alone = protocol_of(("left", "right"), augmentation={"flip": 0.5})

    agreed, swapped = (
        Disagreement("augmentation").compute(observer_of(p, LeftAndRight(), sources=["augmentation"]).observe(paths))
        for p in (paired, names_alone)
    )

    assert float(agreed.max()) < 0.1
    # five views see the one spot and the flipped view the other
    far = np.linalg.norm(POINTS[:, 0] - POINTS[:, 1], axis=-1)
    expected = far * np.sqrt(5) / 6
    np.testing.assert_allclose(swapped.numpy(), np.stack([expected, expected], 1), rtol=0.01)


def test_the_scatter_is_the_root_mean_squared_distance_from_the_mean(rng) -> None:
    samples = rng.standard_normal((7, 3, 19, 2)) * [3, 1]

    found = scatter(torch.from_numpy(samples)).numpy()

    for b in range(3):
        for k in range(19):
            centre = samples[:, b, k].mean(0)
            expected = np.sqrt(np.mean([np.sum((p - centre) ** 2) for p in samples[:, b, k]]))
            assert found[b, k] == pytest.approx(expected)


def test_millimetres_weigh_each_axis() -> None:
    seen = predictions_of(torch.rand(1, 1, 4, 4), spacing=(0.5, 0.25))
    samples = torch.tensor([[[[0.0, 0.0]]], [[[6.0, 16.0]]]], dtype=torch.float64)

    found = Disagreement("ensemble", "mm").compute(seen._replace(samples={"ensemble": samples}))

    assert float(found) == pytest.approx(np.hypot(3, 4) / 2)


def test_models_of_an_ensemble_disagree_by_their_distance(paths) -> None:
    protocol = protocol_of(("left", "right"))
    # a cell of the input of 96 x 64 is 130 / 64 pixels of the image
    found = observer_of(protocol, LeftAndRight(), LeftAndRight(shift=3), sources=["ensemble"]).observe(paths)

    np.testing.assert_allclose(Disagreement("ensemble").compute(found).numpy(), 1.5 * 130 / 64, rtol=1e-3)
    np.testing.assert_allclose(found.points.numpy(), POINTS, atol=0.1)


def test_models_of_another_input_size_prepare_images_their_own_way(paths) -> None:
    small, large = (
        predictor_of(LeftAndRight(), protocol_of(("left", "right"), size=size)) for size in ((96, 64), (128, 96))
    )

    found = Observer([small, large], ["ensemble"]).observe(paths)

    assert float(Disagreement("ensemble").compute(found).max()) < 0.1


class Dropper(nn.Module):
    """Draws a peak at the first of ten cells that is not dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.idle = nn.Dropout2d(0.0)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, image: torch.Tensor) -> HeatmapOutput:
        self.norm(image)
        kept = self.drop(torch.ones(len(image), 2, 10, device=image.device)) > 0
        first = kept.float().argmax(-1)
        maps = torch.zeros(len(image), 2, 20, 30)
        return HeatmapOutput(maps.scatter(3, (first[..., None, None] * 2 + 4).expand(-1, -1, 20, 1), 1.0))


def test_dropout_disagrees_by_chance_from_a_seed_and_leaves_the_network_as_it_was(paths) -> None:
    protocol, network = protocol_of(("left", "right")), Dropper().eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()

    first, again, other = (
        observer_of(protocol, network, sources=["dropout"], seed=seed).observe(paths).samples["dropout"]
        for seed in (1, 1, 2)
    )

    assert first.shape == (10, 2, 2, 2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len(first.unique()) > 3
    assert not any(module.training for module in network.modules())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert dropout_layers(network) == [network.drop]


def test_dropout_ends_also_where_a_pass_fails() -> None:
    network = Dropper().eval()
    modes = []

    def fail() -> None:
        with dropping(network, 0, torch.device("cpu")):
            modes.extend([network.drop.training, network.norm.training])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert modes == [True, False]
    assert not network.drop.training


class TwoStages(nn.Module):
    """A coarse answer in cells of 4 pixels, and a fine one of 1 pixel that lies 6 pixels further right."""

    def forward(self, image: torch.Tensor) -> HeatmapOutput:
        coarse, fine = torch.zeros(len(image), 2, 16, 24), torch.zeros(len(image), 2, 64, 96)
        coarse[:, :, 8, 10] = 1  # at the pixel (41.5, 33.5)
        fine[:, 0, 33, 47] = 1
        fine[:, 1, 34, 41] = 1
        return _Staged(coarse, fine)


class _Staged:
    presence = None

    def __init__(self, coarse: torch.Tensor, fine: torch.Tensor) -> None:
        self.stages = (
            Stage("coarse", coarse, RoiFrame(torch.zeros(2), 4.0)),
            Stage("fine", fine, RoiFrame(torch.zeros(2), 1.0)),
        )


def test_the_distance_of_stages_is_in_original_pixels(paths) -> None:
    found = observer_of(protocol_of(("left", "right")), TwoStages()).observe(paths)

    moved = np.hypot([5.5, 0.5], [0.5, 0.5]) * 130 / 64
    np.testing.assert_allclose(StageDistance().compute(found).numpy(), np.stack([moved, moved]), rtol=1e-5)


def test_what_is_lacking_is_said() -> None:
    seen = predictions_of(torch.rand(1, 1, 4, 4))
    with pytest.raises(InputError, match="augmentation needs at least two passes over an image, not 0"):
        Disagreement("augmentation").compute(seen)
    with pytest.raises(InputError, match="this one has one"):
        StageDistance().compute(seen)
    with pytest.raises(InputError, match="no dropout layer"):
        observer_of(protocol_of(), LeftAndRight(), sources=["dropout"])
    with pytest.raises(InputError, match="same landmarks in the same order"):
        Observer([predictor_of(LeftAndRight(), protocol_of((name,))) for name in "ab"])
    with pytest.raises(InputError, match="not 0 and 4"):
        Observer([])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("stages", "as its network has one stage: use one of peak, entropy, peak_radius, map_radius"),
        ("augmentation", "trains without flips, rotations and scales"),
        ("dropout", "its network has no dropout layer"),
        ("ensemble", "there is one model"),
        ("luck", "no measure of uncertainty 'luck': use one of peak"),
    ],
)
def test_measures_that_a_model_cannot_have_are_refused(name, sentence) -> None:
    protocol = protocol_of(augmentation={"rotation": 0, "scale": 0})
    with pytest.raises(InputError, match=sentence):
        find_measure(name, protocol, LeftAndRight())


def test_images_are_seen_in_batches_with_the_same_result(paths) -> None:
    protocol = protocol_of(("left", "right"), augmentation={"flip": 0.5})
    whole = observer_of(protocol, LeftAndRight(), sources=["augmentation"], features=True).observe(paths)

    parts = list(observer_of(protocol, LeftAndRight(), sources=["augmentation"], features=True, batch_size=1)(paths))

    assert [len(part.points) for part in parts] == [1, 1]
    torch.testing.assert_close(torch.cat([p.points for p in parts]), whole.points)
    torch.testing.assert_close(torch.cat([p.samples["augmentation"] for p in parts], 1), whole.samples["augmentation"])
    torch.testing.assert_close(torch.cat([p.features for p in parts]), whole.features)


def test_the_answer_is_that_of_the_predictor(paths) -> None:
    predictor: Predictor = predictor_of(LeftAndRight(), protocol_of(("left", "right")))

    found = Observer([predictor]).observe(paths)

    for i, path in enumerate(paths):
        np.testing.assert_allclose(found.points[i].numpy(), predictor.predict(path).points, atol=1e-9)
    assert found.presence is None
    assert found.features is None
    assert not found.calibrated.any()
