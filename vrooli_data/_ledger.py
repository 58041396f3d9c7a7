"""The table in which a database holds what was applied to it: one of ours, one of applications.

Applications have a table of their own, because an unknown id in ours means that a newer version of
the package has migrated the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, NamedTuple

from ._migrations import Migration, Series, check_applied, package_series
from ._own_session import Connection, own_session, refuse_forbidden, scalar
from ._search_path import SearchPath

_EXISTS = "SELECT to_regclass(quote_ident(current_schema()) || '.' || %(table)s) IS NOT NULL"


class _Table(NamedTuple):
    name: str
    create: str
    read: str
    add: str
    remove: str


_OF_PACKAGE: Final = _Table(
    name="vrooli_data_migrations",
    create="""
CREATE TABLE vrooli_data_migrations (
    id text COLLATE "C" NOT NULL,
    sha256 text COLLATE "C" NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT vrooli_data_migrations_pkey PRIMARY KEY (id)
)
""",
    read="SELECT id, sha256, applied_at FROM vrooli_data_migrations",
    add="INSERT INTO vrooli_data_migrations (id, sha256) VALUES (%(id)s, %(sha256)s)",
    remove="DELETE FROM vrooli_data_migrations WHERE id = %(id)s",
)
_OF_APPLICATIONS: Final = _Table(
    name="vrooli_data_application_migrations",
    create="""
CREATE TABLE vrooli_data_application_migrations (
    application text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    sha256 text COLLATE "C" NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT vrooli_data_application_migrations_pkey PRIMARY KEY (application, id)
)
""",
    read="""
SELECT id, sha256, applied_at
FROM vrooli_data_application_migrations
WHERE application = %(application)s
""",
    add="""
INSERT INTO vrooli_data_application_migrations (application, id, sha256)
VALUES (%(application)s, %(id)s, %(sha256)s)
""",
    remove="""
DELETE FROM vrooli_data_application_migrations
WHERE application = %(application)s AND id = %(id)s
""",
)


class Applied(NamedTuple):
    """What a ledger holds of one migration."""

    sha256: str
    applied_at: datetime


class Ledger:
    """What was applied of one series, in the first schema of the search_path."""

    def __init__(self, connection: Connection, series: Series) -> None:
        self._connection = connection
        self._application = series.application
        self._table = _OF_PACKAGE if series.application is None else _OF_APPLICATIONS

    def create(self) -> None:
        """Create the table unless it is there; to do nothing, no privilege is needed."""
        if not self._exists():
            self._connection.execute(self._table.create.encode())

    def read(self) -> dict[str, Applied]:
        """Return what is applied, by id."""
        if not self._exists():
            refuse_forbidden(self._connection)
            return {}
        rows = self._connection.execute(
            self._table.read.encode(), {"application": self._application}
        )
        return {migration_id: Applied(sha256, at) for migration_id, sha256, at in rows}

    def add(self, migration: Migration) -> None:
        """Record that a migration is applied."""
        self._execute(self._table.add, migration)

    def remove(self, migration: Migration) -> None:
        """Record that a migration is rolled back."""
        self._execute(self._table.remove, migration)

    def _execute(self, statement: str, migration: Migration) -> None:
        self._connection.execute(
            statement.encode(),
            {
                "application": self._application,
                "id": migration.id,
                "sha256": migration.sha256,
            },
        )

    def _exists(self) -> bool:
        # Only here: a schema behind this one may hold another ledger.
        return bool(scalar(self._connection, _EXISTS, table=self._table.name))


def read_applied(connection: Connection) -> dict[str, Applied]:
    """Return which migrations of the package the database has, by id."""
    return Ledger(connection, package_series()).read()


@contextmanager
def migrated_session(
    conninfo: str | None, application_name: str, schema: str | None = None
) -> Iterator[Connection]:
    """Open a session outside the pool on a migrated database."""
    with own_session(conninfo, application_name, SearchPath.of(schema, ())) as session:
        check_applied(package_series(), read_applied(session), schema)
        yield session
