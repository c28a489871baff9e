"""Elements of what a PACS sends: those that name a patient, at any depth, and those that cannot be read or written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from monai_ext.dicomweb import AnswerError, Connection, Instance, fetch_image, fetch_report, send_report
from monai_ext.landmarks import InputError

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "structured_reports")]
from dicom_images import dicom_image, write_dicom  # noqa: E402
from rude_pacs import Answer, rude_pacs  # noqa: E402

#: An element of a code that no standard has, and a number of two bytes that has three.
STRANGE = {
    "code": (b"LO\x08\x00a street", b"QQ\x08\x00a street"),
    "length": (b"\x28\x00\x03\x01US\x02\x00\x00\x00", b"\x28\x00\x03\x01US\x03\x00\x00\x00\x00"),
}


def sent(content: bytes) -> Answer:
    return 200, {}, b"--b0\r\n\r\n" + content + b"\r\n--b0--\r\n"


def instance_of(image: Dataset) -> Instance:
    return Instance(str(image.StudyInstanceUID), str(image.SeriesInstanceUID), str(image.SOPInstanceUID))


def test_a_patient_is_taken_away_at_any_depth(tmp_path: Path) -> None:
    image = dicom_image("DX", (37, 23))
    request, original, changed = Dataset(), Dataset(), Dataset()
    request.AccessionNumber, request.RequestedProcedureID = "A-secret", "procedure"
    changed.AccessionNumber, changed.PatientID, changed.Modality = "B-secret", "C-secret", "CR"
    original.ModifiedAttributesSequence = [changed]
    image.RequestAttributesSequence, image.OriginalAttributesSequence = [request], [original]
    image.AdmissionID, image.CurrentPatientLocation = "D-secret", "E-secret"
    image.PatientInstitutionResidence = "F-secret"
    image.ClinicalTrialSubjectID, image.ClinicalTrialSubjectReadingID = "G-secret", "H-secret"
    image.ClinicalTrialProtocolID = "trial"
    content = write_dicom(tmp_path / "sent.dcm", image).read_bytes()
    assert content.count(b"-secret") == 8
    with rude_pacs(lambda _: sent(content)) as (address, _):
        fetch_image(Connection(address), instance_of(image), None, tmp_path / "fetched.dcm")
    assert b"-secret" not in (tmp_path / "fetched.dcm").read_bytes()
    fetched = dcmread(tmp_path / "fetched.dcm")
    assert fetched.RequestAttributesSequence[0].AccessionNumber == ""
    assert fetched.RequestAttributesSequence[0].RequestedProcedureID == "procedure"
    assert fetched.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].Modality == "CR"
    assert (fetched.ClinicalTrialProtocolID, fetched.PixelData) == ("trial", image.PixelData + b"\0")


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("frame", [None, 1])
def test_elements_that_cannot_be_read_are_one_sentence(strange: str, frame: int | None, tmp_path: Path) -> None:
    image = dicom_image("DX", (37, 23))
    image.StudyDescription, image.NumberOfFrames = "a street", 1
    content = write_dicom(tmp_path / "sent.dcm", image).read_bytes()
    assert content.count(STRANGE[strange][0]) == 1
    with rude_pacs(lambda _: sent(content.replace(*STRANGE[strange]))) as (address, _):
        with pytest.raises(AnswerError, match=f"^{address} sends .* cannot be read.$"):
            fetch_image(Connection(address), instance_of(image), frame, tmp_path / "fetched.dcm")
        with pytest.raises(AnswerError, match=f"^{address} sends .* that cannot be read.$"):
            fetch_report(Connection(address), instance_of(image))
    assert not (tmp_path / "fetched.dcm").exists()


@pytest.mark.filterwarnings("ignore:A value of type 'int'")
def test_an_element_that_cannot_be_written_is_one_sentence_without_its_value(tmp_path: Path) -> None:
    report = dcmread(write_dicom(tmp_path / "report.dcm", dicom_image("OP")))
    report.AccessionNumber = 5551234  # as of JSON with a number for a text
    with pytest.raises(InputError, match="that no report can hold \\(TypeError\\)") as caught:
        send_report(Connection("http://127.0.0.1:1/rs"), report)
    assert "5551234" not in str(caught.value)
