"""A process beside the server that writes to its studies folder, as training and scoring do."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from app_server import APP_DIR
from app_warm import Forked, warm


class Writer:
    """A process that saves labels of its own images and adds notes to the label of ``spot_00``, which all share."""

    def __init__(self, studies: Path, label: Path, count: int, images: list[str]) -> None:
        self._log = studies.parent / f"writer {images[0]}.log"
        self._go = studies.parent / f"writer {images[0]}.go"
        self._go.unlink(missing_ok=True)
        arguments = [str(studies), str(label), str(self._go), str(count), *images]
        self._process: Forked = warm().run("app_writers", arguments, self._log, {})

    def begin(self, seconds: float) -> None:
        """Waits until it is ready and lets it write."""
        deadline = time.monotonic() + seconds
        while "ready" not in self._log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        self._go.touch()

    def done(self, seconds: float) -> list[Any]:
        """What it saved, after it ended: (kind, name, value)."""
        self._process.wait(seconds)
        return list(json.loads(self._log.read_text().splitlines()[-1]))


def write(studies: str, label: str, go: str, count: str, *images: str) -> None:
    """Saves and notes in turn; prints what was done."""
    sys.path.insert(0, str(APP_DIR))
    from lib.datastore import LandmarkDatastore

    store = LandmarkDatastore(studies, repair=False)
    print("ready", flush=True)
    while not Path(go).exists():
        time.sleep(0.01)
    done = []
    for i in range(int(count)):
        name = f"{images[0]} {i}"
        if i % 2:
            store.update_label_info("spot_00", "final", {name: i})
            done.append(("note", name, i))
        else:
            image = images[i // 2 % len(images)]
            store.save_label(image, label, "final", {"note": name, "protocol": "spots"})
            done.append(("label", image, name))
    print(json.dumps(done), flush=True)


if __name__ == "__main__":
    write(*sys.argv[1:])
