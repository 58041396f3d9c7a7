"""A listener continues after a restart or crash of its server, and after a failover."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from tests.embedded_folders import FAST, ask, open_folder, postmaster
from tests.proxy import open_proxy
from vrooli_data import AsyncDatabase, AsyncListener, CreateEvent, RetryPolicy, embedded, migrate

from ._compat import PATIENCE, Started, blocking, until
from .horizon import HAS_LOOKED
from .test_standby import copy_data

pytestmark = pytest.mark.slow("servers that stop")

#: A crash loses nothing that is committed.
DURABLE = {**FAST, "synchronous_commit": "on"}
LISTENS = f"""
SELECT count(*) = 1
FROM pg_stat_activity
WHERE datname = current_database() AND query ~ '{HAS_LOOKED}'
"""
OUTBOX = "SELECT array_agg(event_id ORDER BY xid, seq) FROM change_events"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder for the servers of one test."""
    with open_folder() as folder:
        yield folder


async def collect(listener: AsyncListener, seen: list[UUID], count: int) -> None:
    async for event in listener:
        seen.append(event.event_id)
        if len(seen) == count:
            return


async def record(db: AsyncDatabase, count: int) -> None:
    for number in range(1, count + 1):
        await db.events.record(
            CreateEvent(user_id=1, entity_type="invoice", entity_id=number, change_type="paid")
        )


async def wait_until_connected(url: str) -> None:
    """Return when the listener is connected: its first connection must not fail."""
    with psycopg.connect(url, autocommit=True) as beside:
        await until(beside, LISTENS)


@pytest.mark.parametrize("ending", ["stopped", "killed"])
async def test_a_listener_continues_after_a_restart_of_the_server(
    folder: Path, ending: str
) -> None:
    url = embedded.start(folder, settings=DURABLE)
    migrate(url)
    patient = RetryPolicy(timeout=PATIENCE)
    async with AsyncDatabase.connect(url, retry=patient) as db:
        seen: list[UUID] = []
        listener = db.events.listen(await db.events.position(), poll_interval=0.05)
        heard = Started(partial(collect, listener, seen, 30))
        await wait_until_connected(url)
        for _ in range(3):
            await record(db, 10)
            if ending == "killed":
                os.kill(postmaster(folder), signal.SIGKILL)
            await blocking(partial(embedded.stop, folder))
            await blocking(partial(embedded.start, folder, settings=DURABLE))
        await heard.result()
    assert seen == ask(url, OUTBOX)


async def test_a_listener_continues_after_a_failover_to_a_standby(folder: Path) -> None:
    primary = embedded.start(folder / "primary", settings=FAST)
    migrate(primary)
    copy_data(primary, folder / "primary" / "pgdata", folder / "standby" / "pgdata")
    standby = embedded.start(folder / "standby", settings=FAST)
    with open_proxy(primary) as address:
        patient = RetryPolicy(timeout=PATIENCE)
        async with AsyncDatabase.connect(address.url, retry=patient) as db:
            seen: list[UUID] = []
            listener = db.events.listen(await db.events.position(), poll_interval=0.05)
            heard = Started(partial(collect, listener, seen, 20))
            await wait_until_connected(primary)
            await record(db, 10)
            with psycopg.connect(standby, autocommit=True) as after:
                await until(after, "SELECT count(*) = 10 FROM change_events")
                await blocking(partial(embedded.stop, folder / "primary"))
                # Until it is promoted, it cannot be listened to.
                address.lead_to(standby)
                after.execute("SELECT pg_promote()")
            await record(db, 10)
            await heard.result()
    assert seen == ask(standby, OUTBOX)
