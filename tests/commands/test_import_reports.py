"""DICOM structured reports as a source of points: matched with their images by SOP instance, or refused."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread

from monai_ext.images import read_frame
from monai_ext.landmarks import Landmarks, Status
from monai_ext.landmarks.markups import read_markups, write_markups
from monai_ext.studies import Studies

sys.path[:0] = [str(Path(__file__).parents[1] / "structured_reports")]
from dicom_images import dicom_image, write_dicom  # noqa: E402
from dicom_reports import group, report  # noqa: E402

HIP = ("right_teardrop", "left_teardrop", "symphysis", "sacrum")
PRIVATE = "99LANDMARKS"
DISC = ("24181002", "SCT", "Optic disc")


def protocol(path: Path, names=HIP, codes=()) -> Path:
    """A protocol file with landmarks of these names, and the codes of some."""
    lines = [f"name: {path.stem}", "title: Test", "channels: grey", "landmarks:"]
    for name in names:
        lines.append(f"  - {{name: {name}, description: A landmark.}}")
        if name in dict(codes):
            value, scheme, meaning = dict(codes)[name]
            lines[-1] = lines[-1][:-1] + f", code: {{value: '{value}', scheme: {scheme}, meaning: {meaning}}}}}"
    path.write_text("\n".join(lines) + "\n")
    return path


class Desk:
    """Images and reports in one folder, and what their import makes of them."""

    def __init__(self, cli, root: Path) -> None:
        self.cli, self.root, self.inbox, self.studies = cli, root, root / "inbox", root / "studies"
        self.inbox.mkdir()
        self.task = protocol(root / "hip.yaml")

    def image(self, name: str = "image.dcm", modality: str = "DX", **geometry) -> Dataset:
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return dcmread(write_dicom(path, dicom_image(modality, **geometry)))

    def report(self, *groups: Dataset, name: str = "report", **about) -> Path:
        return write_dicom(self.inbox / name, report(groups, **about))

    def run(self, *options: object, table: Path | None = None, task: Path | None = None):
        return self.cli("import", table or self.inbox, "--images", self.inbox, "--studies", self.studies,
                        "--protocol", task or self.task, *options)  # fmt: skip

    def label(self, image: str = "image") -> Landmarks:
        studies = Studies(self.studies)
        return read_markups(studies.label_path(image), read_frame(studies.image_path(image)))

    def refused(self, *options: object, **given) -> str:
        answer = self.run(*options, **given)
        assert answer.code == 2, answer.out
        assert not self.studies.exists()
        return answer.words.replace(str(self.root), "DIR")


@pytest.fixture
def desk(cli, tmp_path: Path) -> Desk:
    return Desk(cli, tmp_path)


@pytest.mark.parametrize("count", [1, 19])
def test_exported_reports_come_back_with_their_images(desk: Desk, count: int) -> None:
    pytest.importorskip("highdicom", reason="the extra `dicom-sr` is not installed")
    names = tuple(f"point_{k}_with_a_name_longer_than_a_code" for k in range(count))
    task, source = protocol(desk.root / "many.yaml", names), desk.root / "source"
    rng, labels, index = np.random.default_rng(5), {}, {}
    (source / "labels" / "final").mkdir(parents=True)
    for id, size in (("first", (64, 48)), ("second", (1931, 40))):
        path = write_dicom(source / f"{id}.dcm", dicom_image("DX", size, (0.15, 0.2)))
        points = rng.uniform(0, np.array(size) - 1, (count, 2))
        points[0] = (-0.5, size[1] - 0.5)  # on the border
        status = np.full(count, Status.DEFINED)
        status[3:4], status[4:5] = Status.MISSING, Status.UNDEFINED
        points[status != Status.DEFINED] = np.nan
        labels[id] = Landmarks(names, points, read_frame(path), status)
        write_markups(source / "labels" / "final" / f"{id}.mrk.json", labels[id])
        note = {"ext": ".mrk.json", "info": {"annotator": "Ada Roe", "protocol": "many"}}
        index[id] = {"image": {"ext": ".dcm", "info": {}}, "labels": {"final": note}}
    document = {"name": "many", "description": "", "objects": index}
    (source / "datastore_v2.json").write_text(json.dumps(document))
    answer = desk.cli("export", source, "-f", "dicom-sr", "-o", desk.inbox / "from" / "pacs", "-p", task)
    assert answer.code == 0, answer.err
    # As a PACS stores them: names that tell nothing, and other files beside them.
    shutil.copy(source / "first.dcm", desk.inbox / "from" / "IM0002")
    shutil.copy(source / "second.dcm", desk.inbox / "IM0001.dcm")
    (desk.inbox / "from" / "pacs" / "first.sr.dcm").rename(desk.inbox / "SR7")
    desk.image("unlabelled.dcm")
    (desk.inbox / "notes.txt").write_text("hips")

    answer = desk.run("--json", task=task)
    assert answer.code == 0, answer.err
    assert "warning" not in answer.err.lower()
    assert json.loads(answer.out)["ids"] == {"from/IM0002": "from_IM0002", "IM0001.dcm": "IM0001"}
    for id, found in (("first", "from_IM0002"), ("second", "IM0001")):
        label = desk.label(found)
        assert label.names == names
        assert label.status.tolist() == labels[id].status.tolist()
        np.testing.assert_allclose(label.points, labels[id].points, rtol=0, atol=1e-3)
        copied = Studies(desk.studies).image_path(found).read_bytes()
        assert copied == (source / f"{id}.dcm").read_bytes()


@pytest.mark.filterwarnings("ignore:The value length")  # OHIF's own code is too long
def test_names_and_codes_of_other_programs_find_the_landmarks(desk: Desk) -> None:
    image, code = desk.image(spacing=(0.15, 0.2)), ("123", "SCT", "Symphysis")
    free_text = ("CORNERSTONEFREETEXT", "CORNERSTONEJS", "Sacrum")
    path = desk.report(
        group(image, (10.5, 20.5), identifier="right_teardrop"),
        group(image, (0, 48), site=("T-1", "99OTHER", "Left Teardrop"), frame=1),
        group(image, None, site=code),
        group(image, (33.25, 7), identifier="Cornerstone3DTools@^0.1.0:ArrowAnnotate", finding=free_text),
        group(image, (1, 1), identifier="Lesion 1"),
    )
    assert desk.run(table=path, task=protocol(desk.root / "hip.yaml", codes={"symphysis": code})).code == 0
    label = desk.label()
    assert label.names == HIP
    assert label.status.tolist() == [Status.DEFINED, Status.DEFINED, Status.MISSING, Status.DEFINED]
    np.testing.assert_array_equal(label.points, [[10, 20], [-0.5, 47.5], [np.nan, np.nan], [32.75, 6.5]])
    markups = json.loads((desk.studies / "labels/final/image.mrk.json").read_text())["markups"][0]
    placed = markups["controlPoints"][0]["position"]
    np.testing.assert_allclose(placed, label.frame.to_lps([[10, 20]])[0])


def test_a_report_beside_its_image_is_read_and_is_no_image(desk: Desk) -> None:
    path = desk.report(group(desk.image(), (10.5, 20.5), identifier="sacrum"), name="image.sr.dcm")
    assert list(Studies(desk.inbox).images()) == ["image"]
    assert desk.run().code == 0
    assert list(Studies(desk.studies).images()) == ["image"]
    np.testing.assert_array_equal(desk.label().point("sacrum"), [10, 20])
    table = desk.root / "table.csv"
    table.write_text(f"image,landmark,x,y\n{path.name},sacrum,1,2\n")
    answer = desk.run(table=table)
    assert answer.code == 2
    assert "which is not an image that can be read: a DICOM structured report, whose points" in answer.words


def test_an_arrow_s_point_lies_deeper_in_its_group(desk: Desk) -> None:
    image = desk.image()
    one = group(image, (10.5, 20.5), identifier="sacrum")
    number = Dataset()
    number.ValueType, number.RelationshipType = "NUM", "CONTAINS"
    number.ContentSequence = [one.ContentSequence.pop()]
    one.ContentSequence.append(number)
    desk.report(one)
    assert desk.run().code == 0
    np.testing.assert_array_equal(desk.label().point("sacrum"), [10, 20])


def test_a_code_that_two_landmarks_share_tells_neither(desk: Desk) -> None:
    teardrop = ("29850006", "SCT", "Teardrop")
    task = protocol(desk.root / "hip.yaml", codes={"right_teardrop": teardrop, "left_teardrop": teardrop})
    image = desk.image()
    path = desk.report(group(image, (10, 20), site=teardrop, identifier="A"))
    assert (
        f"{str(path).replace(str(desk.root), 'DIR')} contains no landmark of the protocol hip, but 'A' / 'Teardrop' "
        "(29850006, SCT); its landmarks are right_teardrop, left_teardrop, symphysis, sacrum: give them these names, "
        "or their codes, in the protocol." in desk.refused(task=task)
    )
    desk.report(group(image, (10, 20), site=teardrop, identifier="left_teardrop"))
    assert desk.run(task=task).code == 0
    assert desk.label().status.tolist() == [Status.UNDEFINED, Status.DEFINED, Status.UNDEFINED, Status.UNDEFINED]


def test_reports_of_other_things_are_left_out_with_a_warning(desk: Desk) -> None:
    image = desk.image()
    desk.report(group(image, (10, 20), identifier="sacrum"))
    desk.report(group(image, (30, 20), site=DISC), name="other")
    desk.report(name="empty")
    answer = desk.run()
    assert answer.code == 0
    assert "2 reports are left out: " in answer.words
    assert "empty contains no landmark of the protocol hip, and no other group; its landmarks are" in answer.words
    np.testing.assert_array_equal(desk.label().point("sacrum"), [9.5, 19.5])


def test_two_reports_of_one_image_are_joined_where_they_agree(desk: Desk) -> None:
    image = desk.image()
    both = group(image, (10, 20), identifier="sacrum"), group(image, None, identifier="symphysis")
    desk.report(*both)
    desk.report(*both, group(image, (1, 2), identifier="left_teardrop"), name="second")
    assert desk.run().code == 0
    label = desk.label()
    assert label.status.tolist() == [Status.UNDEFINED, Status.DEFINED, Status.MISSING, Status.DEFINED]
    np.testing.assert_array_equal(label.point("left_teardrop"), [0.5, 1.5])


def test_two_reports_that_disagree_are_refused(desk: Desk) -> None:
    image = desk.image()
    desk.report(group(image, (10, 20), identifier="sacrum"))
    desk.report(group(image, (10, 20.5), identifier="sacrum"), name="second")
    sentence = "DIR/inbox/report and DIR/inbox/second place 'sacrum' of the image {} differently; keep one of the"
    assert sentence.format(image.SOPInstanceUID) in desk.refused()


def test_what_only_a_network_answers_for_is_said(desk: Desk) -> None:
    desk.report(group(desk.image(), (10, 20), identifier="sacrum"), person="")
    answer = desk.run()
    assert answer.code == 0
    assert "1 reports name no person who placed or confirmed the points" in answer.words


@pytest.mark.parametrize("frame", [1, 2])
def test_images_of_several_frames_are_refused(desk: Desk, frame: int) -> None:
    image = dicom_image("US")
    image.NumberOfFrames, image.PixelData = 2, image.PixelData * 2
    write_dicom(desk.inbox / "image.dcm", image)
    desk.report(group(image, (10, 20), identifier="sacrum", frame=frame))
    said = {
        1: "image.dcm has more than one slice or frame (64 x 48 x 2)",
        2: f"{image.SOPInstanceUID}, frame 2: only images of one frame are read",
    }
    assert said[frame] in desk.refused()


def test_an_image_has_to_be_there_once(desk: Desk) -> None:
    image = desk.image()
    desk.report(group(image, (10, 20), identifier="sacrum"))
    shutil.copy(desk.inbox / "image.dcm", desk.inbox / "copy.dcm")
    uid = image.SOPInstanceUID
    told = f"DIR/inbox/report is of the image with the SOP instance UID {uid}"
    assert f"{told}, which the files copy.dcm and image.dcm in DIR/inbox have: keep one of them." in desk.refused()
    for name in ("image.dcm", "copy.dcm"):
        (desk.inbox / name).unlink()
    assert f"{told}, and no DICOM file in DIR/inbox has it: copy the image into the folder." in desk.refused()


def test_what_reports_need_and_what_they_do_not(desk: Desk) -> None:
    path = desk.report(group(desk.image(), (10, 20), identifier="sacrum"))
    assert "--pixel-origin is of no use with DICOM reports; leave it out." in desk.refused("--pixel-origin", "centre")
    answer = desk.cli("import", path, "--images", desk.inbox, "--studies", desk.studies)
    assert answer.code == 2
    assert "report is a DICOM report: name the protocol of its landmarks with --protocol." in answer.words
    Image.new("L", (9, 7)).save(desk.root / "photo.png")
    said = desk.refused("--format", "dicom-sr", table=desk.root / "photo.png")
    assert "DIR/photo.png holds no DICOM structured report with points: check the path." in said


def test_a_damaged_report_is_one_sentence(desk: Desk) -> None:
    path = desk.report(group(desk.image(), (10, 20), identifier="sacrum"))
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"SCOORD") + 20])
    assert "report cannot be read as a DICOM report" in desk.refused()
