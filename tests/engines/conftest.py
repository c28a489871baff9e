from engine_memory import hungry
from engine_study import blob_protocol, blob_study, quick_protocol

__all__ = ["blob_protocol", "blob_study", "hungry", "quick_protocol"]
