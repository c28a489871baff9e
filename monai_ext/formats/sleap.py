"""SLEAP projects (``.slp``), read and written by sleap-io (the extra ``sleap``).

Origin: the centre of the top-left pixel (sleap issue 296; SLEAP's image view is drawn from (-0.5, -0.5)).

Images are the files of an image sequence. A node that is not visible, or has no place, is undefined: SLEAP puts every
node of a new instance somewhere and marks those that a person could not find as not visible.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_ext.landmarks import InputError, PointsTable, Status, write_atomically

from .format import Format, FrameOf, Sample, optional_package
from .gather import Gatherer, posix_path

_HDF5 = b"\x89HDF\r\n\x1a\n"
_KEYS = (b"instances", b"frames", b"metadata")  #: groups that every project has


def recognises(sample: Sample) -> bool:
    """An HDF5 file with the groups of a SLEAP project."""
    return sample.data.startswith(_HDF5) and all(key in sample.data for key in _KEYS)


def read(path: Path, names: Sequence[str] | None, frames: FrameOf) -> PointsTable:
    """Reads the labels that people placed; predicted ones are skipped with a warning.

    Raises:
        InputError: no SLEAP project, frames of a video file, several skeletons or animals in an image.
    """
    sleap_io = _sleap_io()
    try:
        labels = sleap_io.load_slp(str(path), open_videos=False)
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError):
        raise InputError(f"{path} is not a SLEAP project, or is damaged: save it again in SLEAP.") from None
    if len(labels.skeletons) != 1:
        raise InputError(f"{path} has {len(labels.skeletons)} skeletons; keep one.")
    gathered = Gatherer(path, names)
    for name in labels.skeletons[0].node_names:
        gathered.landmark(str(path), name)
    predicted = 0
    for frame in labels.labeled_frames:
        image = _image(path, frame)
        placed = [item for item in frame.instances if not isinstance(item, sleap_io.PredictedInstance)]
        predicted += len(frame.instances) - len(placed)
        if not placed:
            continue
        if len(placed) > 1:
            raise InputError(f"{path}, {image!r}: there are {len(placed)} instances; keep one per image.")
        gathered.image(image)
        for point in placed[0].points:
            defined = bool(point["visible"]) and np.isfinite(point["xy"]).all()
            status = Status.DEFINED if defined else Status.UNDEFINED
            gathered.point(f"{path}, {image!r}", image, str(point["name"]), point["xy"].tolist(), status)
    if predicted:
        warnings.warn(f"{path}: {predicted} predicted instances are left out.", stacklevel=2)
    return gathered.table()


def write(path: Path, table: PointsTable, frames: FrameOf) -> None:
    """Writes one instance per image that has a placed point; the images of one size are one image sequence."""
    sleap_io = _sleap_io()
    skeleton = sleap_io.Skeleton(nodes=list(table.names), name="landmarks")
    files: dict[tuple[int, int] | None, list[str]] = {}
    for image, entry in table.images.items():
        files.setdefault(entry.size, []).append(image)
    videos = {size: _video(sleap_io, images) for size, images in files.items()}
    labelled = []
    for image, entry in table.images.items():
        points = [entry.points.get(name) for name in table.names]
        xy = [(p.x, p.y) if p and p.status is Status.DEFINED else (np.nan, np.nan) for p in points]
        if np.isfinite(xy).any():
            instance = sleap_io.Instance.from_numpy(np.array(xy), skeleton=skeleton)
            number = files[entry.size].index(image)
            labelled.append(sleap_io.LabeledFrame(video=videos[entry.size], frame_idx=number, instances=[instance]))
    labels = sleap_io.Labels(labelled, videos=list(videos.values()), skeletons=[skeleton])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "labels.slp"
        sleap_io.save_slp(labels, str(file), embed=False, verbose=False)
        write_atomically(path, file.read_bytes())


def _video(sleap_io: Any, images: list[str]) -> Any:
    """An image sequence, stated as SLEAP does for images that need not be here."""
    metadata = {"type": "ImageVideo", "filename": images[0], "filenames": images}
    return sleap_io.Video(filename=images, open_backend=False, backend_metadata=metadata)


def _sleap_io() -> Any:
    return optional_package("sleap_io", "sleap", "A SLEAP project")


def _image(path: Path, frame: Any) -> str:
    source = frame.video.source_video  # where a package has its images from; an unopened video counts as empty
    files = (frame.video if source is None else source).filename
    if isinstance(files, list) and frame.frame_idx >= len(files):
        raise InputError(f"{path} labels the image {frame.frame_idx} of {len(files)}: save it again in SLEAP.")
    if not isinstance(files, list):
        raise InputError(f"{path} labels frames of the video {files}: save them as images and label those.")
    return posix_path(str(files[frame.frame_idx]))


FORMAT = Format(
    name="sleap",
    title="SLEAP (.slp)",
    extension=".slp",
    recognises=recognises,
    read=read,
    write=write,
    centre=0.0,
    holds=frozenset({"names", "undefined"}),
)
