"""Matching with labelled images: exact geometry on pictures that are seen otherwise, and silence where nothing fits."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from texture import SIZE, texture, view, write_case, write_picture

from monai_ext.images import read_frame
from monai_ext.inferers.first_labels import MOST, FeatureEncoder, FileMatcher, FirstLabels
from monai_ext.inferers.first_labels.shape import common_shape, fit_similarity
from monai_ext.landmarks import InputError, Landmarks, Protocol, Status
from monai_ext.landmarks.geometry import flip_matrix, transform_points
from monai_ext.landmarks.markups import write_markups

PLACES = np.array([[120.0, 90.0], [230.3, 110.0], [330.0, 95.7], [150.0, 250.0], [260.0, 280.2], [370.0, 230.0]])
#: Pixels that a landmark may be off where the picture is only shifted, and where it is turned and scaled.
SAME_VIEW, OTHER_VIEW = 1.0, 2.5


@cache
def matcher(count: int = len(PLACES), *, flip: float = 0.0, channels: str = "grey") -> FileMatcher:
    return FileMatcher(protocol(count, flip=flip, channels=channels))


def protocol(count: int = len(PLACES), *, flip: float = 0.0, channels: str = "grey") -> Protocol:
    """Landmarks p0, p1, ..., of which the first two are left/right partners."""
    marks = [{"name": f"p{k}", "description": "a place"} for k in range(count)]
    if count > 1:
        marks[0]["pair"], marks[1]["pair"] = "p1", "p0"
    document = {"name": "places", "title": "Places", "channels": channels, "landmarks": marks}
    document |= {"network": {"name": "heatmap_net", "input_size": {"width": 384, "height": 288}}}
    return Protocol.model_validate(document | {"recipe": {"augmentation": {"flip": flip}}})


class Case:
    """A matcher with its labelled images; more are written as they are needed."""

    def __init__(self, folder: Path, matcher: FileMatcher) -> None:
        self.folder, self.task, self.matcher = folder, matcher.protocol, matcher
        self.views = []
        self.count = 0

    def write(self, picture, matrix, status=None):
        self.count += 1
        places = PLACES[: len(self.task.landmark_names)]
        name = f"image_{self.count}"
        return write_case(self.folder, name, picture, places, matrix, self.task.landmark_names, status)

    def label(self, picture, matrix, status=None) -> None:
        image, label, _ = self.write(picture, matrix, status)
        self.views.append(self.matcher.labelled(image, label))

    def propose(self, image: Path):
        return self.matcher.propose(self.matcher.first_labels(self.views), image)

    def errors(self, picture, matrix):
        """Pixels by which each landmark is missed, and the proposal."""
        image, _, truth = self.write(picture, matrix)
        found, proposal = self.propose(image)
        assert found.frame.size == SIZE
        return found.points - truth, found, proposal


@pytest.fixture
def make_case(tmp_path: Path):
    return lambda *args, **kwargs: Case(tmp_path, matcher(*args, **kwargs))


@pytest.mark.parametrize("count", [6, 2, 1])
def test_a_picture_that_moved_is_followed_without_bias(make_case, count: int) -> None:
    case = make_case(count)
    case.label(texture(0), np.eye(3))
    offsets = []
    for shift in [(0.0, 0.0), (7.3, -5.6), (-11.0, 4.5), (20.25, 13.0)]:
        error, found, proposal = case.errors(texture(0), view(0, 1, shift))
        assert np.linalg.norm(error, axis=1).max() < SAME_VIEW
        assert proposal.holds
        assert found.defined.all()
        offsets.append(error.mean(0))
    assert np.abs(np.mean(offsets, axis=0)).max() < 0.3  # half a pixel of the image would be a bias


@pytest.mark.parametrize(("degrees", "factor", "shift"), [(8, 1.0, (5, -9)), (-6, 1.12, (0, 0)), (12, 0.9, (20, 10))])
def test_a_picture_that_is_turned_and_scaled_is_followed(make_case, degrees, factor, shift) -> None:
    case = make_case()
    case.label(texture(1), np.eye(3))
    error, _, proposal = case.errors(texture(1), view(degrees, factor, shift))
    assert np.linalg.norm(error, axis=1).max() < OTHER_VIEW
    assert proposal.holds
    assert proposal.returned == 1.0
    assert bool(((proposal.confidence > 0.4) & (proposal.confidence <= 1)).all())


def test_colour_images_are_matched(make_case) -> None:
    case = make_case(channels="rgb")
    case.label(texture(2, 3), np.eye(3))
    error, _, proposal = case.errors(texture(2, 3), view(-7, 1.05, (6, 3)))
    assert np.linalg.norm(error, axis=1).max() < OTHER_VIEW
    assert proposal.holds


@pytest.mark.parametrize("count", [6, 2, 1])
def test_another_picture_gets_no_answer(make_case, count: int) -> None:
    case = make_case(count)
    case.label(texture(0), np.eye(3))
    for seed in range(10, 14):
        assert not case.propose(write_picture(case.folder / f"{seed}.png", texture(seed)))[1].holds
    assert not case.propose(write_picture(case.folder / "grey.png", torch.full((1, *SIZE[::-1]), 90.0)))[1].holds


def test_a_landmark_that_one_label_lacks_is_taken_from_the_other(make_case) -> None:
    case = make_case()
    case.label(texture(3), np.eye(3), [1, 1, -1, 0, 0, 1])
    case.label(texture(3), view(4, 1.0, (3, 2)), [1, -1, 1, 0, 1, 1])
    error, found, _ = case.errors(texture(3), view(-5, 1.04, (8, 8)))
    words = [Status(code).word for code in found.status]
    assert words == ["defined", "defined", "defined", "missing", "defined", "defined"]
    assert np.linalg.norm(error[found.defined], axis=1).max() < OTHER_VIEW
    assert np.isnan(found.points[3]).all()
    assert np.isnan(found.confidence[3])


def test_a_landmark_that_no_label_tells_of_stays_undefined(make_case) -> None:
    case = make_case()
    case.label(texture(3), np.eye(3), [1, 1, 1, -1, 1, 1])
    _, found, _ = case.errors(texture(3), np.eye(3))
    assert found.status.tolist() == [1, 1, 1, -1, 1, 1]


def test_a_mirror_image_is_matched_only_where_the_protocol_flips_and_partners_change_sides(make_case) -> None:
    mirror = flip_matrix(SIZE[0])
    swapped = PLACES[[1, 0, 2, 3, 4, 5]]
    expected = np.asarray(transform_points(mirror, swapped))
    for flip in (0.5, 0.0):
        case = make_case(flip=flip)
        case.label(texture(4), np.eye(3))
        image = write_picture(case.folder / "mirrored.png", texture(4).flip(-1))
        found, proposal = case.propose(image)
        error = np.linalg.norm(found.points - expected, axis=1)
        assert proposal.holds == (flip > 0)
        assert (error.max() < SAME_VIEW) == (flip > 0)


def test_a_mirror_image_lacks_the_partner_of_what_the_label_lacks(make_case) -> None:
    case = make_case(flip=0.5)
    case.label(texture(4), np.eye(3), [1, -1, 1, 1, 0, 1])
    found, proposal = case.propose(write_picture(case.folder / "mirrored.png", texture(4).flip(-1)))
    assert found.status.tolist() == [-1, 1, 1, 1, 0, 1]
    assert proposal.holds
    expected = np.asarray(transform_points(flip_matrix(SIZE[0]), PLACES[0]))
    assert np.linalg.norm(found.point("p1") - expected) < SAME_VIEW


def test_labels_of_both_sides_serve_either_side(make_case) -> None:
    case = make_case(flip=0.5)
    for number, side in enumerate((texture(5), texture(5).flip(-1), texture(5))):
        image = write_picture(case.folder / f"side_{number}.png", side)
        mirrored = np.asarray(transform_points(flip_matrix(SIZE[0]), PLACES[[1, 0, 2, 3, 4, 5]]))
        places = mirrored if number == 1 else PLACES
        label = case.folder / f"side_{number}.mrk.json"
        write_markups(label, Landmarks(case.task.landmark_names, places, read_frame(image)))
        case.views.append(case.matcher.labelled(image, label))
    first = case.matcher.first_labels(case.views)
    left_out = first.leave_one_out()
    assert left_out is not None
    assert left_out.matched < SAME_VIEW
    assert left_out.placed > 20
    error, _, _ = case.errors(texture(5), view(3, 1.0, (4, 4)))
    assert np.linalg.norm(error, axis=1).max() < OTHER_VIEW


def test_labels_that_do_not_find_each_other_are_worse_than_where_they_lie_in_the_mean(make_case) -> None:
    case = make_case()
    for seed in (20, 21, 22):  # other pictures, the points at the same places
        case.label(texture(seed), np.eye(3))
    left_out = case.matcher.first_labels(case.views).leave_one_out()
    assert left_out is not None
    assert left_out.placed == pytest.approx(0, abs=1e-4)
    assert left_out.matched > 5
    assert case.matcher.first_labels(case.views[:1]).leave_one_out() is None


def test_points_stay_in_the_image_beside_which_the_input_is_filled_up(tmp_path: Path) -> None:
    case = Case(tmp_path, matcher(1))  # 384 x 288 of a 500 x 390 image: bars on both sides
    image = write_picture(tmp_path / "a.png", texture(0))
    label = tmp_path / "a.mrk.json"
    write_markups(label, Landmarks(("p0",), [[2.0, 200.0]], read_frame(image)))
    case.views.append(case.matcher.labelled(image, label))
    found, _ = case.propose(write_picture(tmp_path / "b.png", texture(0).roll(-60, -1)))
    assert (found.points >= 0).all()
    assert (found.points <= np.array(SIZE) - 1).all()


def test_too_many_labels_and_none_with_a_point_are_refused(make_case) -> None:
    case = make_case(1)
    case.label(texture(0), np.eye(3), [0])
    with pytest.raises(InputError, match="None of the labelled images has a placed point: place one"):
        case.matcher.first_labels(case.views)
    with pytest.raises(InputError, match=f"1 to {MOST} labelled images, not {MOST + 1}"):
        FirstLabels([case.views[0]] * (MOST + 1), [0])


def test_a_similarity_is_found_exactly_and_mirrors_nothing() -> None:
    source = torch.from_numpy(PLACES)
    matrix = torch.from_numpy(view(25, 1.3, (7, -3)))
    target = transform_points(matrix, source)
    turn, offset = fit_similarity(source, target, torch.tensor([1.0, 2.0, 1.0, 0.5, 1.0, 1.0]).double())
    torch.testing.assert_close(turn, matrix[:2, :2])
    torch.testing.assert_close(offset, matrix[:2, 2])
    across = source * torch.tensor([-1.0, 1.0]).double()
    turn, _ = fit_similarity(source, across, torch.ones(6).double())
    assert float(torch.linalg.det(turn)) >= 0


def test_the_common_shape_of_turned_shapes_is_the_shape_itself() -> None:
    source = torch.from_numpy(PLACES)
    other = transform_points(torch.from_numpy(view(10, 1.2, (30, 0))), source)
    known = torch.tensor([True, True, True, True, True, False])
    shape = common_shape([source, other], [torch.ones(6, dtype=torch.bool), known])
    turn, offset = fit_similarity(source, shape, torch.ones(6).double())
    torch.testing.assert_close(source @ turn.T + offset, shape)


def test_what_a_cell_sees_is_centred_in_it() -> None:
    encoder = FeatureEncoder(1)._encoder
    draw = torch.Generator().manual_seed(0)
    for index, stride, tolerance in ((2, 8, 2.0), (3, 16, 4.0)):
        offsets = []
        for _ in range(8):
            image = (0.5 * texture(int(torch.randint(1000, (1,), generator=draw)), 1, (256, 256))[None] - 60) / 60
            image.requires_grad_()
            maps = encoder(image)[index][0]
            middle = maps.shape[-1] // 2
            weights = torch.randn(len(maps), generator=draw)
            (seen,) = torch.autograd.grad((weights * maps[:, middle, middle]).sum(), image)
            power = seen[0, 0].square()
            pixels = torch.arange(256.0)
            centre = torch.stack([(power.sum(0) * pixels).sum(), (power.sum(1) * pixels).sum()]) / power.sum()
            offsets.append(centre - ((middle + 0.5) * stride - 0.5))
        assert float(torch.stack(offsets).mean(0).abs().max()) < tolerance
