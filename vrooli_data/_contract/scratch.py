"""Create a database for one check, with the same rows every time, and drop it afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from .._connect import ASK_ROLE, connection_parameters
from .._migrate import migrate
from .._own_session import own_session, scalar
from .._search_path import SearchPath
from .._seed import seed
from ..errors import PermissionDenied

#: What pg_stat_activity shows.
APPLICATION_NAME = "vrooli_data check"
#: With the rows below, enough rows for the planner to choose as it does on large tables.
_SCALE = 0.02
#: The schema of a new database, for any search_path of the role.
SCRATCH_SCHEMA = "public"
_UNTIL = datetime(2026, 1, 1, tzinfo=UTC)

# The seed makes too few users, teams and chats for their indexes to be used, and no statistics or
# requests for reconciliation.
_MORE_ROWS = b"""
INSERT INTO users (public_id, email, name, handle, created_at)
SELECT
    'u' || lpad(n::text, 11, '0'),
    'more' || n || '@example.org',
    'More ' || n,
    'more_' || n,
    '2020-01-01 00:00+00'::timestamptz + n * interval '1 minute'
FROM generate_series(1, 20000) AS n;

INSERT INTO teams (public_id, name, handle, created_at)
SELECT
    't' || lpad(n::text, 11, '0'),
    'More ' || n,
    'more_' || n,
    '2020-01-01 00:00+00'::timestamptz + n * interval '1 minute'
FROM generate_series(1, 5000) AS n;

INSERT INTO chats (public_id, created_at)
SELECT
    'c' || lpad(n::text, 11, '0'),
    '2020-01-01 00:00+00'::timestamptz + n * interval '1 minute'
FROM generate_series(1, 5000) AS n;

INSERT INTO members (team_id, user_id, created_at)
SELECT
    teams.id,
    users.id,
    users.created_at
FROM teams
INNER JOIN users ON teams.id % 1000 = users.id % 1000
WHERE
    teams.id BETWEEN 1001 AND 4000
    AND users.id BETWEEN 1001 AND 4000;

INSERT INTO chat_participants (chat_id, user_id)
SELECT
    chats.id,
    users.id
FROM chats
INNER JOIN users ON chats.id % 1000 = users.id % 1000
WHERE
    chats.id BETWEEN 1001 AND 4000
    AND users.id BETWEEN 1001 AND 4000;

INSERT INTO stats_users (user_id, period_type, period_start, period_end)
SELECT
    users.id,
    'Daily',
    days.start,
    days.start + interval '24 hours'
FROM users
CROSS JOIN generate_series('2025-12-01 00:00+00', '2025-12-05 00:00+00', interval '24 hours')
    AS days (start)
WHERE users.id <= 1000;

INSERT INTO stats_teams (team_id, period_type, period_start, period_end)
SELECT
    teams.id,
    'Daily',
    days.start,
    days.start + interval '24 hours'
FROM teams
CROSS JOIN generate_series('2025-12-01 00:00+00', '2025-12-05 00:00+00', interval '24 hours')
    AS days (start)
WHERE teams.id <= 1000;

INSERT INTO change_events (
    user_id,
    event_id,
    entity_type,
    entity_id,
    change_type,
    published_at,
    parked_at
)
SELECT
    n % 1000 + 1,
    gen_random_uuid(),
    'resource',
    n % 3000 + 1,
    'updated',
    CASE WHEN n % 20 > 1 THEN '2025-12-01 00:00+00'::timestamptz + n * interval '1 minute' END,
    CASE WHEN n % 20 = 1 THEN '2025-12-01 00:00+00'::timestamptz + n * interval '1 minute' END
FROM generate_series(1, 20000) AS n;

INSERT INTO counter_reconciliations (entity_type, entity_id, counter)
SELECT
    'resource',
    resources.id,
    'bookmarks'
FROM resources
ON CONFLICT DO NOTHING
"""
# VACUUM does not mark rows of a commit as visible to all before the commit is flushed. Without the
# mark the planner avoids index-only scans.
_FLUSH = b"SET synchronous_commit = on"
_VACUUM = b"VACUUM (ANALYZE)"


@contextmanager
def scratch_database(conninfo: str | None) -> Iterator[str]:
    """Create a database on the server of *conninfo*, and drop it at the end in any case."""
    name = f"vrooli_data_check_{secrets.token_hex(6)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'")
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    with own_session(conninfo, APPLICATION_NAME, None) as server:
        try:
            server.execute(create.format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege as error:
            raise PermissionDenied(
                "the check creates a database, which this role may not do: use a role with "
                "CREATEDB",
                sqlstate=error.sqlstate,
                privileges=("CREATEDB",),
                role=scalar(server, ASK_ROLE),
            ) from None
        try:
            parameters = connection_parameters(conninfo, APPLICATION_NAME)
            yield psycopg.conninfo.make_conninfo(**{**parameters, "dbname": name})
        finally:
            server.execute(drop.format(sql.Identifier(name)))


def prepare_database(url: str) -> None:
    """Migrate an empty database, and fill it with the rows of a check."""
    migrate(url, schema=SCRATCH_SCHEMA)
    fill_database(url)


def fill_database(url: str) -> None:
    """Fill a migrated, empty database with the rows of a check."""
    seed(url, schema=SCRATCH_SCHEMA, scale=_SCALE, seed=1, until=_UNTIL)
    with own_session(url, APPLICATION_NAME, SearchPath(SCRATCH_SCHEMA)) as connection:
        connection.execute(_FLUSH)
        connection.execute(_MORE_ROWS)
        connection.execute(_VACUUM)
