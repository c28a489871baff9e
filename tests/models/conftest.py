from engine_study import blob_protocol, blob_study

__all__ = ["blob_protocol", "blob_study"]
