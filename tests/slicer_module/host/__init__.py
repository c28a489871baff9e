"""A stand-in for the 3D Slicer application around the real module.

Real: the module's own code, Slicer's MRML scene, logics, markups widgets and displayable managers (slicer-core), its
``slicer.util``, a rendered slice view, Qt's widgets (PySide6). Stand-in: what this package defines, see README.md of
the module. Every name that a stand-in offers is in ``../slicer_api.py`` with the place in Slicer's own sources.
"""

from .install import Host, install

__all__ = ["Host", "install"]
