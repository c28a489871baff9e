"""The widget of the slice view that shows the image."""

from __future__ import annotations

from typing import Any

import slicer


def view_widget(name: str = "Red") -> Any:
    """What VTK draws a slice view in, with the keyboard's focus after a click; None where there is none."""
    manager = slicer.app.layoutManager()
    whole = manager.sliceWidget(name) if manager is not None else None
    return None if whole is None else whole.sliceView()
