"""``monai-landmarks doctor`` as a person and as a script call it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "doctor"))
from doctor_cases import two_points, write_image, write_label, write_model, write_protocol
from rich.console import Console

from monai_ext.commands import doctor
from monai_ext.doctor.check import Check


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    root = tmp_path / "clinic"
    write_protocol(root / "app" / "protocols", two_points())
    (root / "app" / "main.py").write_text("")
    write_model(root / "app" / "pretrained" / "wings", two_points())
    (root / "studies").mkdir()
    write_image(root / "studies" / "ä 1.png")
    write_label(root / "studies", "ä 1")
    return root


def arguments(root: Path) -> list[object]:
    return ["doctor", "--app", root / "app", "--studies", root / "studies", "--port", "1"]


def test_a_healthy_clinic_gets_one_plain_line_for_each_check_and_code_0(cli, clinic: Path, monkeypatch) -> None:
    monkeypatch.delenv("LANDMARKS_TOKEN", raising=False)
    answer = cli(*arguments(clinic))
    lines = answer.out.splitlines()
    assert answer.code == 0, answer.out
    assert all(re.match(r"(ok {7}|warning {2})\S.*: ", line) for line in lines[:-1]), lines
    assert "ok       Images: 1 image: 1 final, 0 draft, 0 unlabelled" in lines
    assert any(line.startswith("ok       Model of wings: v1, 7 labels") and "it answers" in line for line in lines)
    assert re.fullmatch(r"no problems, (no|\d) warnings?\.", lines[-1])
    assert "\x1b" not in answer.out + answer.err


def test_a_broken_clinic_gets_what_to_do_and_code_1(cli, clinic: Path) -> None:
    (clinic / "app" / "protocols" / "bad.yaml").write_text("name: bad\n")
    (clinic / "app" / "pretrained" / "wings" / "v1.safetensors").write_bytes(b"torn")
    (clinic / "studies" / "datastore_v2.json").write_bytes(b"{")

    answer = cli(*arguments(clinic), "--quick")

    problems = [line for line in answer.out.splitlines() if line.startswith("problem")]
    assert answer.code == 1
    assert [line.split(":")[0] for line in problems] == [
        "problem  Protocol file", "problem  Model of wings", "problem  Index datastore_v2.json",
    ]  # fmt: skip
    assert all(" -> " in line for line in problems)
    assert answer.out.splitlines()[-1].startswith("3 problems, ")


def test_json_is_for_machines(cli, clinic: Path) -> None:
    (clinic / "studies" / "torn ü.png").write_bytes(b"\x89PNG")
    answer = cli(*arguments(clinic), "--quick", "--json")
    document = json.loads(answer.out)
    assert answer.code == 1
    assert set(document) == {"problems", "warnings", "checks"}
    (bad,) = (check for check in document["checks"] if check["state"] == "problem")
    assert document["problems"] == 1
    assert (bad["name"], set(bad)) == ("Image files", {"name", "state", "found", "advice"})
    assert "torn ü.png" in bad["found"]
    assert document["warnings"] == sum(check["state"] == "warning" for check in document["checks"])


def test_further_protocols_and_another_models_folder_count(cli, clinic: Path) -> None:
    write_protocol(clinic / "mine", two_points("ears"))
    write_model(clinic / "nets" / "ears", two_points("ears"))
    answer = cli(*arguments(clinic), "--quick", "--protocol-dir", clinic / "mine", "--models", clinic / "nets")
    assert "ok       Protocols: 2 protocols: wings, ears" in answer.out
    assert (
        f"ok       Model of ears: v1, 7 labels, validation error 1.25 px, in {clinic / 'nets' / 'ears'}" in answer.out
    )


def test_a_terminal_gets_a_table_whose_words_are_no_markup() -> None:
    console = Console(width=60, force_terminal=True, color_system="truecolor", record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(doctor.table([Check("Extra [server]", "problem", "left [bold] out " * 5, "Run `pip install`.")]))
    text = console.export_text(styles=False)
    assert "problem" in text
    assert "Extra [server]" in text
    assert text.count("[bold]") == 5
    assert "Run `pip install`." in text
