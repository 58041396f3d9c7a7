"""Which locks a statement takes, and which of its functions do more than read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from psycopg import Connection

from vrooli_data._contract.locks import LockReader

_SCHEMA = """
CREATE TEMP TABLE users (id bigint, name text);
CREATE TEMP TABLE teams (id bigint);
CREATE TEMP TABLE bookmarks (user_id bigint, resource_id bigint);
CREATE TEMP SEQUENCE numbers;
CREATE FUNCTION pg_temp.place_order() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION pg_temp.price() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION pg_temp.differs(bigint, bigint) RETURNS bool LANGUAGE sql AS 'SELECT $1 <> $2';
CREATE OPERATOR pg_temp.<%> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = pg_temp.differs);
"""


@pytest.fixture(scope="module")
def tables(temporary: Connection[Any]) -> LockReader:
    temporary.execute(_SCHEMA)
    return LockReader(temporary)


@pytest.mark.parametrize(
    ("sql", "locks"),
    [
        ("SELECT id FROM users", set()),
        ("INSERT INTO users (name) VALUES ('Ada')", {"row: users"}),
        ("DELETE FROM pg_temp.users", {"row: users"}),
        ("SELECT id FROM users FOR UPDATE", {"for update: users"}),
        ("SELECT id FROM users FOR NO KEY UPDATE", {"for no key update: users"}),
        ("SELECT id FROM users FOR KEY SHARE NOWAIT", {"for key share nowait: users"}),
        ("SELECT id FROM users FOR UPDATE SKIP LOCKED", {"for update skip locked: users"}),
        ("SELECT 1 FROM users, teams FOR SHARE", {"for share: users", "for share: teams"}),
        ("SELECT 1 FROM users AS u, teams FOR SHARE OF u", {"for share: users"}),
        ("SELECT 1 FROM (SELECT id FROM users) AS u FOR SHARE", {"for share: users"}),
        (
            "WITH c AS (SELECT id FROM users) SELECT c.id FROM c, teams FOR SHARE",
            {"for share: teams"},
        ),
        (
            (
                "WITH c AS (SELECT id FROM users FOR NO KEY UPDATE)"
                " UPDATE users SET name = '' FROM c WHERE users.id = c.id"
            ),
            {"for no key update: users"},
        ),
        (
            (
                "WITH c AS (SELECT id FROM users FOR SHARE)"
                " UPDATE users SET name = '' FROM c WHERE users.id = c.id"
            ),
            {"for share: users", "row: users"},
        ),
        (
            (
                "WITH c AS (SELECT id FROM users FOR NO KEY UPDATE)"
                " DELETE FROM users USING c WHERE users.id = c.id"
            ),
            {"for no key update: users", "row: users"},
        ),
        (
            "WITH users AS (SELECT id FROM teams) INSERT INTO bookmarks SELECT id, 1 FROM users",
            {"row: bookmarks"},
        ),
        ("SELECT pg_advisory_xact_lock($1::bigint)", {"advisory: pg_advisory_xact_lock"}),
        (
            "SELECT id FROM users WHERE pg_try_advisory_lock(id)",
            {"advisory: pg_try_advisory_lock"},
        ),
        (
            "SELECT x FROM pg_advisory_xact_lock_shared(1, 2) AS x, users FOR SHARE OF users",
            {"advisory: pg_advisory_xact_lock_shared", "for share: users"},
        ),
        (
            "WITH l AS MATERIALIZED (SELECT pg_advisory_lock(1)) SELECT id FROM users, l",
            {"advisory: pg_advisory_lock"},
        ),
        ("SELECT setval('pg_temp.numbers', 1)", {"function: setval"}),
        ("SELECT pg_notify('a', 'b')", {"function: pg_notify"}),
        ("SELECT set_config('work_mem', '1MB', FALSE)", {"function: set_config"}),
        ("SELECT pg_terminate_backend(1)", {"function: pg_terminate_backend"}),
        ("SELECT pg_temp.place_order()", {"function: pg_temp.place_order"}),
        (
            "SELECT id FROM users WHERE id OPERATOR(pg_temp.<%>) 1",
            {"function: pg_temp.differs"},
        ),
        ("SELECT pg_temp.price(), now(), random(), clock_timestamp()", set()),
        ("SELECT count(*), row_number() OVER () FROM users", set()),
        ("SELECT gen_random_uuid(), pg_sleep(0), pg_current_xact_id()", set()),
    ],
)
def test_the_locks_of_a_statement(tables: LockReader, sql: str, locks: set[str]) -> None:
    # The temporary schema has a number of its own in each session.
    assert {re.sub(r"pg_temp_\d+", "pg_temp", lock) for lock in tables.locks(sql)} == locks
