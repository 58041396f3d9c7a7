"""The public engine: queries and repositories of an application; see docs/own-queries.md.

The package's own repositories use nothing else. It does not import the database, and the classes of
a face only when one of them is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ._binding import Queries, queries
from ._bound import Command, Query, Scalar
from ._loading import (
    BulkFailure,
    BulkRefused,
    BulkResult,
    FailedRow,
    Load,
    LoadedRows,
    OnDuplicate,
)
from ._outbox import Recording, checked_event_id
from ._pages import Listing, Page
from ._public_id import new_public_id
from .records.shared import JsonValue, Update
from .validation import json_text

if TYPE_CHECKING:
    from ._async._compat import AsyncInputs
    from ._async.repository import AsyncExecutor, AsyncRepository
    from ._sync._compat import Inputs
    from ._sync.repository import Executor, Repository

__all__ = [
    "AsyncExecutor",
    "AsyncInputs",
    "AsyncRepository",
    "BulkFailure",
    "BulkRefused",
    "BulkResult",
    "Command",
    "Executor",
    "FailedRow",
    "Inputs",
    "JsonValue",
    "Listing",
    "Load",
    "LoadedRows",
    "OnDuplicate",
    "Page",
    "Queries",
    "Query",
    "Recording",
    "Repository",
    "Scalar",
    "Update",
    "checked_event_id",
    "json_text",
    "new_public_id",
    "queries",
]

_OF_A_FACE = frozenset(
    {"AsyncExecutor", "AsyncInputs", "AsyncRepository", "Executor", "Inputs", "Repository"}
)


if not TYPE_CHECKING:
    # A type checker would take any name for a public one.

    def __getattr__(name: str) -> object:
        """Find a class of a face where the package has it."""
        if name in _OF_A_FACE:
            return getattr(import_module(__package__), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
