"""Waiting for the server: a thread waits as psycopg does; ``_async/waiting.py`` is the twin."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

from psycopg import Connection
from psycopg.abc import PQGen
from psycopg.waiting import Ready, Wait

from .._rows import Row

R = TypeVar("R")


class ReadingConnection(Connection[Row]):
    """A connection that no event loop knows."""

    def wait(self, gen: PQGen[R], interval: float = 0.1, timeout: float | None = None) -> R:
        """Wait for the server as psycopg does, and look at what TLS has decrypted."""
        if self.pgconn.ssl_in_use:
            gen = _Looking(gen)
        return super().wait(gen, interval, timeout)

    def stop_reading(self) -> None:
        """Do nothing."""

    def leave_loop(self) -> None:
        """Do nothing."""


class _Looking(Generator[Wait, Ready | int, R]):
    """A wait that reads every so often, also where nothing has made the socket readable.

    psycopg's own reading of a reply goes on only then.
    """

    def __init__(self, gen: PQGen[R]) -> None:
        self._gen = gen

    def send(self, ready: Ready | int | None) -> Wait:
        """Go on; psycopg begins with None."""
        if ready is None:
            return next(self._gen)
        return self._gen.send(ready or Ready.R)

    def throw(self, *error: Any) -> Wait:
        """Raise an error in it."""
        return self._gen.throw(*error)
