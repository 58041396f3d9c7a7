"""A connection to temporary tables, for what is told of statements without running them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

_SCHEMA = """
CREATE DOMAIN pg_temp.positive AS integer NOT NULL CHECK (value > 0);
CREATE TEMP TABLE team (id bigint PRIMARY KEY, name text NOT NULL, bio text);
CREATE TEMP TABLE person (
    id bigint PRIMARY KEY,
    handle text NOT NULL,
    bio text,
    team_id bigint REFERENCES team (id),
    tags text[] NOT NULL,
    data jsonb NOT NULL,
    seen_at timestamptz NOT NULL,
    level pg_temp.positive
);
CREATE TEMP VIEW people AS
SELECT person.id, person.handle, team.name AS team_name
FROM person
LEFT JOIN team ON person.team_id = team.id;
CREATE TEMP VIEW handles AS SELECT person.id, person.handle FROM person;
CREATE TEMP TABLE employee () INHERITS (person);
CREATE FUNCTION pg_temp.shout(word text) RETURNS text STRICT RETURN nullif(word, 'x');
"""


@pytest.fixture(scope="module")
def temporary(postgresql_server: Any) -> Iterator[Connection[Any]]:
    """Connect to a database for tables that go with the connection."""
    with psycopg.connect(
        host=postgresql_server.host,
        port=postgresql_server.port,
        user=postgresql_server.user,
        password=postgresql_server.password or None,
        dbname="postgres",
        autocommit=True,
    ) as connection:
        if connection.info.server_version < 160_000:
            pytest.skip("parse trees before PostgreSQL 16 do not tell of NULLs")
        yield connection


@pytest.fixture(scope="module")
def connection(temporary: Connection[Any]) -> Connection[Any]:
    """Connect to the tables that the statements of these tests are about."""
    temporary.execute(_SCHEMA)
    return temporary
