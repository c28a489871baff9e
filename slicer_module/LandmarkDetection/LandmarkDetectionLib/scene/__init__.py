"""Slicer's scene: image, points, measurements. No Qt."""
