"""The parts of the Landmark Detection module.

Three floors, of which a lower one never imports an upper one: what needs neither Slicer nor Qt (client, work,
session), what needs Slicer's scene, and what needs Qt.
"""
