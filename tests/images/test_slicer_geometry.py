"""The same landmark pixel lies at the same physical point here and in 3D Slicer's own volume reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from monai_ext.images import read_frame, read_image
from monai_ext.landmarks.geometry import flip_lps_ras

slicer = pytest.importorskip("slicer")
itk = pytest.importorskip("itk")
vtk = pytest.importorskip("vtk")

#: Formats that slicer-core cannot read by itself; Slicer's application reads them with ITK.
ITK_ONLY = (".png", ".jpg", ".tif", ".bmp")
SINGLE_FILE = 4  # vtkSlicerVolumesLogic::SingleFile
WIDTH, HEIGHT = 37, 23
LANDMARKS = np.array([[0.0, 0.0], [36.0, 0.0], [0.0, 22.0], [36.0, 22.0], [10.25, 3.5], [30.0, 20.75]])
CR_IMAGE, SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.7"


@pytest.fixture(scope="module")
def load_in_slicer() -> Callable[[Path], np.ndarray]:
    """Loads a file as Slicer does and gives its (4, 4) IJKToRAS matrix."""
    scene = slicer.vtkMRMLScene()
    logic = slicer.vtkSlicerVolumesLogic()
    logic.SetMRMLScene(scene)

    def load(path: Path) -> np.ndarray:
        if path.suffix in ITK_ONLY:
            nrrd = path.with_suffix(path.suffix + ".nrrd")
            itk.imwrite(itk.imread(str(path)), str(nrrd))
            path = nrrd
        node = logic.AddArchetypeVolume(str(path), path.stem, SINGLE_FILE)
        assert node is not None, f"Slicer does not load {path.name}"
        assert node.GetImageData().GetDimensions() == (WIDTH, HEIGHT, 1)
        matrix = vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(matrix)
        return np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])

    return load


def assert_same_place(path: Path, load_in_slicer: Callable[[Path], np.ndarray]) -> None:
    ijk = np.column_stack([LANDMARKS, np.zeros(len(LANDMARKS)), np.ones(len(LANDMARKS))])
    slicer_lps = flip_lps_ras((ijk @ load_in_slicer(path).T)[:, :3])
    for frame in (read_image(path)[1], read_frame(path)):
        np.testing.assert_allclose(frame.to_lps(LANDMARKS), slicer_lps, atol=1e-4)
        np.testing.assert_allclose(frame.from_lps(slicer_lps), LANDMARKS, atol=1e-3)


def oblique(*degrees: float) -> np.ndarray:
    """A rotation about x, y and z in turn."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        i, j = [k for k in range(3) if k != axis]
        turn = np.eye(3)
        turn[[i, i, j, j], [i, j, i, j]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        matrix = turn @ matrix
    return matrix


@pytest.mark.parametrize("suffix", ["png", "bmp", "jpg", "tif"])
@pytest.mark.parametrize("dpi", [None, (300, 150)])
@pytest.mark.parametrize("color", [False, True])
def test_photographs(
    tmp_path: Path,
    smooth: np.ndarray,
    load_in_slicer: Callable[[Path], np.ndarray],
    suffix: str,
    dpi: tuple[int, int] | None,
    color: bool,
) -> None:
    path = tmp_path / f"image.{suffix}"
    image = Image.fromarray(np.stack([smooth, smooth[::-1], smooth], axis=-1) if color else smooth)
    image.save(path, **({} if dpi is None else {"dpi": dpi}))
    assert_same_place(path, load_in_slicer)
    x = 25.4 / 300 if dpi and suffix in ("jpg", "tif") else 1.0
    np.testing.assert_allclose(read_frame(path).to_lps([10, 0]), [10 * x, 0, 0], rtol=1e-5)
    assert read_frame(path).unit == "px"


@pytest.mark.parametrize("kind", ["grey", "16 bits", "color"])
def test_a_png_that_itk_wrote_lies_where_itk_puts_it_and_is_not_calibrated(
    tmp_path: Path, smooth: np.ndarray, load_in_slicer: Callable[[Path], np.ndarray], kind: str
) -> None:
    pixels = np.dstack([smooth] * 3) if kind == "color" else smooth.astype(np.uint16 if kind == "16 bits" else np.uint8)
    image = sitk.GetImageFromArray(pixels, isVector=kind == "color")
    image.SetSpacing((0.5, 0.2))
    path = tmp_path / "image.png"
    sitk.WriteImage(image, str(path))  # with the spacing in its chunk sCAL
    assert_same_place(path, load_in_slicer)
    frame = read_frame(path)
    np.testing.assert_allclose(frame.placement, [[0.5, 0, 0], [0, 0.2, 0], [0, 0, 0]], rtol=1e-12)
    assert (frame.spacing, frame.unit) == (None, "px")


def test_jpeg_density_per_centimetre(
    tmp_path: Path, smooth: np.ndarray, load_in_slicer: Callable[[Path], np.ndarray]
) -> None:
    path = tmp_path / "image.jpg"
    Image.fromarray(smooth).save(path, dpi=(50, 40))
    raw = bytearray(path.read_bytes())
    raw[raw.find(b"JFIF") + 7] = 2  # the density's unit: dots per cm
    path.write_bytes(raw)
    assert_same_place(path, load_in_slicer)
    np.testing.assert_allclose(read_frame(path).to_lps([10, 10]), [2, 2.5, 0], rtol=1e-5)


def test_exif_orientation(tmp_path: Path, smooth: np.ndarray, load_in_slicer: Callable[[Path], np.ndarray]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(smooth).save(tmp_path / "image.jpg", exif=exif)
    assert_same_place(tmp_path / "image.jpg", load_in_slicer)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha"])
@pytest.mark.parametrize(
    "direction",
    [
        np.eye(3),
        np.diag([-1.0, -1.0, 1.0]),
        np.diag([-1.0, 1.0, -1.0]),
        np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
        oblique(20, -35, 50),
    ],
    ids=["lps", "ras", "mirrored", "sagittal", "oblique"],
)
def test_slices_in_space(
    tmp_path: Path,
    smooth: np.ndarray,
    load_in_slicer: Callable[[Path], np.ndarray],
    suffix: str,
    direction: np.ndarray,
) -> None:
    image = sitk.GetImageFromArray(smooth[None])
    image.SetSpacing((0.5, 0.2, 3.0))
    image.SetOrigin((-40.0, 25.0, 70.0))
    image.SetDirection(direction.ravel().tolist())
    path = tmp_path / f"slice.{suffix}"
    sitk.WriteImage(image, str(path))
    assert_same_place(path, load_in_slicer)
    frame = read_frame(path)
    np.testing.assert_allclose(frame.to_lps([10, 0]), np.array([-40, 25, 70]) + 5 * direction[:, 0], atol=1e-4)
    np.testing.assert_allclose(frame.to_lps([0, 10]), np.array([-40, 25, 70]) + 2 * direction[:, 1], atol=1e-4)
    assert frame.spacing == pytest.approx((0.5, 0.2), rel=1e-5)


@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
def test_two_dimensional_files(
    tmp_path: Path, smooth: np.ndarray, load_in_slicer: Callable[[Path], np.ndarray], suffix: str
) -> None:
    image = sitk.GetImageFromArray(smooth)
    image.SetSpacing((0.5, 0.2))
    image.SetOrigin((-4.0, 2.5))
    image.SetDirection((0.8, -0.6, 0.6, 0.8))
    path = tmp_path / f"slice.{suffix}"
    sitk.WriteImage(image, str(path))
    assert_same_place(path, load_in_slicer)


@pytest.mark.parametrize("space", ["left-posterior-superior", "right-anterior-superior", "left-anterior-superior"])
def test_nrrd_spaces(tmp_path: Path, load_in_slicer: Callable[[Path], np.ndarray], space: str) -> None:
    header = [
        "NRRD0004",
        "type: uint8",
        "dimension: 3",
        f"sizes: {WIDTH} {HEIGHT} 1",
        f"space: {space}",
        "space directions: (0.5,0,0) (0,0.3,0.4) (0,-0.8,0.6)",
        "space origin: (1,2,3)",
        "encoding: raw",
    ]
    path = tmp_path / "slice.nrrd"
    path.write_bytes("\n".join(header).encode() + b"\n\n" + bytes(WIDTH * HEIGHT))
    assert_same_place(path, load_in_slicer)
    assert read_frame(path).spacing == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize("sop_class", [CR_IMAGE, SECONDARY_CAPTURE])
@pytest.mark.parametrize("tag", [None, "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"])
def test_dicom(
    tmp_path: Path,
    smooth: np.ndarray,
    load_in_slicer: Callable[[Path], np.ndarray],
    write_dicom: Callable[..., Path],
    sop_class: str,
    tag: str | None,
) -> None:
    path = write_dicom(tmp_path / "slice.dcm", smooth, sop_class, **({} if tag is None else {tag: ["0.2", "0.5"]}))
    assert_same_place(path, load_in_slicer)
    assert read_frame(path).spacing == (None if tag is None else (0.5, 0.2))


def test_dicom_slice_in_space(
    tmp_path: Path,
    smooth: np.ndarray,
    load_in_slicer: Callable[[Path], np.ndarray],
    write_dicom: Callable[..., Path],
) -> None:
    path = write_dicom(
        tmp_path / "slice.dcm",
        smooth,
        "1.2.840.10008.5.1.4.1.1.4",
        PixelSpacing=["0.2", "0.5"],
        ImagePositionPatient=["-40", "25", "70"],
        ImageOrientationPatient=["0", "1", "0", "0", "0", "-1"],
    )
    assert_same_place(path, load_in_slicer)
    np.testing.assert_allclose(read_frame(path).to_lps([10, 5]), [-40, 25 + 5, 70 - 1], atol=1e-5)
