"""What delivery reads of a large outbox, though its statistics are of a small one."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests._sync._compat import until
from vrooli_data import ChangeEvent, Database

pytestmark = pytest.mark.slow("a large outbox")

#: Events of the large outbox: of less than about 800 pages, the planner may rightly read all.
MANY = 100_000
#: So many of them in one transaction and of one entity.
ADD = """
INSERT INTO change_events (user_id, event_id, entity_type, entity_id, change_type, xid, seq)
SELECT 1, gen_random_uuid(), 'thing', n / part, 'changed', (3 + n / part)::text::xid8, n
FROM generate_series(%s::bigint, %s::bigint) AS n, (VALUES (%s::bigint)) AS parts (part)
"""
#: Autovacuum is not to come between.
BY_HAND = "ALTER TABLE change_events SET (autovacuum_enabled = FALSE)"
#: The rows of sequential scans, and the pages of the index on positions.
READ = """
SELECT
    (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'change_events'),
    (
        SELECT idx_blks_hit + idx_blks_read
        FROM pg_statio_user_indexes
        WHERE indexrelname = 'change_events_xid_seq_idx'
    )
"""
#: A session reports at its end what it read.
ENDED = """
SELECT count(*) = %s FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend'
"""
STATISTICS = {
    "none": (0, ""),
    "of none": (0, "VACUUM (ANALYZE) change_events"),
    "of ten": (10, "VACUUM (ANALYZE) change_events"),
    "of a thousand": (1000, "VACUUM (ANALYZE) change_events"),
}


class Failed(Exception):
    """A delivery that fails."""


def fail_some(event: ChangeEvent) -> None:
    if event.seq % 5 == 4:
        raise Failed


def read(admin: Connection[Any]) -> tuple[int, int]:
    # Its own session reports what it has read and written up to a second later.
    admin.execute("SELECT pg_stat_force_next_flush()")
    row = admin.execute(READ).fetchone()
    assert row is not None
    return row[0], row[1]


@pytest.mark.parametrize(
    "statistics",
    [pytest.param(each, marks=pytest.mark.core if each == "of ten" else ()) for each in STATISTICS],
)
def test_no_statement_of_delivery_reads_the_whole_outbox(
    database_url: str, admin: Connection[Any], statistics: str
) -> None:
    """One connection stays, which has the plans of what was executed while there was little."""
    few, statement = STATISTICS[statistics]
    admin.execute(BY_HAND)
    admin.execute(ADD, (1, few, few + 1))
    if statement:
        admin.execute(statement.encode())
    with Database.connect(database_url, min_size=1, max_size=1) as db:
        # Every event is renewed before it is handed over.
        renewing = db.events.relay(fail_some, batch_size=5, lease=1e-6)
        stopping = db.events.relay(lambda _: stopping.stop(), batch_size=5)
        stopping.poll()
        renewing.poll()
        position = db.events.list_after(db.events.position()).position
        with psycopg.connect(database_url) as other:
            other.execute(ADD, (few + 1, MANY, 1))
        until(admin, ENDED, 2)
        before = read(admin)
        stopping = db.events.relay(lambda _: stopping.stop(), batch_size=100)
        assert stopping.poll() == 1
        for _ in range(3):
            assert renewing.poll()
        for _ in range(3):
            db.events.list_after(position, batch_size=10)
    until(admin, ENDED, 1)
    rows, pages = read(admin)
    # Those of the small table were not reported before.
    assert rows - before[0] < MANY
    assert pages - before[1] < 1000
