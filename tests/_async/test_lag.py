"""How far delivery is behind, and who holds the horizon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection, conninfo

from tests.embedded_folders import FAST, open_folder
from tests.factories import Factory
from vrooli_data import AsyncDatabase, embedded, migrate

from .horizon import until_shown

#: Begun on another database of the server.
BEGIN = "BEGIN; SELECT pg_current_xact_id()"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Start a server on which nobody else holds the horizon."""
    with open_folder() as folder:
        url = embedded.start(folder, settings={**FAST, "max_prepared_transactions": "2"})
        migrate(url)
        yield url


@pytest.fixture
def admin(url: str) -> Iterator[Connection[Any]]:
    """Connect to its database, without events."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM change_events")
        yield connection


@pytest.mark.slow("listeners")
async def test_lag_counts_what_is_not_delivered(url: str, admin: Connection[Any]) -> None:
    make = Factory(admin)
    async with AsyncDatabase.connect(url) as db:
        lag = await db.events.lag()
        assert (lag.unpublished, lag.parked, lag.hidden, lag.restored) == (0, 0, 0, 0)
        assert (lag.oldest_age, lag.holder) == (None, None)
        now = datetime.now(UTC)
        make.event(1, created_at=now - timedelta(hours=1))
        make.event(1, created_at=now - timedelta(hours=2), published_at=now)
        make.event(1, created_at=now - timedelta(hours=3), parked_at=now)
        make.event(1, created_at=now)
        lag = await db.events.lag()
    assert (lag.unpublished, lag.parked) == (2, 1)
    assert lag.oldest_age is not None
    assert timedelta(hours=1) <= lag.oldest_age < timedelta(hours=2)


@pytest.mark.slow("listeners")
async def test_lag_names_the_session_that_holds_the_horizon(
    url: str, admin: Connection[Any]
) -> None:
    other = conninfo.make_conninfo(url, dbname="template1", application_name="a forgotten one")
    async with AsyncDatabase.connect(url) as db:
        with psycopg.connect(other, autocommit=True) as idle:
            idle.execute(BEGIN)
            Factory(admin).event(1)
            lag = await db.events.lag()
            holder = lag.holder
            assert lag.hidden == 1
            assert holder is not None
            assert (holder.pid, holder.gid) == (idle.info.backend_pid, None)
            assert (holder.database, holder.role) == ("template1", idle.info.user)
            assert holder.application_name == "a forgotten one"
            assert holder.state == "idle in transaction"
            assert holder.since is not None
            assert "pg_current_xact_id" not in repr(lag)
            # A role that may not see the state of others is told who it is all the same.
            admin.execute(
                "CREATE ROLE nobody_else; GRANT SELECT ON ALL TABLES IN SCHEMA public "
                "TO nobody_else"
            )
            restricted = conninfo.make_conninfo(url, options="-c role=nobody_else")
            async with AsyncDatabase.connect(restricted) as another:
                seen = (await another.events.lag()).holder
            assert seen is not None
            assert (seen.pid, seen.database, seen.application_name) == (
                holder.pid,
                holder.database,
                holder.application_name,
            )
            assert (seen.state, seen.since) == (None, None)
        await until_shown(admin)
        lag = await db.events.lag()
        assert (lag.hidden, lag.holder) == (0, None)


@pytest.mark.slow("listeners")
async def test_lag_names_the_prepared_transaction_that_holds_the_horizon(
    url: str, admin: Connection[Any]
) -> None:
    with psycopg.connect(url, autocommit=True) as preparing:
        preparing.execute("BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION 'forgotten'")
    try:
        async with AsyncDatabase.connect(url) as db:
            holder = (await db.events.lag()).holder
    finally:
        admin.execute("ROLLBACK PREPARED 'forgotten'")
    assert holder is not None
    assert (holder.pid, holder.gid, holder.state) == (None, "forgotten", None)
    assert (holder.database, holder.role) == (admin.info.dbname, admin.info.user)
    assert holder.since is not None
