# Generated from tests/_async/executed.py by tools/unasync.py. Do not edit.
"""The statements that the server executes on a connection, counted by the server itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from psycopg.errors import Diagnostic


@contextmanager
def executed(connection: Connection[Any]) -> Iterator[list[str]]:
    """Collect what the server logs as executed on a connection.

    With these settings it sends each line of that log to the client as well. BEGIN and COMMIT would
    be among them.
    """
    logged: list[str] = []

    def keep(diagnostic: Diagnostic) -> None:
        logged.append(diagnostic.message_primary or "")

    connection.execute("SET log_statement = 'all'")
    connection.execute("SET client_min_messages = 'log'")
    connection.add_notice_handler(keep)
    try:
        yield logged
    finally:
        connection.remove_notice_handler(keep)
