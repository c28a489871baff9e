"""The domain, without torch: protocols, landmarks with their frame, geometry, markups and tables."""

from .errors import InputError
from .geometry import Frame
from .points import Landmarks, Status
from .protocol import Protocol
from .protocol_file import find_protocol, read_protocol, read_protocols

__all__ = [
    "Frame",
    "InputError",
    "Landmarks",
    "Protocol",
    "Status",
    "find_protocol",
    "read_protocol",
    "read_protocols",
]
