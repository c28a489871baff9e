"""What ``/info/`` tells of a protocol."""

from __future__ import annotations

from typing import Any

from monai_ext.landmarks import Protocol


def protocol_document(protocol: Protocol) -> dict[str, Any]:
    """The definition of a protocol as a client needs it: without network and recipe.

    ``picture`` of a landmark tells whether ``GET /protocol/{protocol}/picture/{landmark}`` has one.
    """
    document = protocol.model_dump(mode="json", exclude={"network", "recipe"})
    for entry, landmark in zip(document["landmarks"], protocol.landmarks, strict=True):
        entry["picture"] = landmark.picture is not None
    return document
