"""The database that is measured: its server, its schema and its rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import Connection, conninfo, sql

from vrooli_data import MissingExtra, embedded, migrate
from vrooli_data._seed import seed
from vrooli_data.cli._progress import progress_bars

_FOLDER = Path(__file__).parents[1] / "var" / "bench"
#: The seeded past ends here, so that the rows are the same everywhere.
UNTIL = datetime(2026, 1, 1, tzinfo=UTC)

_FIND_LABEL = """
SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()
"""
_HOLDS_TABLES = """
SELECT EXISTS (
    SELECT FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
)
"""


class NotEmptyError(Exception):
    """The given database holds other tables."""


@contextmanager
def seeded_database(given_url: str | None, scale: float) -> Iterator[str]:
    """Yield the URL of a migrated and seeded database, which is created when it is missing.

    Without *given_url* it is a database of the embedded server. The server stops with the block,
    unless it ran before.
    """
    if given_url is not None:
        _fill(given_url, scale)
        yield given_url
        return
    ran_before = embedded.url(_FOLDER) is not None
    try:
        server_url = embedded.start(_FOLDER)
    except MissingExtra as missing:
        raise MissingExtra(f"{missing}, or give --database-url") from None
    try:
        yield _embedded_database(server_url, scale)
    finally:
        if not ran_before:
            embedded.stop(_FOLDER)


@contextmanager
def scratch_database(url: str, suffix: str, *, copied: bool) -> Iterator[str]:
    """Yield the URL of a database to write to, which is dropped after the block.

    It is a copy of the one at *url*, or migrated and empty.
    """
    with psycopg.connect(url) as connection:
        source = connection.info.dbname
    name = f"{source}_{suffix}"
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
        sql.Identifier(name), sql.Identifier(source if copied else "template0")
    )
    with psycopg.connect(conninfo.make_conninfo(url, dbname="postgres"), autocommit=True) as server:
        server.execute(drop)
        server.execute(create)
        try:
            scratch_url = conninfo.make_conninfo(url, dbname=name)
            if not copied:
                migrate(scratch_url)
            yield scratch_url
        finally:
            server.execute(drop)


def _embedded_database(server_url: str, scale: float) -> str:
    name = f"bench_scale_{scale:g}"
    url = conninfo.make_conninfo(server_url, dbname=name)
    with psycopg.connect(server_url, autocommit=True) as server:
        exists = server.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if exists is not None:
            with psycopg.connect(url) as connection:
                complete = _label_of(connection) == _label(scale)
            if complete:
                migrate(url)
                return url
            # An earlier run did not finish, and left it behind.
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    _fill(url, scale)
    return url


def _fill(url: str, scale: float) -> None:
    """Migrate and seed an empty database, unless an earlier run seeded it at *scale*."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = _label_of(connection)
        if found != _label(scale):
            [(holds_tables,)] = connection.execute(_HOLDS_TABLES).fetchall()
            if holds_tables:
                raise NotEmptyError(
                    f"the database {connection.info.dbname} holds "
                    f"{found or 'tables that were not made here'}, and this run needs "
                    f"{_label(scale)}: name an empty database, or no --database-url at all"
                )
        migrate(url)
        if found == _label(scale):
            return
        with progress_bars() as progress:
            seed(url, scale=scale, until=UNTIL, progress=progress)
        # Otherwise the checkpointer writes the seeded rows during the first turns.
        with suppress(psycopg.errors.InsufficientPrivilege):
            connection.execute("CHECKPOINT")
        connection.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                sql.Identifier(connection.info.dbname), _label(scale)
            )
        )


def _label(scale: float) -> str:
    return f"benchmark rows of vrooli_data, scale {scale:g}"


def _label_of(connection: Connection[tuple[object, ...]]) -> object:
    [(label,)] = connection.execute(_FIND_LABEL).fetchall()
    return label
