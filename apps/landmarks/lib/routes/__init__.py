"""Routes that answer before MONAI Label's own of the same address."""

from .install import install_routes

__all__ = ["install_routes"]
