"""The parts of the MONAI Label app; the server puts the app folder on the import path."""
