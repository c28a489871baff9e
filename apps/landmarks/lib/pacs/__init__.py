"""Images that lie in a PACS, and labels that go to it as structured reports."""

from .datastore import PacsDatastore
from .opening import open_pacs
from .sync import PacsSync

__all__ = ["PacsDatastore", "PacsSync", "open_pacs"]
