from __future__ import annotations

import sys

import numpy as np
import pytest

from monai_ext.formats import read_table, recognise, write_table
from monai_ext.landmarks import InputError, Status, TablePoint


@pytest.fixture
def sleap_io():
    return pytest.importorskip("sleap_io")


@pytest.fixture
def save(sleap_io, tmp_path):
    """Saves a project with one frame of the given instances, as SLEAP's own library writes it."""

    def save(*instances, video=None):
        if video is None:
            files = ["eyes\\a.png"]
            metadata = {"type": "ImageVideo", "filename": files[0], "filenames": files}
            video = sleap_io.Video(filename=files, open_backend=False, backend_metadata=metadata)
        frame = sleap_io.LabeledFrame(video=video, frame_idx=0, instances=list(instances))
        sleap_io.save_slp(sleap_io.Labels([frame]), str(tmp_path / "x.slp"), embed=False)
        return tmp_path / "x.slp"

    return save


@pytest.fixture
def skeleton(sleap_io):
    return sleap_io.Skeleton(nodes=["tip", "base", "rim"])


def test_reads_the_placed_and_visible_nodes(save, sleap_io, skeleton) -> None:
    instance = sleap_io.Instance.from_numpy(np.array([[10.25, 3.5], [np.nan, np.nan], [5, 6]]), skeleton=skeleton)
    instance.points["visible"][2] = False
    path = save(instance)

    table = read_table(path)

    assert recognise(path).name == "sleap"
    assert table.names == ("tip", "base", "rim")
    ((image, entry),) = table.images.items()
    assert image.replace("\\", "/") == "eyes/a.png"
    assert entry.points["tip"] == TablePoint(10.25, 3.5)
    assert [entry.points[name].status for name in ("base", "rim")] == [Status.UNDEFINED] * 2


def test_predicted_instances_are_counted(save, sleap_io, skeleton) -> None:
    xy = np.array([[1.0, 2], [3, 4], [5, 6]])
    placed = sleap_io.Instance.from_numpy(xy, skeleton=skeleton)
    predicted = sleap_io.PredictedInstance.from_numpy(xy + 1, skeleton=skeleton, score=0.5)
    with pytest.warns(UserWarning, match="1 predicted instances are left out"):
        (entry,) = read_table(save(placed, predicted)).images.values()
    assert entry.points["tip"] == TablePoint(1, 2)


def test_several_animals_and_frames_of_a_video_are_refused(save, sleap_io, skeleton) -> None:
    instance = [sleap_io.Instance.from_numpy(np.ones((3, 2)) * k, skeleton=skeleton) for k in (1, 2)]
    with pytest.raises(InputError, match="there are 2 instances; keep one per image"):
        read_table(save(*instance))
    video = sleap_io.Video(filename="eyes.mp4", open_backend=False)
    with pytest.raises(InputError, match=r"labels frames of the video eyes\.mp4: save them as images"):
        read_table(save(instance[0], video=video))


def test_sleap_reads_what_is_written(tmp_path, sleap_io, table) -> None:
    write_table(tmp_path / "x.slp", table, "sleap")
    labels = sleap_io.load_slp(str(tmp_path / "x.slp"), open_videos=False)
    assert labels.skeletons[0].node_names == ["tip", "base", "left eye"]
    assert [str(name) for name in labels.videos[0].filename] == ["a.png", "b.png"]
    np.testing.assert_array_equal(labels.labeled_frames[0].instances[0].numpy(), [[10.25, 3.5], [0, 0], [59, 39]])


def test_without_its_package_one_sentence_names_the_extra(tmp_path, table, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "sleap_io", None)
    with pytest.raises(
        InputError, match=r"needs the package 'sleap_io': install it, or this project with the extra 'sleap'"
    ):
        write_table(tmp_path / "x.slp", table, "sleap")
