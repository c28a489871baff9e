"""The panel: one file for each part, which share one workbench. Qt."""
