"""Compares the answers of two checkouts of this project, and how fast they come: two real servers, asked by turns.

Both serve the shipped fundus network on a copy of the sample photographs each. Every photograph is copied with a new
ID and asked for once per round (an answer that is made) and at once again (an answer that is kept); which server is
asked first changes with each question. A difference in an answer other than its latencies ends with code 1.

    python tests/benchmarks/bench_answers.py ../other-checkout
    python tests/benchmarks/bench_answers.py ../other-checkout --rounds 5
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import requests

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "app")]

from app_server import PROGRAM, Server, end_group, launch, wait_until_up  # noqa: E402

#: Values of an answer that differ from one run to the next; the boundary between the parts of its body is random too.
TIMES = re.compile(rb'"total": ?[0-9.e-]+')
KINDS = ("made", "kept")


def main() -> int:
    """Prints the paired ratios and the differences; 1 where there are any."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("before", type=Path, help="the root of the other checkout")
    parser.add_argument("--rounds", type=int, default=3, help="copies of each photograph (default: 3)")
    parser.add_argument("--record", type=Path, help="write the figures to this JSON file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        roots = {"before": args.before.resolve(), "after": ROOT}
        servers = {name: stack.enter_context(serving(root, Path(folder) / name)) for name, root in roots.items()}
        times: dict[str, dict[str, list[float]]] = {kind: {name: [] for name in roots} for kind in KINDS}
        different = [
            image
            for turn, image in enumerate(images(Path(folder), args.rounds))
            if ask_both(servers, image, turn, times)
        ]
    figures = {kind: report(kind, times[kind]["before"], times[kind]["after"]) for kind in KINDS}
    print(f"answers: {len(times['made']['after'])} images, {len(different)} differ{': ' if different else ''}", end="")
    print(", ".join(different))
    if args.record:
        args.record.write_text(json.dumps({**figures, "different": different}, indent=2) + "\n")
    return 1 if different else 0


@contextmanager
def serving(root: Path, folder: Path) -> Iterator[Server]:
    """A server of the code of a checkout, in a folder of its own; it ends with the block."""
    studies = folder / "studies"
    studies.mkdir(parents=True)
    environment = {"PYTHONPATH": str(root), "MONAI_LABEL_DATASTORE_AUTO_RELOAD": "false"}
    conf = {"protocols": "fundus", "model_dir": str(folder / "models")}
    server = launch(root / "apps" / "landmarks", studies, conf, folder / "log", (), environment, program=PROGRAM)
    try:
        wait_until_up(server)
        yield server
    except BaseException:
        print(server.log()[-4000:], file=sys.stderr)
        raise
    finally:
        end_group(server.process)


def images(folder: Path, rounds: int) -> Iterator[str]:
    """The IDs of new copies of the sample photographs; a first one warms the servers up and is not counted."""
    samples = sorted((ROOT / "sample_data" / "fundus").glob("*.jpg"))
    for turn in range(-1, rounds):
        for sample in samples if turn >= 0 else samples[:1]:
            name = f"{sample.stem}_{turn}" if turn >= 0 else "warm"
            shutil.copyfile(sample, folder / f"{name}.jpg")
            yield name


def ask_both(servers: dict[str, Server], image: str, turn: int, times: dict[str, dict[str, list[float]]]) -> bool:
    """Asks each server twice for an image; whether they answer different bytes, but for the latencies."""
    folder = next(iter(servers.values())).log_path.parents[1]
    for server in servers.values():
        content = (folder / f"{image}.jpg").read_bytes()
        requests.put(f"{server.url}/datastore/", params={"image": image}, files={"file": (f"{image}.jpg", content)})
    different = False
    for kind in KINDS:
        answers: dict[str, bytes] = {}
        for name in list(servers) if turn % 2 else reversed(servers):
            start = time.perf_counter()
            answer = requests.post(f"{servers[name].url}/infer/fundus", params={"image": image}, timeout=600)
            seconds = time.perf_counter() - start
            answer.raise_for_status()
            if image != "warm":
                times[kind][name].append(1000 * seconds)
            boundary = answer.headers["content-type"].split("boundary=")[1].encode()
            answers[name] = TIMES.sub(b"", answer.content.replace(boundary, b""))
        different |= len(set(answers.values())) > 1
    return different


def report(kind: str, before: list[float], after: list[float]) -> dict[str, float]:
    """Prints the times of one kind of answer; the median of the ratios of pairs, with its bootstrap interval."""
    ratios = np.array(after) / np.array(before)
    draws = np.random.default_rng(0).choice(ratios, (2000, len(ratios)))
    low, high = np.quantile(np.median(draws, axis=1), [0.025, 0.975])
    ratio = float(np.median(ratios))
    old, new = statistics.median(before), statistics.median(after)
    print(f"{kind}: {old:.1f} ms before, {new:.1f} ms after; after / before {ratio:.3f} ({low:.3f} to {high:.3f})")
    return {"before_ms": old, "after_ms": new, "ratio": ratio, "low": float(low), "high": float(high)}


if __name__ == "__main__":
    sys.exit(main())
