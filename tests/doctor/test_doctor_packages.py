from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from monai_ext.doctor.check import OK, PROBLEM, WARNING, Check
from monai_ext.doctor.packages import (
    Declared,
    check_extra,
    check_monai_label,
    check_packages,
    check_python,
    check_torch_pair,
    declared,
    explanation,
    import_error,
    installed_versions,
)

METADATA = """\
Metadata-Version: 2.1
Name: Monai_Landmarks
Version: 0.1.0
Requires-Python: <3.13,>=3.10
Requires-Dist: numpy<2,>=1.26
Requires-Dist: Some.Thing>=3
Requires-Dist: only-old==1; python_version < "3"
Requires-Dist: monailabel==0.8.5; extra == "server"
Requires-Dist: dicomweb-client<0.61; extra == "server"
Requires-Dist: timm>=1; extra == "pretrained"
Provides-Extra: server
Provides-Extra: pretrained
"""


def install(folder: Path, name: str, version: str, metadata: str = "") -> None:
    """A distribution as pip leaves it."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(metadata or f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.fixture
def site(place: Path) -> Path:
    folder = place / "site-packages"
    install(folder, "monai_landmarks", "0.1.0", METADATA)
    install(folder, "numpy", "1.26.4")
    install(folder, "some-thing", "3.1rc1")
    return folder


def packages_in(site: Path):
    return declared(path=[str(site)]), installed_versions([str(site)])


def test_reads_what_a_distribution_declares(site: Path) -> None:
    needs, installed = packages_in(site)
    assert needs is not None
    assert (needs.version, needs.python, needs.extras) == ("0.1.0", "<3.13,>=3.10", ("server", "pretrained"))
    assert installed == {"monai-landmarks": "0.1.0", "numpy": "1.26.4", "some-thing": "3.1rc1"}
    assert declared("absent", [str(site)]) is None


def test_the_first_folder_wins_as_in_an_import(site: Path, tmp_path: Path) -> None:
    install(tmp_path / "second", "numpy", "2.1.0")
    assert installed_versions([str(site), str(tmp_path / "second")])["numpy"] == "1.26.4"


def test_packages_in_their_ranges_are_ok(site: Path) -> None:
    check = check_packages(*packages_in(site))
    assert (check.state, check.found) == (OK, "monai-landmarks 0.1.0: 2 packages, in the declared ranges")


def test_a_package_beyond_its_range_and_an_absent_one_are_named(site: Path, tmp_path: Path) -> None:
    needs, installed = packages_in(site)
    check = check_packages(needs, {**installed, "numpy": "2.0.0"} | {"some-thing": "2"})
    assert check.state == PROBLEM
    assert check.found == "numpy 2.0.0 is not within <2,>=1.26; Some.Thing 2 is not within >=3"
    assert check.advice == 'Run `pip install "numpy<2,>=1.26" "Some.Thing>=3"`.'
    del installed["some-thing"]
    assert "Some.Thing is not installed (wanted: >=3)" in check_packages(needs, installed).found


def test_without_an_installed_package_nothing_is_declared(tmp_path: Path) -> None:
    needs, installed = packages_in(tmp_path)
    check = check_packages(needs, installed)
    assert (check.state, needs) == (WARNING, None)
    assert "`pip install -e .`" in check.advice


@pytest.mark.parametrize(
    ("version", "state"), [("3.10.0", OK), ("3.12.9", OK), ("3.13.0", PROBLEM), ("3.9.18", PROBLEM)]
)
def test_python_has_a_range_too(site: Path, version: str, state: str) -> None:
    check = check_python(version, declared(path=[str(site)]))
    assert (check.state, version in check.found, "<3.13,>=3.10" in check.found) == (state, True, True)


def test_an_absent_server_is_a_warning_and_half_a_server_with_the_wrong_client_a_problem(site: Path) -> None:
    needs, installed = packages_in(site)
    absent = check_extra(needs, "server", installed)
    assert (absent.state, absent.found) == (
        WARNING, "not installed: monailabel, dicomweb-client; the server cannot run",
    )  # fmt: skip
    assert absent.advice == 'Run `pip install "monailabel==0.8.5" "dicomweb-client<0.61"`.'
    wrong = check_extra(needs, "server", {**installed, "monailabel": "0.8.5", "dicomweb-client": "0.61.0"})
    assert (wrong.state, wrong.found) == (PROBLEM, "dicomweb-client 0.61.0 is not within <0.61")
    right = check_extra(needs, "server", {**installed, "monailabel": "0.8.5", "dicomweb-client": "0.60.1"})
    assert (right.state, right.found) == (OK, "2 packages, in the declared ranges")
    assert check_extra(needs, "pretrained", installed).state == OK
    assert check_extra(needs, "pretrained", {**installed, "timm": "0.9"}).state == WARNING


def test_what_monai_label_breaks_on_is_a_problem() -> None:
    fine = {"monailabel": "0.8.5", "pydicom": "2.4.4", "dicomweb-client": "0.60.1", "numpy": "1.26.4"}
    assert check_monai_label(fine).state == OK
    assert check_monai_label({"numpy": "2.1"}).found.startswith("not installed")
    check = check_monai_label({**fine, "pydicom": "3.0.1", "numpy": "2.0.0"})
    assert check.state == PROBLEM
    assert "pydicom 3.0.1 is not within <3; numpy 2.0.0 is not within <2" in check.found
    assert '"pydicom<3" "dicomweb-client<0.61" "numpy<2"' in check.advice


def test_torchvision_has_to_fit_torch() -> None:
    vision = Declared("0.23.0", "", ("numpy", "torch==2.8.0"), ())
    installed = {"torch": "2.8.0+cu128", "torchvision": "0.23.0+cu128"}
    assert check_torch_pair(vision, installed).state == OK
    other = check_torch_pair(vision, {**installed, "torch": "2.9.0"})
    assert (other.state, "torch 2.9.0 is not within ==2.8.0" in other.found) == (PROBLEM, True)
    broken = check_torch_pair(vision, installed, "operator torchvision::nms does not exist")
    assert (broken.state, "torchvision::nms does not exist" in broken.found) == (PROBLEM, True)
    assert check_torch_pair(None, {"torch": "2.8.0"}).found == "torchvision is not installed"


def test_a_module_that_fails_while_it_loads_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torn_module.py").write_text("raise RuntimeError('operator torn::nms\\n  does not exist')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert import_error("torn_module") == "operator torn::nms does not exist"
    assert import_error("no_such_module_anywhere") == "No module named 'no_such_module_anywhere'"
    assert import_error("json") == ""
    assert "torn_module" not in sys.modules


def test_the_installed_pair_of_this_environment_is_told_right() -> None:
    installed = installed_versions()
    assert installed["torch"] == importlib.metadata.version("torch")
    check = check_torch_pair(declared("torchvision"), installed, import_error("torchvision"))
    assert (check.state, check.found) == (OK, f"{installed['torch']} and {installed['torchvision']}")


ROOT = Path(__file__).resolve().parents[2]


def run(*folders: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*folders, ROOT))), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "monai_ext.entry", "doctor"]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_only_problems_are_told() -> None:
    checks = [Check("a", OK, "x"), Check("b", WARNING, "y"), Check("c", PROBLEM, "z", "Do.")]
    error = RuntimeError("two\n  lines")
    assert explanation(error, checks) == "monai-landmarks cannot be loaded: two lines\nproblem  c: z -> Do."
    assert explanation(error, checks[:2]) == ""


@pytest.mark.parametrize(
    ("package", "kind", "words"),
    [
        ("torch", "OSError", "libcudart.so.12: cannot open shared object file"),
        pytest.param("torchvision", "RuntimeError", "operator torchvision::nms does not exist", marks=pytest.mark.slow),
    ],
)
def test_a_package_that_does_not_load_is_named(place: Path, package: str, kind: str, words: str) -> None:
    (place / package).mkdir()
    (place / package / "__init__.py").write_text(f"raise {kind}({words!r})")
    answer = run(place)
    assert answer.returncode == 1
    first, *others = answer.stderr.splitlines()
    assert first == f"monai-landmarks cannot be loaded: {words}"
    assert any(line.startswith("problem  torch and torchvision: ") and "pip install" in line for line in others)
    assert "Traceback" not in answer.stderr


@pytest.mark.slow
def test_a_fault_that_no_package_has_is_shown_as_it_is(place: Path) -> None:
    (place / "typer").mkdir()
    (place / "typer" / "__init__.py").write_text("raise RuntimeError('quite another matter')")
    answer = run(place)
    assert answer.returncode == 1
    assert "Traceback" in answer.stderr
    assert "quite another matter" in answer.stderr
