"""The language of control: what an operation is, its errors, its envelope and its paging.

Nothing here reads a file, opens a socket or knows a session.
"""

from .caller import OWNER, Caller, Surface
from .described import Described
from .errors import (
    ERRORS,
    CaoError,
    Conflict,
    Denied,
    FieldError,
    Internal,
    InvalidInput,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from .models import (
    MESSAGE_LIMIT,
    Answer,
    DestructiveRequest,
    ListRequest,
    Name,
    Page,
    Reference,
    Request,
    Text,
    WriteRequest,
)
from .operation import REGISTRY, CallContext, Effect, Operation, Registry, operation

__all__ = [
    "ERRORS",
    "MESSAGE_LIMIT",
    "OWNER",
    "REGISTRY",
    "Answer",
    "CallContext",
    "Caller",
    "CaoError",
    "Conflict",
    "Denied",
    "Described",
    "DestructiveRequest",
    "Effect",
    "FieldError",
    "Internal",
    "InvalidInput",
    "ListRequest",
    "Name",
    "NotFound",
    "Operation",
    "Page",
    "Reference",
    "Registry",
    "Request",
    "Surface",
    "Text",
    "Unauthenticated",
    "Unavailable",
    "WriteRequest",
    "operation",
]
