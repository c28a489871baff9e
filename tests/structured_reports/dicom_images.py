"""Small DICOM images of the kinds that landmarks are placed on, complete enough for a strict checker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CLASSES = {
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "OP": "1.2.840.10008.5.1.4.1.1.77.1.5.1",
    "XC": "1.2.840.10008.5.1.4.1.1.77.1.4",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
}


def dicom_image(modality: str, size: tuple[int, int] = (64, 48), spacing: tuple[float, float] | None = None) -> Dataset:
    """An image of a modality.

    Args:
        modality: one of :data:`CLASSES`.
        size: width and height.
        spacing: of the pixels along x and y in mm; stated for CR and DX alone.
    """
    width, height = size
    colour = modality in {"OP", "XC", "US"}
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = CLASSES[modality], generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.Modality = modality
    image.PatientName, image.PatientID = "Test^Patient", "42"
    image.PatientBirthDate, image.PatientSex = "19700101", "O"
    image.StudyDate, image.StudyTime, image.StudyID = "20260102", "030405", "7"
    image.AccessionNumber = image.ReferringPhysicianName = ""
    image.SeriesNumber, image.InstanceNumber = 1, 1
    image.Rows, image.Columns = height, width
    image.SamplesPerPixel, image.BitsAllocated, image.BitsStored, image.HighBit = (3 if colour else 1), 8, 8, 7
    image.PixelRepresentation = 0
    image.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        image.PlanarConfiguration = 0
    if spacing is not None:
        image.ImagerPixelSpacing = [spacing[1], spacing[0]]
    rng = np.random.default_rng(3)
    image.PixelData = rng.integers(0, 255, (height, width, image.SamplesPerPixel), dtype=np.uint8).tobytes()
    return image


def write_dicom(path: Path, image: Dataset) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta, image.is_little_endian, image.is_implicit_VR = meta, True, False
    image.save_as(path, write_like_original=False)
    return path
