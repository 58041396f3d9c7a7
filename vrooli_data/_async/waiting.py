"""Waiting for the server at the event loop; ``_sync/waiting.py`` is its twin, by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg import AsyncConnection, errors
from psycopg.abc import PQGen
from psycopg.pq import ConnStatus
from psycopg.waiting import Ready, Wait

from .._rows import Row

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

R = TypeVar("R")

#: Calls of libpq that read the rest of a record of TLS; each reads half of it or more.
RECORD = 3
#: Seconds between two looks at what TLS has decrypted, which does not make the socket readable.
_INTERVAL = 0.1

_TO_READ = Wait.R
_READABLE = Ready.R
#: After one of these, psycopg's wait has the server cancel what it runs.
_INTERRUPTIONS = (asyncio.CancelledError, KeyboardInterrupt, SystemExit)


class AsyncReadingConnection(AsyncConnection[Row]):
    """A connection whose socket stays registered at the event loop from one reply to the next.

    psycopg registers it for each reply and removes it afterwards, which is a large part of what a
    read costs. Before the socket is closed it must be removed: another socket may get its number,
    and the event loop would take that for registered already, and never wake who waits for it.
    """

    def __init__(self, pgconn: PGconn) -> None:
        super().__init__(pgconn)
        #: Where the socket is registered; None where it is not.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._descriptor = -1
        #: What reads the reply that a task waits for; None while no task waits.
        self._reading: PQGen[Any] | None = None
        #: Wakes the task with the one value that was read, or with none if reading is not all.
        self._reply: asyncio.Future[list[Any]] | None = None
        #: What reads instead, while the connection is a pipeline.
        self._on_input: Callable[[], None] | None = None
        #: Where TLS is used: when to look next at what it has decrypted.
        self._watch: asyncio.TimerHandle | None = None

    async def wait(
        self,
        gen: PQGen[R],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109 (psycopg's own signature)
    ) -> R:
        """Wait for the server; where more has to be done than to read, psycopg's wait does it."""
        descriptor = self.pgconn.socket
        try:
            state = next(gen)
        except StopIteration as ended:
            # psycopg's wait lets other tasks run every so often.
            return await super().wait(_Begun(gen, [ended]), interval, timeout)
        except BaseException:
            # libpq closes the socket of a lost connection by itself.
            self.stop_reading()
            raise
        interruptions: list[BaseException] = []
        is_encrypted = self.pgconn.ssl_in_use
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        if state == _TO_READ:
            if self._loop is not loop:
                self._start_reading(loop, descriptor)
            self._reading, self._reply = gen, loop.create_future()
            timer = None if end is None else loop.call_at(end, _expire, self._reply)
            if is_encrypted and self._watch is None:
                self._look_later(loop)
            try:
                read: list[R] = await self._reply
                if read:
                    return read[0]
            except _INTERRUPTIONS as interruption:
                interruptions = [interruption]
            finally:
                self._reading = self._reply = None
                if timer is not None:
                    timer.cancel()
                if self._closed:
                    self.stop_reading()
        # psycopg's wait registers the socket for itself, and may close it.
        self.stop_reading()
        left = None if end is None else max(0.0, end - loop.time())
        idle = _READABLE if is_encrypted else Ready.NONE
        return await super().wait(_Begun(gen, interruptions, idle), interval, left)

    def stop_reading(self) -> None:
        """Remove the socket from the event loop, unless a task waits, which does so afterwards."""
        if self._reply is None:
            self._remove()

    def read_by(self, on_input: Callable[[], None] | None) -> None:
        """Have something else read what arrives, until this is called with None."""
        self._on_input = on_input
        loop = asyncio.get_running_loop()
        if on_input is not None and self._loop is not loop:
            self._start_reading(loop, self.pgconn.socket)

    def leave_loop(self) -> None:
        """Leave the event loop to the parent, in a child process: both share what it waits with."""
        self._loop = None

    def _remove(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.remove_reader(self._descriptor)

    def _start_reading(self, loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
        self.stop_reading()
        # The loop keeps the context that it is called in. That of a task may hold a lot.
        Context().run(loop.add_reader, descriptor, self._on_readable)
        self._loop, self._descriptor = loop, descriptor
        # That of another loop is never called.
        self._watch = None

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._watch = loop.call_later(_INTERVAL, self._look, loop, context=Context())

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read what TLS has decrypted and libpq has not read."""
        self._watch = None
        if self._reading is not None:
            self._on_readable()
            self._look_later(loop)

    def _on_readable(self) -> None:
        """Read what has arrived. If the task did it, the loop would call once more before."""
        reading, reply = self._reading, self._reply
        if reading is None or reply is None:
            if self._on_input is not None:
                self._on_input()
                return
            # The server notifies an idle connection, or has ended it. Nobody reads that now, and
            # the loop would call again and again.
            self.stop_reading()
            return
        if reply.done():
            # Its task runs next.
            return
        try:
            state = reading.send(_READABLE)
            more = RECORD if state == _TO_READ and self.pgconn.ssl_in_use else 0
            while more and state == _TO_READ:
                state = reading.send(_READABLE)
                more -= 1
        except StopIteration as ended:
            reply.set_result([ended.value])
        except BaseException as error:  # noqa: BLE001 (it is raised in the task)
            reply.set_exception(error)
        else:
            if state != _TO_READ:
                reply.set_result([])
            return
        if self.pgconn.status == ConnStatus.BAD:
            # Not later, in the task: libpq has closed the socket by itself.
            self._remove()


class _Begun(Generator[Wait, Ready | int, R]):
    """A wait that has begun already, for psycopg's wait to go on with, or to end.

    It raises what it is given first. Interrupted in this way, psycopg's wait does what it does when
    it is interrupted itself. *idle* is what the wait hears when nothing has made the socket ready.
    """

    def __init__(
        self, gen: PQGen[R], raised: list[BaseException], idle: Ready = Ready.NONE
    ) -> None:
        self._gen = gen
        self._raised = raised
        self._idle = idle

    def send(self, ready: Ready | int | None) -> Wait:
        """Go on; psycopg begins with None, which its generators in C refuse later."""
        if self._raised:
            raise self._raised.pop()
        return self._gen.send(ready or self._idle)

    def throw(self, *error: Any) -> Wait:
        """Raise an error in it."""
        return self._gen.throw(*error)


def _expire(reply: asyncio.Future[Any]) -> None:
    if not reply.done():
        reply.set_exception(errors._WaitTimeout())  # noqa: SLF001 (as psycopg's wait does)
