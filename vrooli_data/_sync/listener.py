# Generated from vrooli_data/_async/listener.py by tools/unasync.py. Do not edit.
"""A listener: hands out events as they are committed, on a connection of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from copy import copy
from weakref import ref

import psycopg

from .._connect import connection_parameters, cut
from .._domain.positions import EventBatch
from .._listening import LISTEN, BackOff, ListenOptions, Pace
from ..errors import InvalidUse, Unavailable, VrooliDataError
from ..records.events import ChangeEvent
from ._compat import StopSignal
from .held import HeldRunner
from .outcome import Resolver
from .pool import Connector, Pool
from .repositories.events import EventRepository
from .repository import Executor
from .session import PooledConnection

logger = logging.getLogger("vrooli_data")

_DIRECT = (
    "a listener needs a session of its own, and a pooler stands between: give conninfo=, a "
    "connection string that leads to the server itself"
)


class Listening:
    """Makes the listeners of one database, and their connections."""

    def __init__(self, pool: Pool, connector: Connector, resolver: Resolver) -> None:
        self._pool = pool
        self._connector = connector
        self._resolver = resolver

    def listen(self, options: ListenOptions, conninfo: str | None) -> Listener:
        """Make a listener, whose connection leads where the pool's do, or to *conninfo*."""
        connector = self._connector
        if conninfo is not None:
            name = connector.parameters["application_name"]
            parameters = connection_parameters(conninfo, name)
            self._pool.check_use()
            settings = copy(connector.settings)
            settings.pooler = settings.each = None
            connector = Connector(parameters, settings)
            connector.extensions = self._connector.extensions
        self._pool.check_use()
        if connector.settings.pooler:
            raise InvalidUse(_DIRECT)
        listener = Listener(self, connector, options)
        self._pool.dependents.add(listener)
        return listener

    def connect(self, connector: Connector) -> tuple[PooledConnection, EventRepository]:
        """Open a connection that is notified, and a repository on it."""
        self._pool.check_use()
        connection = connector.connect()
        try:
            _begin(connection, connector)
        except BaseException:
            connection.close()
            raise
        runner = HeldRunner(connection.session, self._resolver)
        return connection, EventRepository(Executor(runner))


class Listener:
    """Hands out events as they are committed, until it is stopped; see docs/events.md.

    Attributes:
        position: of the last event that was handed out or passed over; None before the first loop
            of a listener without a first position.
    """

    def __init__(self, listening: Listening, connector: Connector, options: ListenOptions) -> None:
        self._listening = listening
        self._connector = connector
        self._options = options
        self.position = options.after
        self._stop = StopSignal()
        self._pace = Pace(options.poll_interval)
        self._back_off = BackOff()
        #: The loop that goes through it, or the last one that did.
        self._loop = _Loop()
        #: Whether it has ever been connected.
        self._is_begun = False
        #: Whether more events may be there already.
        self._is_full = False

    def __iter__(self) -> Iterator[ChangeEvent]:
        """Hand out the events behind `position`."""
        loop = _Loop()
        events = self._events(loop)
        loop.events = ref(events)
        return events

    def stop(self) -> None:
        """End the loop, for good; any task, thread or signal handler may call it."""
        self._stop.set()
        connection = self._loop.connection
        if connection is not None:
            # Whoever waits for the server on it ends at once.
            cut(connection.pgconn)

    def _events(self, loop: _Loop) -> Iterator[ChangeEvent]:
        if self._loop.is_going_on:
            raise InvalidUse("one loop at a time goes through a listener: make one for each")
        loop.is_begun = True
        self._loop = loop
        self._is_full = False
        try:
            while (batch := self._next_batch()) is not None:
                for event in batch.events:
                    if self._stop.is_set:
                        return
                    self.position = event.position
                    yield event
                self.position = batch.position
        finally:
            # A loop that was left may end after the next one has begun.
            loop.is_begun = False
            loop.disconnect()

    def _next_batch(self) -> EventBatch | None:
        """Wait for events, on one connection after the other; None once it is stopped."""
        while not self._stop.is_set:
            try:
                batch = self._look()
            except VrooliDataError as error:
                self._pause(error)
            else:
                if batch is not None:
                    return batch
        return None

    def _pause(self, error: VrooliDataError) -> None:
        """Wait before another connection; raise an error that it would meet again."""
        if self._stop.is_set:
            return
        connection = self._loop.connection
        is_lost = connection is not None and connection.closed
        if not self._is_begun or not (is_lost or isinstance(error, Unavailable)):
            raise error
        self._loop.disconnect()
        logger.warning("the listener connects again: %s", error)
        self._stop.wait(self._back_off.next_wait())

    def _look(self) -> EventBatch | None:
        """Read the next batch, after a wait unless there may be one; None when nothing is new."""
        loop = self._loop
        connection, repository = loop.connection, loop.repository
        if connection is None or repository is None:
            connection, repository = self._listening.connect(self._connector)
            loop.connection, loop.repository = connection, repository
            self._is_begun = True
        elif not self._is_full:
            self._wait(connection)
        if self.position is None:
            self.position = repository.position()
        options = self._options
        batch = repository.list_after(
            self.position, entity_types=options.entity_types, batch_size=options.batch_size
        )
        self._is_full = batch.is_full
        self._back_off.end()
        if batch.position == self.position:
            return None
        self._pace.quicken()
        return batch

    def _wait(self, connection: PooledConnection) -> None:
        """Wait until the server notifies, or until it is time to look."""
        try:
            for _ in connection.notifies(timeout=self._pace.next_wait(), stop_after=1):
                self._pace.quicken()
        except psycopg.Error as error:
            raise connection.session.translated(error) from None


class _Loop:
    """One loop through a listener, and its connection."""

    def __init__(self) -> None:
        #: Its iterator, until nobody has that any more.
        self.events: ref[Iterator[ChangeEvent]] | None = None
        self.is_begun = False
        self.connection: PooledConnection | None = None
        self.repository: EventRepository | None = None

    @property
    def is_going_on(self) -> bool:
        """Whether it was begun, and not left: with its iterator, the event loop ends it later."""
        return self.is_begun and self.events is not None and self.events() is not None

    def disconnect(self) -> None:
        """Close its connection."""
        connection, self.connection, self.repository = self.connection, None, None
        if connection is not None:
            connection.close()


def _begin(connection: PooledConnection, connector: Connector) -> None:
    """Have the server notify a connection; refuse one on which it cannot."""
    if connector.settings.pooler:
        raise InvalidUse(_DIRECT)
    if connection.session.in_hot_standby():
        raise Unavailable("a standby cannot listen: connect to the primary")
    try:
        connection.execute(LISTEN, prepare=False)
    except psycopg.Error as error:
        raise connection.session.translated(error) from None
