"""The server: what it says, and how it is asked. Needs neither Slicer nor Qt."""
