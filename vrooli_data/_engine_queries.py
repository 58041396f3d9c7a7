"""The queries that the engine itself runs, on both faces.

It is imported when the first of them runs: an import of the package reads no files of queries.
"""

from __future__ import annotations

from ._binding import own_queries
from .records.events import ChangeEvent, Notification
from .records.schema import AppliedMigration, ColumnType, Extension
from .records.transactions import ServerRun, TransactionStatus

_EVENTS = own_queries("events")
_SCHEMA = own_queries("schema")
_TRANSACTIONS = own_queries("transactions")

FIND_EVENT = _EVENTS.bind("find_by_event_id", ChangeEvent)
NOTIFY = _EVENTS.bind("notify", Notification)

LIST_APPLIED_MIGRATIONS = _SCHEMA.bind("list_applied_migrations", AppliedMigration)
LIST_APPLICATION_MIGRATIONS = _SCHEMA.bind("list_applied_application_migrations", AppliedMigration)
LIST_COLUMN_TYPES = _SCHEMA.bind("list_column_types", ColumnType)
LIST_EXTENSIONS = _SCHEMA.bind("list_extensions", Extension)

FIND_OUTCOME = _TRANSACTIONS.bind("find_outcome", TransactionStatus)
FIND_RUN = _TRANSACTIONS.bind("find_run", ServerRun)
FIND_RUN_AT_BEGIN = _TRANSACTIONS.bind("find_run_at_begin", ServerRun)
