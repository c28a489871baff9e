"""Every code block of the documents is run, read or checked; docs/tested.md lists the commands that no test runs."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from monai_ext.cli import main
from monai_ext.images import read_frame
from monai_ext.landmarks import Protocol, read_markups
from monai_ext.studies import Studies

ROOT = Path(__file__).resolve().parents[1]
OLD = ROOT / "tests" / "old_folders"
#: What the project's program is called in commands, and whose options `test_documented_commands` checks.
PROGRAM = "monai-landmarks "
DATA = {"", "json", "toml"}
#: Blocks of Python and the tests that run them.
PYTHON = {
    "docs/export.md": "tests/model_export/test_onnx_file.py",
    "docs/extending.md": "tests/networks/test_plugins.py",
}
#: Parts of protocols that name a plug-in, and the tests that read them with it.
PLUGIN = {"docs/extending.md": "tests/networks/test_plugins.py"}


class Block(NamedTuple):
    page: str
    kind: str
    text: str

    @property
    def commands(self) -> list[str]:
        lines = self.text.replace("\\\n", " ").splitlines()
        return [" ".join(line.split()) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def blocks() -> list[Block]:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "docs" / "evidence" / "README.md"]
    pages += [ROOT / "apps" / "landmarks" / "README.md", ROOT / "slicer_module" / "README.md"]
    fence = re.compile(r"^ *```([\w-]*)\n(.*?)^ *```", flags=re.S | re.M)
    return [
        Block(page.relative_to(ROOT).as_posix(), kind, text)
        for page in sorted(pages)
        for kind, text in fence.findall(page.read_text(encoding="utf-8"))
    ]


BLOCKS = blocks()


def of(kind: str) -> list[Block]:
    return [block for block in BLOCKS if block.kind == kind]


def not_run() -> set[tuple[str, str]]:
    rows = re.findall(r"^\| (\S+\.md) \| `([^`]+)` \| [^|]{8,} \|$", (ROOT / "docs/tested.md").read_text(), flags=re.M)
    assert rows
    return set(rows)


def test_each_block_is_of_a_kind_that_is_checked() -> None:
    assert len(BLOCKS) > 60
    assert {block.kind for block in BLOCKS} <= {"bash", "python", "yaml", "diff", *DATA}


def test_each_command_is_one_of_the_program_or_listed_with_the_reason_why_it_is_not_run() -> None:
    others = {
        (block.page, command) for block in of("bash") for command in block.commands if not command.startswith(PROGRAM)
    }
    listed = not_run()
    used = {
        (page, start) for page, command in others for at, start in listed if at == page and command.startswith(start)
    }
    unlisted = [each for each in others if not any(at == each[0] and each[1].startswith(start) for at, start in listed)]
    assert unlisted == []
    assert listed - used == set(), "no such command stands there any more"


def test_python_is_run_by_the_test_of_its_page() -> None:
    assert {block.page for block in of("python")} == set(PYTHON)
    for page, test in PYTHON.items():
        assert Path(page).name in (ROOT / test).read_text(encoding="utf-8")


@pytest.mark.parametrize("block", [b for b in of("yaml") if b.page not in PLUGIN], ids=lambda block: block.page)
def test_a_part_of_a_protocol_can_be_read(block: Block) -> None:
    least: dict[str, Any] = {
        "name": "p",
        "title": "P",
        "channels": "grey",
        "landmarks": [{"name": "a", "description": "A"}],
    }
    part = yaml.safe_load(block.text) or {}
    if "cross_task" in part.get("recipe", {}):  # an encoder without normalisation of its own
        least["channels"] = "rgb"
    assert Protocol.model_validate(least | part).landmarks


@pytest.mark.parametrize("block", of("diff"), ids=lambda block: block.page)
def test_what_a_patch_removes_stands_in_the_file(block: Block) -> None:
    text, removed = "", 0
    for line in block.text.splitlines():
        if line.startswith("--- "):
            text = "" if line.endswith("/dev/null") else (ROOT / line[6:]).read_text(encoding="utf-8")
        elif line.startswith("-"):
            removed += 1
            assert line[1:].strip() in text, line
    assert removed or "/dev/null" in block.text


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders and files that the pages speak of: eight small photographs with three landmarks, and a network."""
    shutil.copytree(OLD / "models" / "tiny", tmp_path / "models" / "wings")
    for folder in ("photos", "new_photos", "protocols"):
        (tmp_path / folder).mkdir()
    studies = Studies(OLD / "studies")
    for id, path in studies.images().items():
        shutil.copy(path, tmp_path / "photos" / f"{id}.png")
    shutil.copy(tmp_path / "photos" / "spots_7.png", tmp_path / "new_photos" / "new.png")
    rows = [("image", "landmark", "x", "y")]
    for id in studies.labelled():
        label = read_markups(studies.label_path(id), read_frame(studies.images()[id]), ("left", "right", "chin"))
        points = zip(label.names, label.points.tolist(), label.defined, strict=True)
        rows += [(f"{id}.png", name, *point) for name, point, defined in points if defined]
    for name in ("points", "senior", "junior"):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def add_study(folder: Path) -> None:
    shutil.copytree(OLD / "studies", folder / "studies", ignore=shutil.ignore_patterns("*.json*", "labels"))
    shutil.copytree(OLD / "studies" / "labels" / "final", folder / "studies" / "labels" / "final")
    protocol = (OLD / "tiny.yaml").read_text().replace("name: tiny", "name: wings")
    (folder / "protocols" / "wings.yaml").write_text(protocol)
    (folder / "wings.yaml").write_text(protocol)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs one command line in this process; its standard output. The doctor ends with 1 where it finds a problem."""

    def command(line: str, *codes: int) -> str:
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        told = capsys.readouterr()
        assert code in (codes or (0,)), f"{line}\n{told.err}"
        return told.out

    return command


def commands(page: str, *names: str) -> list[str]:
    """The command lines of a page with one of these names, in their order."""
    lines = [line for block in of("bash") if block.page == page for line in block.commands]
    found = [line for line in lines if line.startswith(PROGRAM) and line.split()[1] in names]
    assert {line.split()[1] for line in found} == set(names)
    return found


def test_measure_in_millimetres(workspace: Path, run: Callable[..., str]) -> None:
    table = next(block.text for block in BLOCKS if block.page == "docs/calibration.md" and block.kind == "")
    (workspace / "points.csv").write_text(table)
    shutil.copy(workspace / "photos" / "spots_0.png", workspace / "photos" / "i.png")
    named = ("import", "predict", "measure", "uncertainty", "evaluate")
    into, detect, measure, uncertainty, evaluate = commands("docs/calibration.md", *named)
    run(into)
    assert json.loads((workspace / "studies/calibration.json").read_text())["i"]["mm_per_px"] == [0.25, 0.25]
    run(detect)
    answers = json.loads((workspace / "predictions/answers.json").read_text())
    assert {(answer["unit"], tuple(answer["spacing"])) for answer in answers} == {("mm", (0.25, 0.25))}
    shutil.rmtree(workspace / "studies")
    add_study(workspace)
    run(measure)
    rows = list(csv.DictReader((workspace / "lengths.csv").open()))
    assert len(rows) == 7
    assert {row["measurement"] for row in rows} == {"width"}
    run(evaluate)
    assert json.loads((workspace / "evaluation/metrics.json").read_text())["images"]
    Studies(workspace / "studies").write_splits(dict.fromkeys(Studies(workspace / "studies").labelled(), "val"))
    run(uncertainty)
    assert json.loads((workspace / "radii/uncertainty.json").read_text())["unit"] == "%"


def test_label_fewer_images(workspace: Path, run: Callable[..., str]) -> None:
    add_study(workspace)
    Studies(workspace / "studies").write_splits(dict.fromkeys(Studies(workspace / "studies").labelled(), "val"))
    review, evaluate, uncertainty = commands("docs/choose_images.md", "review", "evaluate", "uncertainty")
    run(review)
    run(evaluate)
    run(uncertainty)
    assert json.loads((workspace / "uncertainty/uncertainty.json").read_text())["measures"]


def test_a_new_protocol_is_written_and_checked(workspace: Path, run: Callable[..., str]) -> None:
    block = next(block for block in of("yaml") if block.page == "docs/new_protocol.md")
    (into,) = re.findall(r"`(monai-landmarks import [^`]+)`", (ROOT / "docs/new_protocol.md").read_text())
    run(into)
    assert "left" in (workspace / "protocols/hip.yaml").read_text()
    (workspace / "protocols/hip.yaml").write_text(block.text)
    (doctor,) = commands("docs/new_protocol.md", "doctor")
    (workspace / "protocols/bad.yaml").write_text(block.text.replace("channels: grey", "channels: gray"))
    told = " ".join(run(doctor, 0, 1).split())
    assert "protocols/bad.yaml, line 3: channels: Input should be 'grey' or 'rgb' (got 'gray')" in told
    assert "hip.yaml, line" not in told


def test_two_readers_are_imported_and_compared(workspace: Path, run: Callable[..., str]) -> None:
    add_study(workspace)
    lines = commands("docs/two_readers.md", "import", "agreement")
    for line in lines:
        words = {"DIR": "two", "P": "wings.yaml"}
        line = " ".join(words.get(word, word) for word in line.split()).replace(
            "--model wings.yaml", "--model models/wings"
        )
        run(line)
    found = json.loads((workspace / "agreement/agreement.json").read_text())
    assert found["comparisons"][0]["overall"]["mean"] == 0.0


def test_faults_are_looked_for_and_labels_mapped(workspace: Path, run: Callable[..., str]) -> None:
    add_study(workspace)
    doctor, plan, remap = commands("docs/troubleshooting.md", "doctor", "remap")
    assert "8 images: 7 final" in run(f"{doctor.replace('DIR', 'studies')} --quick", 0, 1)
    run(plan.replace("DIR", "studies"))
    run(remap.replace("DIR", "studies"))


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_from_a_table_to_a_detector(page: str, workspace: Path, run: Callable[..., str], monkeypatch) -> None:
    shutil.rmtree(workspace / "models")
    from monai_ext.commands import options

    monkeypatch.setattr(options, "default_models_dir", lambda: workspace / "models")
    names = {
        "README.md": ("import", "train", "evaluate", "predict"),
        "docs/tutorial.md": ("import", "train", "evaluate", "report"),
    }
    for line in commands(page, *names[page]):
        short = " --max-epochs 1 --device cpu --workers 0" if line.split()[1] == "train" else ""
        if short and "--models" not in line:
            short += " --models models"
        run(line + short)
    assert json.loads((workspace / "models/wings/card.json").read_text())["version"] == "v1"
    assert json.loads((workspace / "evaluation/metrics.json").read_text())["images"]
