"""Fill an empty database with generated rows whose distributions are skewed like real data."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import msgspec
import psycopg

from .._ledger import migrated_session
from .._own_session import Connection, transaction
from .._progress import NoProgress, Progress, task
from .._queries import load_folder, sql_folder
from ..errors import InvalidInput
from ..validation import MAX_BIGINT, check_int
from ._copy import copy_rows
from ._table import Table
from ._tables import tables
from ._world import World

_MAX_SCALE = 100
#: The years that the schema allows, without the first two: rows begin two years before `until`.
_YEARS = range(1970, 9999)

_QUERIES = load_folder(sql_folder() / "schema")
_LOCK = _QUERIES["schema.seed__lock"].statement
_HOLDS_ROWS = _QUERIES["schema.holds_rows"].statement
_DEFER = _QUERIES["schema.seed__defer"].statement
_ADVANCE_IDENTITIES = _QUERIES["schema.advance_identities"].statement
_VACUUM = _QUERIES["schema.seed__vacuum"].statement


class SeedReport(msgspec.Struct, frozen=True):
    """The number of rows written, and the time."""

    #: Rows by table, in the order in which the tables were filled.
    rows: dict[str, int]
    seconds: float


def seed(
    conninfo: str | None,
    *,
    schema: str | None = None,
    scale: float = 1.0,
    seed: int = 1,
    until: datetime | None = None,
    progress: Progress | None = None,
) -> SeedReport:
    """Fill an empty, migrated database in one transaction.

    The same *scale*, *seed* and *until* give the same rows.

    Args:
        conninfo: a libpq connection string or URL; ``DATABASE_URL`` when it is None.
        schema: where the tables are; None is the first schema that exists in the search_path of
            the role.
        scale: the size: 1.0 is 20 000 users, 200 000 resources and 300 000 runs.
        seed: the seed of the random numbers.
        until: the end of the two years that the timestamps lie in; the last midnight (UTC) by
            default.
        progress: receives the progress of each table.
    """
    check_scale(scale)
    check_number(seed)
    if until is None:
        until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    _check_until(until)
    world = World(scale, seed, until)
    progress = progress or NoProgress()
    started = time.perf_counter()
    with migrated_session(conninfo, "vrooli_data seed", schema) as opened:
        with transaction(opened), opened.cursor() as cursor:
            cursor.execute(_LOCK)
            _require_empty(cursor)
            cursor.execute(_DEFER)
            rows = {table.copy.table: _fill(cursor, table, progress) for table in tables(world)}
            cursor.execute(_ADVANCE_IDENTITIES)
        _vacuum(opened, progress)
    return SeedReport(rows, time.perf_counter() - started)


def check_scale(scale: float) -> None:
    """Refuse a scale that is not a number from 0 to the limit."""
    if isinstance(scale, bool) or not isinstance(scale, int | float):
        raise InvalidInput("scale", f"must be a number, not {type(scale).__name__}")
    if not 0 < scale <= _MAX_SCALE:
        raise InvalidInput("scale", f"must be more than 0 and at most {_MAX_SCALE}")


def check_number(seed: int) -> None:
    """Refuse what chooses no world."""
    check_int("seed", seed, 0, MAX_BIGINT)


def _check_until(until: object) -> None:
    if not isinstance(until, datetime) or until.utcoffset() is None:
        raise InvalidInput("until", "must be a datetime with a time zone")
    if until.year not in _YEARS:
        raise InvalidInput("until", f"must lie in the years {_YEARS[0]} to {_YEARS[-1]}")


def _require_empty(cursor: psycopg.Cursor[tuple[object, ...]]) -> None:
    cursor.execute(_HOLDS_ROWS)
    if cursor.fetchall()[0][0]:
        raise InvalidInput(
            "conninfo", "the database already holds users or resources: give an empty database"
        )


def _fill(cursor: psycopg.Cursor[tuple[object, ...]], table: Table, progress: Progress) -> int:
    with task(progress, table.copy.table, table.total):
        return copy_rows(cursor, table.copy, table.rows, progress)


def _vacuum(opened: Connection, progress: Progress) -> None:
    with task(progress, "VACUUM ANALYZE", None):
        opened.execute(_VACUUM)
