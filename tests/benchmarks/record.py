"""What a benchmark measured, as a JSON file that names its command, date, machine and versions."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from monai_ext.networks import machine, versions


def write_record(path: Path, figures: Mapping[str, Any], device: str = "cpu") -> None:
    """Writes the figures of this run."""
    about = {
        "command": shlex.join(["python", f"tests/benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(torch.device(device)),
        "versions": versions(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**about, **figures}, indent=1) + "\n", encoding="utf-8")
