"""What a newcomer gets: the sample data and the model that answers on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from monai_ext.evaluation import change_camera
from monai_ext.images import read_frame, read_image
from monai_ext.inferers import Predictor
from monai_ext.landmarks import find_protocol, measure
from monai_ext.landmarks.markups import read_markups
from monai_ext.landmarks.protocol_file import shipped_dir
from monai_ext.landmarks.tables import read_points_table
from monai_ext.phantoms.sample_data import make_sample_data
from monai_ext.studies import Studies

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLES = REPOSITORY / "sample_data"


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load(shipped_dir("pretrained") / "fundus")


def test_the_shipped_model_is_small_names_its_photographs_and_is_of_its_protocol(predictor) -> None:
    folder = shipped_dir("pretrained") / "fundus"

    assert (folder / predictor.card.weights).stat().st_size < 30e6
    assert [path.name for path in folder.glob("*.safetensors")] == [predictor.card.weights]
    for text in (predictor.card.data, (folder / "MODEL_CARD.md").read_text(), (REPOSITORY / "README.md").read_text()):
        assert "Porwal" in text
        assert "CC BY 4.0" in text
    shipped = find_protocol("fundus")
    assert predictor.protocol.landmark_names == shipped.landmark_names
    assert predictor.protocol.network == shipped.network
    # 704 steps were divided into as many epochs as the card tells
    assert predictor.protocol.recipe == shipped.recipe.model_copy(update={"max_epochs": predictor.card.epochs})


def test_the_shipped_fundus_model_answers_with_radii_that_follow_the_size_of_the_photograph(
    tmp_path, predictor
) -> None:
    path = REPOSITORY / "sample_data" / "fundus" / "synthetic_fundus_001.jpg"
    small, large = Image.open(path), tmp_path / "large.png"
    small.resize((2 * small.width, 2 * small.height), Image.Resampling.BICUBIC).save(large)
    answers = [predictor.predict_stages(picture) for picture in (path, large)]
    assert [answer.coverage for answer in answers] == [0.95, 0.95]
    np.testing.assert_allclose(answers[1].radius, 2 * answers[0].radius, rtol=0.1)
    assert (answers[0].radius > 0.005 * small.width).all()
    assert (answers[0].radius < 0.1 * small.width).all()


def test_the_shipped_fundus_model_calls_what_a_photograph_does_not_show_missing(
    tmp_path, predictor, shared_data
) -> None:
    folder = shared_data / "idrid_fundus2"
    if not folder.is_dir():
        pytest.skip(f"the photographs are not at {folder}")
    names = predictor.protocol.landmark_names
    table = read_points_table(folder / "landmarks.csv", names)
    left = [name for name, entry in table.images.items() if entry.split == "val"][::5]
    assert len(left) == 4
    for name in left:
        _, frame = read_image(folder / "images" / name, "rgb")
        points = table.landmarks(name, frame, names).points
        assert predictor.predict(folder / "images" / name).defined.all()
        middle = round(float(points[:, 0].mean()))
        for start, end in ((0, middle), (middle, frame.width)):
            with Image.open(folder / "images" / name) as picture:
                picture.crop((start, 0, end, frame.height)).save(tmp_path / "part.png")
            found = predictor.predict(tmp_path / "part.png")
            for k in range(2):
                if not start <= points[k, 0] < end:
                    assert not found.defined[k]


def test_the_shipped_model_finds_the_points_of_the_sample_data(predictor) -> None:
    studies = Studies(REPOSITORY / "sample_data" / "fundus")
    images = studies.images()
    errors = []
    for id in studies.labelled():
        found = predictor.predict(images[id])
        truth = read_markups(studies.label_path(id), found.frame, predictor.protocol.landmark_names)
        assert found.defined.all()
        errors.append(np.linalg.norm(found.points - truth.points, axis=1))

    fovea, disc = np.transpose(errors)
    assert len(disc) == 12
    assert np.median(errors) < 4.0  # of about 480 px; the disc is about 40 px wide
    assert disc.max() < 20.0
    assert (fovea < 20.0).sum() >= 11  # it learned from photographs and has seen no drawing


@pytest.mark.parametrize(
    ("camera", "fovea_limit", "disc_limit", "worst"),
    [("own", 1.0, 0.6, 4.0), pytest.param("other", 2.5, 1.8, 10.0, marks=pytest.mark.slow)],
)
def test_the_shipped_model_finds_the_points_of_photographs_that_it_has_not_seen(
    tmp_path, predictor, shared_data, camera, fovea_limit, disc_limit, worst
) -> None:
    """In percent of the image's width: as the photographs are, and as another camera would have drawn them."""
    folder = shared_data / "idrid_fundus2"
    if not folder.is_dir():
        pytest.skip(f"the photographs are not at {folder}")
    names = predictor.protocol.landmark_names
    table = read_points_table(folder / "landmarks.csv", names)
    left = [name for name, entry in table.images.items() if entry.split == "val"]
    rest = read_points_table(shared_data / "idrid413_fundus2" / "landmarks.csv", names).images
    others = [name for name, entry in rest.items() if entry.split == "val"]
    assert {Path(name).stem for name in left + others} == set(predictor.card.val_images)
    errors = []
    for name in left:
        path = folder / "images" / name
        array, frame = read_image(path, "rgb")
        truth = table.landmarks(name, frame, names)
        if camera == "other":
            changed = change_camera(torch.from_numpy(array), truth, predictor.protocol.swap, Path(name).stem, seed=0)
            path = tmp_path / f"{Path(name).stem}.jpg"
            path.write_bytes(changed.jpeg())
            truth = changed.landmarks(names, read_frame(path))
        found = predictor.predict(path)
        errors.append(100 * np.linalg.norm(found.points - truth.points, axis=1) / found.frame.width)

    fovea, disc = np.transpose(errors)
    assert len(fovea) == 20
    assert fovea.mean() < fovea_limit
    assert disc.mean() < disc_limit
    assert np.max(errors) < worst


@pytest.mark.parametrize("name", ["fundus", "scleral_spur", "face"])
def test_the_sample_data_are_those_that_the_command_makes(tmp_path, name) -> None:
    """The same points and pictures, but for what another processor's arithmetic changes in the last digit.

    A value that lies between two grey levels may then become the other one, and a JPEG spreads that over a few pixels.
    """
    made, shipped = make_sample_data(tmp_path, protocols=(name,))[name], REPOSITORY / "sample_data" / name
    names, kept, again = find_protocol(name).landmark_names, Studies(shipped), Studies(made)

    assert {p.relative_to(shipped) for p in shipped.rglob("*")} == {p.relative_to(made) for p in made.rglob("*")}
    assert kept.splits() == again.splits()
    assert (shipped / "README.md").read_text() == (made / "README.md").read_text()
    assert "SYNTHETIC" in (shipped / "README.md").read_text()
    for id, path in again.images().items():
        picture, expected = (np.asarray(Image.open(p), dtype=np.int16) for p in (path, kept.images()[id]))
        differs = np.abs(picture - expected)
        assert differs.max() <= (1 if path.suffix == ".png" else 8), id
        assert (differs > 0).mean() < (1e-4 if path.suffix == ".png" else 2e-3), id
        if id in kept.labelled():
            frame = read_frame(path)
            points, expected = (read_markups(s.label_path(id), frame, names) for s in (again, kept))
            assert points.status.tolist() == expected.status.tolist() == [1] * len(names)
            np.testing.assert_allclose(points.points, expected.points, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def faces() -> Predictor:
    return Predictor.load(shipped_dir("pretrained") / "face")


def test_the_shipped_face_model_is_small_names_its_photographs_and_is_of_its_protocol(faces) -> None:
    folder, shipped = shipped_dir("pretrained") / "face", find_protocol("face")
    assert (folder / faces.card.weights).stat().st_size < 15e6
    assert [path.name for path in folder.glob("*.safetensors")] == [faces.card.weights]
    for text in (faces.card.data, (folder / "MODEL_CARD.md").read_text(), (REPOSITORY / "README.md").read_text()):
        assert "DeBruine" in text
        assert "CC BY 4.0" in text
    assert faces.protocol.landmark_names == shipped.landmark_names
    assert faces.protocol.network == shipped.network
    assert faces.protocol.recipe == shipped.recipe.model_copy(update={"max_epochs": 32})  # of 25 steps: 800


def test_the_shipped_face_model_finds_drawn_faces_and_measures_them(faces) -> None:
    """It learned from photographs and has seen no drawing."""
    studies = Studies(REPOSITORY / "sample_data" / "face")
    images, shares = studies.images(), []
    for id in studies.labelled()[::3]:
        found = faces.predict(images[id])
        truth = read_markups(studies.label_path(id), found.frame, faces.protocol.landmark_names)
        assert found.defined.all()
        eyes = np.linalg.norm(truth.point("left_exocanthion") - truth.point("right_exocanthion"))
        shares.append(np.linalg.norm(found.points - truth.points, axis=1).mean() / eyes)
        assert found.point("right_pupil")[0] < found.point("left_pupil")[0]  # the patient's right is on the left
        values = {item["name"]: item["value"] for item in measure(faces.protocol, found)}
        assert values["outer_canthal_distance"] == pytest.approx(eyes, rel=0.08)
    assert len(shares) == 4
    assert max(shares) < 0.04


def test_the_shipped_face_model_answers_a_small_face_in_its_place(faces, tmp_path) -> None:
    """The same drawing at a fifth of a wide picture's height, off its middle."""
    studies = Studies(REPOSITORY / "sample_data" / "face")
    id = studies.labelled()[0]
    small = Image.open(studies.images()[id]).convert("RGB")
    found = faces.predict(studies.images()[id])
    picture = Image.new("RGB", (1500, 1000), (70, 110, 90))
    picture.paste(small, (1100, 500))
    picture.save(tmp_path / "wide.png")
    again = faces.predict(tmp_path / "wide.png")
    assert again.defined.all()
    np.testing.assert_allclose(again.points - np.array([1100, 500]), found.points, atol=8)


def test_the_shipped_face_model_calls_every_point_missing_where_there_is_no_face(faces, tmp_path) -> None:
    random = np.random.default_rng(0)
    pictures = {
        "noise": random.integers(0, 256, (300, 410, 3), dtype=np.uint8),
        "grey": np.full((200, 320), 128, dtype=np.uint8),
        "stripes": np.tile(np.repeat([[30, 220]], 20, 1).astype(np.uint8), (240, 9)),
        "skin": np.full((300, 220, 3), (205, 160, 130), dtype=np.uint8),
    }
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    others = [
        path for task in ("fundus", "scleral_spur") for path in list(Studies(SAMPLES / task).images().values())[:2]
    ]
    answered = [path.name for path in [*tmp_path.iterdir(), *others] if faces.predict(path).defined.any()]
    assert answered == []


@pytest.fixture(scope="module")
def spurs() -> Predictor:
    return Predictor.load(shipped_dir("pretrained") / "scleral_spur")


def test_the_shipped_spur_model_is_small_says_that_its_images_are_synthetic_and_is_of_its_protocol(spurs) -> None:
    folder, shipped = shipped_dir("pretrained") / "scleral_spur", find_protocol("scleral_spur")
    assert (folder / spurs.card.weights).stat().st_size < 12e6
    assert [path.name for path in folder.glob("*.safetensors")] == [spurs.card.weights]
    assert "Synthetic images only" in spurs.card.data
    assert "a start for your own labels" in (folder / "MODEL_CARD.md").read_text()
    assert "synthetic: a start for your own labels" in (REPOSITORY / "README.md").read_text()
    assert spurs.protocol.landmark_names == shipped.landmark_names
    assert spurs.protocol.network == shipped.network
    assert spurs.protocol.recipe == shipped.recipe.model_copy(update={"max_epochs": spurs.card.epochs})


def test_the_shipped_spur_model_finds_the_spurs_of_the_sample_data(spurs) -> None:
    """It learned from other sections, four times as large."""
    studies = Studies(SAMPLES / "scleral_spur")
    images, errors = studies.images(), []
    for id in studies.labelled():
        found = spurs.predict(images[id])
        truth = read_markups(studies.label_path(id), found.frame, spurs.protocol.landmark_names)
        assert found.defined.all()
        errors.append(np.linalg.norm(found.points - truth.points, axis=1))
    assert len(errors) == 12
    assert np.median(errors) < 2.0  # of 532 px
    assert np.mean(errors) < 3.0


def test_the_shipped_spur_model_calls_a_spur_missing_whose_limb_is_cut(spurs, tmp_path) -> None:
    """The same eyes without a third of the picture, once at the left and once at the right."""
    studies = Studies(SAMPLES / "scleral_spur")
    right = []
    for id in studies.labelled()[::2]:
        with Image.open(studies.images()[id]) as picture:
            truth = read_markups(
                studies.label_path(id), read_frame(studies.images()[id]), spurs.protocol.landmark_names
            )
            for lost, edge in enumerate((int(truth.points[0, 0]) + 25, int(truth.points[1, 0]) - 25)):
                whole = (0, 0, picture.width, picture.height)
                box = (edge, *whole[1:]) if lost == 0 else (0, 0, edge, picture.height)
                picture.crop(box).save(tmp_path / "cut.png")
                found = spurs.predict(tmp_path / "cut.png")
                right.append((not found.defined[lost], bool(found.defined[1 - lost])))
    assert np.mean([missing for missing, _ in right]) > 0.7
    assert np.mean([there for _, there in right]) > 0.9
