"""Makes the graph of a model in a process of its own.

While torch makes a graph, it changes how it computes in all threads of the process, and holds them up.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from monai_ext.landmarks import InputError

#: Added to the process's niceness: answers to people go first.
_NICENESS = 5


def make_graph(folder: Path) -> None:
    """Makes and keeps the graph of a model, and compares it with the model; takes from seconds to minutes.

    Args:
        folder: of the model.

    Raises:
        InputError: there is no model, a package is missing, or onnxruntime cannot run the network.
    """
    command = [sys.executable, "-m", "monai_ext.inferers.graph_process", str(folder)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2] or f"the process ended with code {done.returncode}"
        raise InputError(last if done.returncode == 1 else f"The graph of {folder} could not be made: {last}.")


def _main() -> None:
    from .predictor import Predictor

    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    try:
        Predictor.load(Path(sys.argv[1]), "cpu", "onnx")
    except InputError as error:
        sys.exit(str(error))  # with the code 1


if __name__ == "__main__":
    _main()
