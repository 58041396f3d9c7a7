"""What a pool has to be after whatever happened: whole, and with no trace of its last users."""

from __future__ import annotations

from functools import partial
from typing import Any

from vrooli_data import AsyncDatabase

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


async def check_whole(db: AsyncDatabase, size: int) -> None:
    """Hold *size* connections at once, each with the settings of a new one."""
    assert await settings(db, size) == [_UNTOUCHED] * size


async def settings(db: AsyncDatabase, size: int) -> list[tuple[Any, ...] | None]:
    """Hold *size* connections at once and return the settings of each."""
    everybody = barrier(size)
    return await gather(*[partial(_settings, db, everybody)] * size)


async def _settings(db: AsyncDatabase, everybody: Barrier) -> tuple[Any, ...] | None:
    async with db.connection() as held:
        await everybody.wait()
        cursor = await held.connection.execute(_SETTINGS)
        return await cursor.fetchone()
