"""Times a server with several clients at once: the landmarks app, and the same model on stock MONAI Label.

Run ``python tests/benchmarks/bench_server.py --help``. Both are real server processes on a copy of the sample fundus
photographs. Every client sends the same mix of requests in the same order to each server: predictions of any image,
final labels for images of its own, and ``/info/``. The landmarks app runs twice: without keeping answers, which is
what stock MONAI Label does, and with its default settings.

    python tests/benchmarks/bench_server.py
    python tests/benchmarks/bench_server.py --clients 16 --requests 100 --servers ours
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import requests

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "app")]

from app_server import Server, end_group, launch, wait_until_up  # noqa: E402

from monai_ext.images import read_frame  # noqa: E402
from monai_ext.landmarks.markups import read_markups, write_markups  # noqa: E402

SAMPLES = ROOT / "sample_data" / "fundus"
MODEL = ROOT / "apps" / "landmarks" / "pretrained" / "fundus"
STOCK, PLAIN, DEFAULT = "stock MONAI Label", "landmarks app, no cache", "landmarks app"
NAMES = {"stock": (STOCK,), "ours": (PLAIN, DEFAULT), "all": (STOCK, PLAIN, DEFAULT)}
#: Of ten requests: four predictions, two labels, four questions for the state.
MIX = ("infer",) * 4 + ("save",) * 2 + ("info",) * 4
#: What is aimed at: milliseconds in which 99 of 100 /info/ are answered while predictions run.
INFO_P99 = 100
SECONDS = 600


@dataclass
class Outcome:
    """What the clients of one server saw.

    Attributes:
        times: milliseconds of each kind of request.
        errors: requests that failed, by what happened.
        saved: the last content that was answered with 200, by image.
        seconds: from the first request to the last answer.
    """

    times: dict[str, list[float]] = field(default_factory=lambda: {"infer": [], "save": [], "info": []})
    errors: dict[str, int] = field(default_factory=dict)
    saved: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0
    lost: int = 0


class Client:
    """One person with a random order of requests, which is the same for every server."""

    def __init__(
        self, number: int, url: str, images: list[str], own: list[str], labels: dict[str, list[bytes]]
    ) -> None:
        self._url, self._images, self._own, self._labels = url, images, own, labels
        self._random = random.Random(number)
        self._web = requests.Session()

    def work(self, count: int, outcome: Outcome, lock: threading.Lock) -> None:
        kinds = [MIX[i % len(MIX)] for i in range(count)]
        self._random.shuffle(kinds)
        for turn, kind in enumerate(kinds):
            start = time.perf_counter()
            try:
                problem = getattr(self, kind)(turn, outcome)
            except requests.RequestException as error:
                problem = type(error).__name__
            milliseconds = 1000 * (time.perf_counter() - start)
            with lock:
                outcome.times[kind].append(milliseconds)
                if problem:
                    outcome.errors[problem] = outcome.errors.get(problem, 0) + 1

    def infer(self, turn: int, outcome: Outcome) -> str | None:
        image = self._random.choice(self._images)
        answer = self._web.post(f"{self._url}/infer/fundus", params={"image": image}, timeout=SECONDS)
        return None if answer.status_code == 200 else f"infer {answer.status_code}"

    def info(self, turn: int, outcome: Outcome) -> str | None:
        answer = self._web.get(f"{self._url}/info/", timeout=SECONDS)
        return None if answer.status_code == 200 else f"info {answer.status_code}"

    def save(self, turn: int, outcome: Outcome) -> str | None:
        image = self._random.choice(self._own)
        content = self._random.choice(self._labels[image])
        answer = self._web.put(
            f"{self._url}/datastore/label",
            params={"image": image, "tag": "final"},
            files={"label": (f"{image}.mrk.json", content)},
            timeout=SECONDS,
        )
        if answer.status_code != 200:
            return f"save {answer.status_code}"
        outcome.saved[image] = content  # nobody else saves this image
        return None


def copy_studies(folder: Path, copies: int) -> list[str]:
    """Puts each labelled sample image ``copies`` times into a folder; returns the IDs."""
    folder.mkdir()
    for path in sorted(SAMPLES.glob("*.jpg")):
        if not (SAMPLES / "labels" / "final" / f"{path.stem}.mrk.json").is_file():
            continue
        for copy in range(copies):
            shutil.copy(path, folder / f"{path.stem}_{copy}.jpg")
    return sorted(path.stem for path in folder.glob("*.jpg"))


def make_labels(studies: Path, images: list[str], scratch: Path) -> dict[str, list[bytes]]:
    """Five different labels for every image, around the sample's own."""
    labels: dict[str, list[bytes]] = {}
    for image in images:
        frame = read_frame(studies / f"{image}.jpg")
        sample = SAMPLES / "labels" / "final" / f"{image.rpartition('_')[0]}.mrk.json"
        true = read_markups(sample, frame)
        labels[image] = []
        for shift in range(5):
            moved = type(true)(true.names, true.points + np.array([shift, 0.5 * shift]), frame, true.status)
            write_markups(scratch / "label.mrk.json", moved)
            labels[image].append((scratch / "label.mrk.json").read_bytes())
    return labels


@contextmanager
def served(name: str, studies: Path, scratch: Path, threads: int) -> Iterator[Server]:
    """A server process; nothing limits the threads of its computations but itself."""
    environment = {"OMP_NUM_THREADS": str(threads)}
    if name == STOCK:
        app = scratch / "stock app"
        app.mkdir()
        shutil.copy(Path(__file__).with_name("stock_server_app.py"), app / "main.py")
        conf: dict[str, str] = {}
        environment |= {"STOCK_MODEL": str(MODEL), "MONAI_LABEL_DATASTORE_FILE_EXT": '["*.jpg"]'}
    else:
        app = ROOT / "apps" / "landmarks"
        conf = {"protocols": "fundus", "model_dir": str(scratch / "models")}
        conf |= {"infer_cache": "0"} if name == PLAIN else {}
        conf |= {"infer_timeout": str(SECONDS)}
    server = launch(app, studies, conf, scratch / "server.log", environment=environment)
    try:
        wait_until_up(server)
        yield server
    finally:
        end_group(server.process)


def count_lost(studies: Path, url: str, saved: dict[str, bytes]) -> int:
    """Labels that were answered with 200 and are not there with their exact content, or not listed."""
    objects = requests.get(f"{url}/datastore/?output=all", timeout=SECONDS).json()["objects"]
    files = {path.name.partition(".")[0]: path.read_bytes() for path in (studies / "labels" / "final").glob("*")}
    return sum(
        files.get(image) != content or "final" not in objects[image]["labels"] for image, content in saved.items()
    )


def measure(name: str, args: argparse.Namespace) -> Outcome:
    outcome, lock = Outcome(), threading.Lock()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        studies = scratch / "studies"
        images = copy_studies(studies, args.copies)
        labels = make_labels(studies, images, scratch)
        with served(name, studies, scratch, args.threads) as server:
            # The first prediction loads the model or warms it up: nobody's time.
            requests.post(f"{server.url}/infer/fundus?image={images[0]}", timeout=SECONDS).raise_for_status()
            clients = [Client(i, server.url, images, images[i :: args.clients], labels) for i in range(args.clients)]
            start = time.perf_counter()
            with ThreadPoolExecutor(args.clients) as pool:
                for done in [pool.submit(client.work, args.requests, outcome, lock) for client in clients]:
                    done.result()
            outcome.seconds = time.perf_counter() - start
            outcome.lost = count_lost(studies, server.url, outcome.saved)
    return outcome


def percentile(values: list[float], share: float) -> float:
    return float(np.percentile(values, share)) if values else float("nan")


def rows(outcome: Outcome) -> dict[str, float]:
    """The lines of the table."""
    table = {"requests per second": sum(map(len, outcome.times.values())) / outcome.seconds}
    table["predictions per second"] = len(outcome.times["infer"]) / outcome.seconds
    for kind in ("info", "save", "infer"):
        for share in (50, 90, 99):
            table[f"{kind} p{share} ms"] = percentile(outcome.times[kind], share)
        table[f"{kind} longest ms"] = max(outcome.times[kind])
    return {**table, "errors": sum(outcome.errors.values()), "labels lost": outcome.lost}


def show(outcomes: dict[str, Outcome]) -> None:
    tables = {name: rows(outcome) for name, outcome in outcomes.items()}
    print(f"{'':24}" + "".join(f"{name:>26}" for name in tables))
    for line in next(iter(tables.values())):
        values = [table[line] for table in tables.values()]
        cells = [f"{value:.2f}" if "second" in line else f"{value:.0f}" for value in values]
        if len(values) > 1 and values[0] and "errors" not in line and "lost" not in line:
            cells[1:] = [
                f"{cell} ({value / values[0]:.3g} x)" for cell, value in zip(cells[1:], values[1:], strict=True)
            ]
        print(f"{line:24}" + "".join(f"{cell:>26}" for cell in cells))
    for name, outcome in outcomes.items():
        if outcome.errors:
            print(f"{name}: {json.dumps(outcome.errors)}")
    for name in set(outcomes) - {STOCK}:
        print(f"{name}: /info/ p99 {percentile(outcomes[name].times['info'], 99):.0f} ms (target: at most {INFO_P99})")
    print("info: while predictions run, as they do nearly all the time; p90: 90 of 100 were answered in that time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=50, help="of each client")
    parser.add_argument("--copies", type=int, default=2, help="of each of the sample images")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="that a server's process may use")
    parser.add_argument("--rounds", type=int, default=1, help="of all servers; the median round is shown")
    parser.add_argument("--servers", choices=sorted(NAMES), default="all")
    args = parser.parse_args()
    found: dict[str, list[Outcome]] = {name: [] for name in NAMES[args.servers]}
    for _ in range(args.rounds):
        for name in found:
            found[name].append(measure(name, args))
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
            print(f"{name}: {found[name][-1].seconds:.1f} s, load of the machine {load:.1f}", flush=True)
    medians = {name: statistics.median_low([o.seconds for o in outcomes]) for name, outcomes in found.items()}
    show({name: next(o for o in outcomes if o.seconds == medians[name]) for name, outcomes in found.items()})


if __name__ == "__main__":
    main()
