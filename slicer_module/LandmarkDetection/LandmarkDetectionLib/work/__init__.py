"""The work on images: points, history, labels, the session. Needs neither Slicer nor Qt."""
