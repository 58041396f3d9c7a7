"""Prepare statements and describe their parameters and columns, without running them."""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, pq

from .analysis import Catalog


class TableColumn(NamedTuple):
    """The column of a table."""

    table_oid: int
    number: int


class Described(NamedTuple):
    """The columns and parameters of a prepared statement, with the SQL names of their types."""

    columns: tuple[tuple[str, str], ...]
    #: For each column: the column of a table that it shows; None for a computed column.
    origins: tuple[TableColumn | None, ...]
    parameters: tuple[str, ...]


class Describer:
    """Describes statements on one connection."""

    def __init__(self, connection: Connection[Any], catalog: Catalog) -> None:
        self._connection = connection
        self._catalog = catalog

    def describe(self, statement: str) -> Described:
        """Prepare a statement with ``$n`` and describe it; raise psycopg's error if refused."""
        pgconn = self._connection.pgconn
        self._raise_if_refused(pgconn.prepare(b"", statement.encode()))
        found = pgconn.describe_prepared(b"")
        self._raise_if_refused(found)
        return Described(
            tuple(
                ((found.fname(n) or b"").decode(), self._type_name(found.ftype(n)))
                for n in range(found.nfields)
            ),
            tuple(
                TableColumn(found.ftable(n), found.ftablecol(n)) if found.ftablecol(n) else None
                for n in range(found.nfields)
            ),
            tuple(self._type_name(found.param_type(n)) for n in range(found.nparams)),
        )

    def _type_name(self, oid: int) -> str:
        return self._catalog.type(oid).name

    @staticmethod
    def _raise_if_refused(result: pq.abc.PGresult) -> None:
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)
