"""The command line as a whole: what it loads before the work begins, and one meaning for each option."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from monai_ext.cli import app

COMMANDS: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
HEAVY = ("torch", "monai", "matplotlib", "scipy")
RUN = f"""
import json, sys
from monai_ext.entry import main
codes = []
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["monai-landmarks", *arguments]
    try:
        main()
    except SystemExit as stop:
        codes.append(stop.code)
print(json.dumps([codes, sorted(set({HEAVY}) & set(sys.modules))]))
"""


def values(command: str, *arguments: str) -> dict[str, Any]:
    """What a command would be called with."""
    return COMMANDS[command].make_context(command, list(arguments)).params


def loaded(*lines: list[str]) -> tuple[list[int], list[str]]:
    """The exit codes of some commands in one process, and which heavy packages they loaded."""
    ran = subprocess.run([sys.executable, "-c", RUN, json.dumps(lines)], capture_output=True, text=True, check=True)
    codes, heavy = json.loads(ran.stdout.splitlines()[-1])
    return codes, heavy


def test_help_and_version_load_nothing_heavy() -> None:
    codes, heavy = loaded(["--help"], ["--version"], *([name, "--help"] for name in COMMANDS))

    assert codes == [0] * (len(COMMANDS) + 2)
    assert heavy == []


def test_a_wrong_path_or_option_is_refused_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    nowhere, out = str(tmp_path / "nowhere"), str(tmp_path / "out")
    (tmp_path / "empty").mkdir()
    codes, heavy = loaded(
        ["train", "--protocol", "fundus", "--studies", nowhere],
        ["train", "--protocol", "fundus", "--studies", nowhere, "--learning-rate", "0"],
        ["train-source", nowhere, "--output", out + ".safetensors"],
        ["predict", nowhere, "--model", "fundus"],
        ["predict", str(tmp_path / "empty"), "--model", "fundus"],
        ["evaluate", "--studies", nowhere, "--model", "fundus"],
        ["evaluate", "--studies", nowhere, "--modle", "fundus"],
        ["uncertainty", "--studies", nowhere, "--model", "fundus"],
        ["agreement", nowhere, "--protocol", "fundus"],
        ["review", nowhere, "--protocol", "fundus"],
        ["ablate", "--protocol", "fundus", "--studies", nowhere, "--output", out],
        ["cross-validate", nowhere, "--protocol", "fundus", "--output", out],
        ["simulate-active-learning", nowhere, "--protocol", "fundus", "--output", out],
        ["simulate-camera-change", nowhere, "--protocol", "fundus", "--output", out],
        ["model-card", "nothing", "--models", nowhere],
        ["report", nowhere],
        ["models", "--models", nowhere, "--rollback", "nothing"],
        ["import", nowhere, "--images", nowhere, "--studies", out],
        ["export", nowhere, "--format", "csv", "--output", out],
        ["measure", nowhere],
        ["remap", nowhere],
        ["serve", "--studies", nowhere],
        ["trian"],
    )

    assert codes == [2] * len(codes)
    assert heavy == []


@pytest.mark.parametrize(
    ("command", "former", "present"),
    [
        ("evaluate", "--threshold 2 --threshold 4.5", "--sdr 2 --sdr 4.5"),
        ("cross-validate", "--threshold 2 --threshold 4.5", "--sdr 2 --sdr 4.5"),
        ("ablate", "--threshold 12", "--failure 12"),
        ("uncertainty", "-p fundus --protocol face", "--model fundus --model face"),
        ("export", "-i a", "--image a"),
    ],
)
def test_former_spellings_still_work_and_are_not_listed(command: str, former: str, present: str) -> None:
    needed = {
        "evaluate": "--studies S --model M",
        "cross-validate": "S --protocol P --output O",
        "ablate": "--protocol P --studies S --output O",
        "uncertainty": "--studies S",
        "export": "S --format csv --output O",
    }[command].split()

    assert values(command, *needed, *former.split()) == values(command, *needed, *present.split())
    listed = {name for parameter in COMMANDS[command].params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert not listed & {word for word in former.split() if word.startswith("-")}


def test_a_short_option_means_the_same_everywhere() -> None:
    long: dict[str, set[str]] = {}
    for command in COMMANDS.values():
        for parameter in command.params:
            names = sorted(parameter.opts, key=len)
            if len(names) == 2 and len(names[0]) == 2:
                long.setdefault(names[0], set()).add(names[1])

    assert long == {
        "-e": {"--evaluation"},
        "-f": {"--format"},
        "-i": {"--images"},
        "-m": {"--model"},
        "-o": {"--output"},
        "-p": {"--protocol"},
        "-s": {"--studies"},
    }


def test_the_settings_of_a_command_are_checked_where_they_are_stated() -> None:
    needed = ["--protocol", "fundus", "--studies", "S"]

    given = values("train", *needed, "--max-epochs", "3", "--workers", "2", "--half")

    assert (given["max_epochs"], given["num_workers"], given["half_precision"], given["seed"]) == (3, 2, True, 0)
    with pytest.raises(SystemExit):
        COMMANDS["train"].main(["--protocol", "fundus", "--studies", "S", "--device", "tpu"])
    with pytest.raises(typer.BadParameter, match=r"0\.0: Input should be greater than 0"):
        COMMANDS["train"].main([*needed, "--learning-rate", "0"], standalone_mode=False)
