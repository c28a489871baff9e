from __future__ import annotations

from pathlib import Path

import itk
import numpy as np
import pytest
import tifffile
from LandmarkDetectionLib.server.geometry import Geometry
from LandmarkDetectionLib.work.work import Work
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid
from scene_fixture import TASK, Log, SceneError, SceneHost, predicted_work, save_png, scene_host, slicer, vtk  # noqa: F401

from monai_ext.images import read_frame

SIZE = (90, 60)
PIXELS = [(10.5, 7.25), (80.0, 50.0), (33.0, 12.0), (0.0, 59.0)]


def picture_of(width: int = 90, height: int = 60) -> np.ndarray:
    """No row, column or quarter like another: dark, red to the right, green downwards, bright corner top left."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(20, 200, width)[None]
    image[..., 1] = np.linspace(20, 200, height)[:, None]
    image[4:14, 6:22] = 255
    return image


def write_nrrd(path: Path, direction: np.ndarray | None = None) -> Path:
    image = itk.image_from_array(picture_of()[..., 0][None].copy())
    image.SetSpacing((0.31, 0.72, 2.5))
    image.SetOrigin((12.5, -40.25, 7.0))
    if direction is not None:
        image.SetDirection(direction)
    itk.imwrite(image, str(path))
    return path


def oblique() -> np.ndarray:
    """A rotation about an odd axis, with the row direction reversed."""
    axis = np.array([0.3, -0.5, 0.81])
    axis /= np.linalg.norm(axis)
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = np.eye(3) + np.sin(0.7) * cross + (1 - np.cos(0.7)) * cross @ cross
    return turn @ np.diag([-1.0, 1.0, -1.0])


def write_dicom(path: Path) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PatientID, data.PatientName = "OT", "1", "A^B"
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    pixels = picture_of()[..., 0]
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 8, 8, 7
    data.PixelSpacing = ["0.4", "0.25"]
    data.PixelData = pixels.tobytes()
    data.is_little_endian, data.is_implicit_VR = True, False
    data.save_as(path, write_like_original=False)
    return path


def write_jpeg(path: Path) -> Path:
    Image.fromarray(picture_of()).save(path, dpi=(96, 96), quality=95)
    return path


FILES = {
    "png": lambda folder: _png(folder / "eye.png"),
    "jpeg with dpi": lambda folder: write_jpeg(folder / "eye.jpg"),
    "anisotropic nrrd": lambda folder: write_nrrd(folder / "eye.nrrd"),
    "oblique mirrored nrrd": lambda folder: write_nrrd(folder / "eye.nrrd", oblique()),
    "row reversed nrrd": lambda folder: write_nrrd(folder / "eye.nrrd", np.diag([-1.0, 1.0, -1.0])),
    "coronal nrrd": lambda folder: write_nrrd(folder / "eye.nrrd", np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])),
    "dicom": lambda folder: write_dicom(folder / "eye.dcm"),
}


def _png(path: Path) -> Path:
    Image.fromarray(picture_of()).save(path)
    return path


@pytest.fixture(params=FILES, name="file")
def image_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return FILES[request.param](tmp_path)


def opened(host: SceneHost, path: Path, log: Log | None = None):
    adapter = host.adapter(log)
    adapter.show_image(path, "eye")
    work = predicted_work(adapter, PIXELS)
    adapter.show_points(TASK, work)
    return adapter, work


def test_placement_is_the_servers(host: SceneHost, file: Path) -> None:
    adapter = host.adapter()
    adapter.show_image(file, "eye")
    frame, geometry = read_frame(file), adapter.image_geometry()
    expected = frame.to_lps(np.array(PIXELS))
    assert np.allclose([geometry.to_lps(*pixel) for pixel in PIXELS], expected, atol=1e-6)
    assert geometry.size == SIZE
    assert (geometry.unit, geometry.spacing) == ("px", (1.0, 1.0))


def test_points_lie_at_the_lps_place_of_their_pixel(host: SceneHost, file: Path) -> None:
    adapter, _ = opened(host, file)
    expected = read_frame(file).to_lps(np.array(PIXELS))
    for index, (x, y, z) in enumerate(expected):
        ras = [0.0, 0.0, 0.0]
        adapter.points_node.GetNthControlPointPositionWorld(index, ras)
        assert ras == pytest.approx((-x, -y, z), abs=1e-6)
    assert np.allclose([point.pixel for point in adapter.read_points()], PIXELS, atol=1e-6)
    assert np.allclose([point.lps for point in adapter.read_points()], expected, atol=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_that_itk_mirrors_has_its_points_on_the_stored_pixels(
    host: SceneHost, tmp_path: Path, orientation: int
) -> None:
    """Each stored pixel is bright where its point is shown, whichever way ITK turned the pixels."""
    stored = np.zeros((60, 90), np.uint8)
    pixels = [(10, 7), (80, 50), (33, 12), (0, 59)]
    for x, y in pixels:
        stored[y, x] = 100 + x
    path = tmp_path / "eye.tif"
    tags = [(274, "H", 1, orientation, False)]
    tifffile.imwrite(path, stored, resolution=(300, 150), resolutionunit=2, extratags=tags, metadata=None)
    frame = read_frame(path)
    steps = tuple(tuple(step) for step in frame.placement.T)
    adapter = host.adapter()
    adapter.show_image(path, "eye")
    server = Geometry(steps[2], steps[0], steps[1], size=SIZE)
    work = Work(TASK, "eye", server)
    for index, (x, y) in enumerate(pixels):
        work.point_placed(index, server.to_lps(x, y))
    adapter.show_points(TASK, work)
    array = np.asarray(slicer.util.arrayFromVolume(adapter.volume))[0]
    array = array[..., 0] if array.ndim == 3 else array
    matrix = vtk.vtkMatrix4x4()
    adapter.volume.GetRASToIJKMatrix(matrix)
    for index, (x, _) in enumerate(pixels):
        ras = [0.0, 0.0, 0.0]
        adapter.points_node.GetNthControlPointPositionWorld(index, ras)
        column, row, _, _ = matrix.MultiplyPoint((*ras, 1.0))
        assert array[round(row), round(column)] == 100 + x
    assert np.allclose([point.pixel for point in adapter.read_points()], pixels, atol=1e-6)
    assert np.allclose([point.lps for point in adapter.read_points()], frame.to_lps(np.array(pixels)), atol=1e-6)


def test_the_view_shows_the_image_as_stored(host: SceneHost, file: Path) -> None:
    adapter = host.adapter()
    adapter.show_image(file, "eye")
    shown = host.view.picture().astype(float)
    stored = np.asarray(slicer.util.arrayFromVolume(adapter.volume))[0].astype(float)
    stored = stored[..., 0] if stored.ndim == 3 else stored
    places = [(8, 6), (20, 12), (30, 30), (80, 8), (80, 50), (5, 50), (45, 20), (60, 40)]
    seen = []
    for x, y in places:
        column, row = host.view.at(adapter._frame.world((x, y)))
        assert 0 <= round(column) < host.view.size[0]
        assert 0 <= round(row) < host.view.size[1]
        seen.append(shown[round(row), round(column), 0])
    # Window and level are Slicer's own: the order of brightness is what must agree.
    assert np.corrcoef(seen, [stored[y, x] for x, y in places])[0, 1] > 0.99
    left, right = host.view.at(adapter._frame.world((0, 30))), host.view.at(adapter._frame.world((89, 30)))
    top, bottom = host.view.at(adapter._frame.world((45, 0))), host.view.at(adapter._frame.world((45, 59)))
    assert left[0] < right[0]
    assert left[1] == pytest.approx(right[1], abs=1e-6)
    assert top[1] < bottom[1]
    assert top[0] == pytest.approx(bottom[0], abs=1e-6)


def test_the_image_fills_the_view_to_the_edges_of_its_pixels(host: SceneHost, file: Path) -> None:
    adapter = host.adapter()
    adapter.show_image(file, "eye")
    first, last = (host.view.at(adapter._frame.world(p)) for p in ((-0.5, -0.5), (89.5, 59.5)))
    width, height = last[0] - first[0], last[1] - first[1]
    assert min(400 - width, 300 - height) == pytest.approx(0.0, abs=1e-6)
    assert min(first) >= -1 - 1e-6
    assert (first[0] + last[0]) / 2 == pytest.approx(200.0)
    assert (first[1] + last[1]) / 2 == pytest.approx(149.0)


def test_glyphs_are_drawn_at_their_pixels(host: SceneHost, file: Path) -> None:
    adapter, _ = opened(host, file)
    adapter.show_measurements(False)
    adapter.show_names("none")
    picture = host.view.picture().astype(int)
    rows, columns = np.nonzero((picture[..., 0] > 230) & (picture[..., 1] < 40) & (picture[..., 2] < 40))
    corner, far = (np.array(host.view.at(adapter._frame.world(p))) for p in ((0, 0), (89, 59)))
    per_pixel = (far - corner) / (89, 59)
    # What is drawn lies half a view pixel left and below of where the image is shown.
    found = (np.array([columns.mean() + 0.5, rows.mean() - 0.5]) - corner) / per_pixel
    assert np.abs(found - PIXELS[0]).max() < 0.5
    # Lines cover whole pixels of the view, so that their middle may lie half a pixel off.
    assert np.abs((found - PIXELS[0]) * per_pixel).max() < 0.5 + 1e-9


def test_centring_puts_the_point_into_the_middle_and_zooms_once(host: SceneHost, file: Path) -> None:
    adapter, work = opened(host, file)
    whole = host.view.node.GetFieldOfView()[0]
    assert adapter.center_on(0)
    assert host.view.at(adapter._frame.world(PIXELS[0])) == pytest.approx((200.0, 149.0), abs=1e-6)
    assert host.view.node.GetFieldOfView()[0] == pytest.approx(whole / 3)
    assert adapter.center_on(1)
    assert host.view.node.GetFieldOfView()[0] == pytest.approx(whole / 3)
    work.mark_missing(2)
    adapter.show_points(TASK, work)
    assert adapter.center_on(2, zoom=False)
    assert host.view.at(adapter._frame.world(PIXELS[2])) == pytest.approx((200.0, 149.0), abs=1e-6)
    assert adapter.fit_image()
    assert host.view.node.GetFieldOfView()[0] == pytest.approx(whole)


def test_a_landmark_without_any_place_cannot_be_centred(host: SceneHost, tmp_path: Path) -> None:
    adapter = host.adapter()
    adapter.show_image(save_png(tmp_path / "eye.png"), "eye")
    adapter.show_points(TASK, predicted_work(adapter, [None, "missing", (3, 4), (5, 6)]))
    assert not adapter.center_on(0)
    assert not adapter.center_on(1)


def shear_and_move() -> object:
    matrix = vtk.vtkMatrix4x4()
    for row, values in enumerate(((0.8, -0.6, 0, 30), (0.6, 0.8, 0.1, -12), (0, 0.05, 1, 5))):
        for column, value in enumerate(values):
            matrix.SetElement(row, column, value)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetMatrixTransformToParent(matrix)
    return node


def test_points_stay_on_the_image_when_it_is_transformed(host: SceneHost, file: Path) -> None:
    log = Log()
    adapter, _ = opened(host, file, log)
    before = [point.lps for point in adapter.read_points()]
    transform = shear_and_move()
    adapter.volume.SetAndObserveTransformNodeID(transform.GetID())
    assert np.allclose([point.pixel for point in adapter.read_points()], PIXELS, atol=1e-6)
    assert np.allclose([point.lps for point in adapter.read_points()], before, atol=1e-6)
    world = [0.0, 0.0, 0.0]
    adapter.points_node.GetNthControlPointPositionWorld(1, world)
    local = np.array([*before[1], 1.0]) * (-1, -1, 1, 1)
    matrix = slicer.util.arrayFromTransformMatrix(transform)
    assert world == pytest.approx((matrix @ local)[:3], abs=1e-6)
    adapter.fit_image()
    left, right = host.view.at(adapter._frame.world((0, 30))), host.view.at(adapter._frame.world((89, 30)))
    assert right[0] - left[0] > 100
    assert left[1] == pytest.approx(right[1], abs=1e-6)
    assert log == []


def test_points_below_a_transform_of_their_own_count_where_they_are_seen(host: SceneHost, tmp_path: Path) -> None:
    log = Log()
    adapter, work = opened(host, FILES["anisotropic nrrd"](tmp_path), log)
    shift = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    # Two pixels to the right are 0.62 mm to the left of the patient.
    matrix.SetElement(0, 3, -0.62)
    shift.SetMatrixTransformToParent(matrix)
    adapter.points_node.SetAndObserveTransformNodeID(shift.GetID())
    assert np.allclose([point.pixel for point in adapter.read_points()], np.add(PIXELS, (2, 0)), atol=1e-6)
    assert [entry[:2] for entry in log] == [("point_moved", index) for index in range(4)]
    log.clear()
    adapter.show_points(TASK, work)
    assert np.allclose([point.pixel for point in adapter.read_points()], PIXELS, atol=1e-6)
    assert log == []


def test_dragging_below_a_transform_gives_the_images_own_place(host: SceneHost, tmp_path: Path) -> None:
    log = Log()
    adapter, work = opened(host, FILES["oblique mirrored nrrd"](tmp_path), log)
    adapter.volume.SetAndObserveTransformNodeID(shear_and_move().GetID())
    adapter.fit_image()
    begin = host.view.at(adapter._frame.world(PIXELS[2]))
    goal = tuple(round(value) for value in host.view.at(adapter._frame.world((60.0, 40.0))))
    host.view.drag([begin, (150, 150), goal])
    # The mouse knows whole pixels of the view only.
    assert host.view.at(adapter._frame.world(adapter.read_points()[2].pixel)) == pytest.approx(goal, abs=1.0)
    assert log[-1][0] == "drag_ended"
    assert log[-1][2] == pytest.approx(work.geometry.to_lps(*adapter.read_points()[2].pixel))


def test_a_differently_placed_file_of_the_server_still_meets_its_pixels(host: SceneHost, tmp_path: Path) -> None:
    adapter = host.adapter()
    adapter.show_image(FILES["jpeg with dpi"](tmp_path), "eye")
    work = predicted_work(adapter, PIXELS)
    elsewhere = Geometry((5.0, 6.0, 7.0), (0.0, 0.5, 0.0), (0.0, 0.0, -0.25), (0.5, 0.25), "mm", SIZE)
    work.geometry = elsewhere
    for index, pixel in enumerate(PIXELS):
        work.point_moved(index, elsewhere.to_lps(*pixel))
    adapter.show_points(TASK, work)
    assert np.allclose([point.pixel for point in adapter.read_points()], PIXELS, atol=1e-6)
    assert np.allclose([point.lps for point in adapter.read_points()], [p.position for p in work.points], atol=1e-6)


def test_numbered_files_of_one_folder_stay_separate_images(host: SceneHost, tmp_path: Path) -> None:
    first = save_png(tmp_path / "IMG_001.png", color=10)
    second = save_png(tmp_path / "IMG_002.png", color=90)
    adapter = host.adapter()
    adapter.show_image(first, "IMG_001")
    assert slicer.util.arrayFromVolume(adapter.volume).shape == (1, 120, 200, 3)
    adapter.show_image(second, "IMG_002")
    assert slicer.util.arrayFromVolume(adapter.volume)[0, 0, 0, 0] == 90
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1


def test_an_image_with_slices_is_refused_and_the_open_one_stays(host: SceneHost, tmp_path: Path) -> None:
    adapter, _ = opened(host, FILES["png"](tmp_path))
    itk.imwrite(itk.image_from_array(np.zeros((3, 20, 30), np.uint8)), str(tmp_path / "stack.nrrd"))
    with pytest.raises(SceneError, match="has 3 slices"):
        adapter.show_image(tmp_path / "stack.nrrd", "stack")
    assert adapter.image_id == "eye"
    assert len(adapter.read_points()) == 4
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1


def test_a_file_that_is_absent_is_said_so_and_the_open_one_stays(host: SceneHost, tmp_path: Path) -> None:
    adapter, _ = opened(host, FILES["png"](tmp_path))
    with pytest.raises(SceneError, match=r"no file .*gone\.png"):
        adapter.show_image(tmp_path / "gone.png", "gone")
    assert adapter.image_id == "eye"
