"""Images as 8-bit pictures for a browser: windowed, reduced, cut into tiles, and kept for a while."""

from .rendering import PictureOptions, Pictures

__all__ = ["PictureOptions", "Pictures"]
