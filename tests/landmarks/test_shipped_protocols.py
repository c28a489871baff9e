from __future__ import annotations

import re

import pytest

from monai_ext.landmarks import Frame, InputError, Landmarks, find_protocol, read_label, read_protocols, write_markups
from monai_ext.landmarks.protocol_file import shipped_dir

ISBI_ORDER = [
    "sella",
    "nasion",
    "orbitale",
    "porion",
    "A_subspinale",
    "B_supramentale",
    "pogonion",
    "menton",
    "gnathion",
    "gonion",
    "lower_incisor",
    "upper_incisor",
    "upper_lip",
    "lower_lip",
    "subnasale",
    "soft_pogonion",
    "PNS",
    "ANS",
    "articulare",
]


def test_four_protocols_ship_under_their_own_file_names():
    shipped = read_protocols([shipped_dir("protocols")])
    assert sorted(shipped) == ["cephalometric", "face", "fundus", "scleral_spur"]
    for name in shipped:
        assert (shipped_dir("protocols") / f"{name}.yaml").is_file()


@pytest.mark.parametrize(
    ("name", "channels", "count", "size", "flip"),
    [
        ("fundus", "rgb", 2, (160, 160), 0.5),
        ("scleral_spur", "grey", 2, (640, 320), 0.5),
        ("face", "rgb", 14, (480, 480), 0.5),
        ("cephalometric", "grey", 19, (320, 384), 0.0),
    ],
)
def test_size_of_the_task(name, channels, count, size, flip):
    protocol = find_protocol(name)
    assert protocol.channels == channels
    assert len(protocol.landmarks) == count
    assert protocol.network.input_size.wh == size
    assert protocol.recipe.augmentation.flip == flip


@pytest.mark.parametrize("name", ["fundus", "scleral_spur", "face", "cephalometric"])
def test_every_landmark_is_defined_for_an_annotator(name):
    for landmark in find_protocol(name).landmarks:
        assert len(landmark.description) > 30, landmark.name
        assert landmark.description.endswith("."), landmark.name
    for measurement in find_protocol(name).measurements:
        assert measurement.description.endswith("."), measurement.name


@pytest.mark.parametrize("name", ["fundus", "scleral_spur", "face", "cephalometric"])
def test_pairs_are_left_and_right_of_the_same_thing(name):
    """A landmark named for a side pairs with its mirror name; one without a side has no pair."""
    protocol = find_protocol(name)
    for landmark in protocol.landmarks:
        mirrored = re.sub("^(left|right)_", lambda m: {"left": "right_", "right": "left_"}[m[1]], landmark.name)
        assert landmark.pair == (mirrored if mirrored != landmark.name else None)


def test_a_flip_swaps_the_sides_of_the_face():
    assert find_protocol("face").swap == (3, 2, 1, 0, 5, 4, 7, 6, 8, 10, 9, 11, 12, 13)
    assert find_protocol("scleral_spur").swap == (1, 0)


def test_the_face_is_looked_for_at_two_sizes_and_begins_with_a_classifier_of_faces():
    protocol = find_protocol("face")
    assert (protocol.network.name, protocol.network.backbone) == ("zoom_net", "face-resnet")
    assert (protocol.network.looks, protocol.network.shrunk) == (3, (0.4,))
    assert (protocol.network.normalization, protocol.network.presence) == ("dlib", True)
    assert (protocol.recipe.name, protocol.recipe.batch_size, protocol.recipe.max_steps) == ("fine_tune", 4, 800)
    cross_task = protocol.recipe.cross_task
    assert (cross_task.source, cross_task.lambda_cd, cross_task.lambda_ed) == ("faces", 0.0, 0.0)
    assert cross_task.freeze_bn
    assert protocol.recipe.augmentation.scenery.empty == 0.25


def test_films_of_any_depth_are_learned_by_an_encoder_that_begins_with_a_classifier_of_faces():
    protocol = find_protocol("cephalometric")
    assert (protocol.network.name, protocol.network.backbone) == ("heatmap_net", "face-resnet")
    assert protocol.network.normalization == "image"  # the classifier's own is of 8 bits alone
    cross_task = protocol.recipe.cross_task
    assert (cross_task.source, cross_task.lambda_cd, cross_task.lambda_ed) == ("faces", 0.0, 0.0)
    assert protocol.recipe.length(150).steps == 407


def test_the_points_of_the_face_are_those_of_real_data(shared_data):
    lines = (shared_data / "london_faces14" / "landmarks.csv").read_text(encoding="utf-8").splitlines()
    found = dict.fromkeys(line.split(",")[1] for line in lines[1:])
    assert tuple(found) == find_protocol("face").landmark_names


def test_a_label_with_former_points_of_the_face_is_refused_by_their_name(tmp_path):
    """Version 0.1 had the root and the tip of the nose in the place of the pupils."""
    names = ("right_exocanthion", "left_exocanthion", "nasion", "pronasale")
    path = tmp_path / "a.mrk.json"
    write_markups(path, Landmarks(names, [[9, 4], [20, 4], [14, 5], [14, 9]], Frame(40, 30)))
    with pytest.raises(InputError, match=r"a\.mrk\.json.* has the unknown label 'nasion'; the landmarks are right_exo"):
        read_label(path, Frame(40, 30), find_protocol("face"))


def test_cephalometric_points_have_the_challenge_order():
    assert list(find_protocol("cephalometric").landmark_names) == ISBI_ORDER


def test_measurements():
    between = {
        m.name: (m.kind, *m.between)
        for name in ("fundus", "scleral_spur", "face", "cephalometric")
        for m in find_protocol(name).measurements
    }
    assert between["disc_fovea_distance"] == ("distance", "optic_disc", "fovea")
    assert between["spur_to_spur_distance"] == ("distance", "left_scleral_spur", "right_scleral_spur")
    assert between["palpebral_fissure_length_right"] == ("distance", "right_endocanthion", "right_exocanthion")
    assert between["palpebral_fissure_length_left"] == ("distance", "left_endocanthion", "left_exocanthion")
    assert between["inner_canthal_distance"] == ("distance", "right_endocanthion", "left_endocanthion")
    assert between["outer_canthal_distance"] == ("distance", "right_exocanthion", "left_exocanthion")
    assert between["interpupillary_distance"] == ("distance", "right_pupil", "left_pupil")
    corners = ("right_endocanthion", "left_endocanthion", "right_exocanthion", "left_exocanthion")
    assert between["inner_to_outer_canthal"] == ("ratio", *corners)
    assert between["philtrum_length"] == ("distance", "subnasale", "labiale_superius")
    assert between["upper_lip_height"] == ("height", "labiale_superius", "right_cheilion", "left_cheilion")
    assert between["SNA"] == ("angle", "sella", "nasion", "A_subspinale")
    assert between["SNB"] == ("angle", "sella", "nasion", "B_supramentale")
    assert between["lower_face_height"] == ("distance", "ANS", "menton")


def test_cephalometric_names_are_those_of_real_data(shared_data):
    lines = (shared_data / "ceph19" / "landmarks.csv").read_text(encoding="utf-8").splitlines()
    found = dict.fromkeys(line.split(",")[1] for line in lines[1:])
    assert tuple(found) == find_protocol("cephalometric").landmark_names
