# Generated from tests/_async/whole_pool.py by tools/unasync.py. Do not edit.
"""What a pool has to be after whatever happened: whole, and with no trace of its last users."""

from __future__ import annotations

from functools import partial
from typing import Any

from vrooli_data import Database

from ._compat import Barrier, barrier, gather

_SETTINGS = """
SELECT
    current_setting('transaction_isolation'),
    current_setting('transaction_read_only'),
    current_setting('default_transaction_isolation'),
    current_setting('default_transaction_read_only'),
    current_setting('statement_timeout'),
    current_setting('idle_in_transaction_session_timeout'),
    coalesce(current_setting('transaction_timeout', true), '0'),
    current_setting('TimeZone'),
    pg_current_xact_id_if_assigned()::text
"""
_UNTOUCHED = ("read committed", "off", "read committed", "off", "0", "0", "0", "UTC", None)


def check_whole(db: Database, size: int) -> None:
    """Hold *size* connections at once, each with the settings of a new one."""
    assert settings(db, size) == [_UNTOUCHED] * size


def settings(db: Database, size: int) -> list[tuple[Any, ...] | None]:
    """Hold *size* connections at once and return the settings of each."""
    everybody = barrier(size)
    return gather(*[partial(_settings, db, everybody)] * size)


def _settings(db: Database, everybody: Barrier) -> tuple[Any, ...] | None:
    with db.connection() as held:
        everybody.wait()
        cursor = held.connection.execute(_SETTINGS)
        return cursor.fetchone()
