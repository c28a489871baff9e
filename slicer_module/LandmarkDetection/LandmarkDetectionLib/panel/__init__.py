"""The parts of the panel, each with its widgets of the ``.ui`` file; they share one workbench."""
