"""The public engine: queries and repositories of an application; see docs/own-queries.md.

The package's own repositories use nothing else. It does not import the database.
"""

from __future__ import annotations

from ._async._compat import AsyncInputs
from ._async.repository import AsyncExecutor, AsyncRepository
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
from ._sync._compat import Inputs
from ._sync.repository import Executor, Repository
from .records.shared import JsonValue, Update
from .validation import json_text

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
