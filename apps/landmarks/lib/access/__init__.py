"""Access: what stands in front of every route."""

from .gate import AddressGate, TokenGate
from .log_privacy import keep_requests_out_of_logs, remove_token_traces
from .middleware import BodyLimit, replace_middleware

__all__ = [
    "AddressGate",
    "BodyLimit",
    "TokenGate",
    "keep_requests_out_of_logs",
    "remove_token_traces",
    "replace_middleware",
]
