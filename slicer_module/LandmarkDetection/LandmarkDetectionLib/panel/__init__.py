"""The panel: one file for each part, which takes the shared workbench and the widgets of the ``.ui`` file. Qt."""
