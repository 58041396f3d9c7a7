"""Waiting for the server: a thread waits as psycopg does; ``_async/waiting.py`` is the twin."""

from __future__ import annotations

from psycopg import Connection

from .._rows import Row


class ReadingConnection(Connection[Row]):
    """A connection that no event loop knows."""

    def stop_reading(self) -> None:
        """Do nothing."""

    def leave_loop(self) -> None:
        """Do nothing."""
