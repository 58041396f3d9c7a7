# Generated from vrooli_data/_async/database_events.py by tools/unasync.py. Do not edit.
"""The attribute ``events`` of a database: the repository, and what needs connections of its own."""

from __future__ import annotations

from collections.abc import Sequence

from .._listening import ListenOptions
from .._relay import RelayOptions
from .listener import Listener, Listening
from .relay import Handlers, Relay
from .repositories.events import EventRepository
from .repository import Executor


class DatabaseEvents(EventRepository):
    """Events of changes, and their delivery (sql/events); see docs/events.md."""

    def __init__(self, executor: Executor, listening: Listening) -> None:
        super().__init__(executor)
        self._listening = listening

    def listen(
        self,
        after: str | None = None,
        *,
        entity_types: Sequence[str] | None = None,
        batch_size: int = 1_000,
        poll_interval: float = 1.0,
        conninfo: str | None = None,
    ) -> Listener:
        """Make a listener, which hands out events as they are committed; see docs/events.md.

        Args:
            after: the position behind which it begins; None begins with what is committed once its
                loop has begun.
            entity_types: the types of the entities whose events are handed out; None is all.
            batch_size: events that are read at once, at most.
            poll_interval: seconds between two looks without a notification.
            conninfo: a connection string that leads to the server itself, where the pool goes
                through a pooler; None is that of the pool.
        """
        options = ListenOptions(after, entity_types, batch_size, poll_interval)
        return self._listening.listen(options, conninfo)

    def relay(
        self,
        handlers: Handlers,
        *,
        batch_size: int = 100,
        lease: float = 30.0,
        poll_interval: float = 0.5,
        max_attempts: int = 10,
        wait_initial: float = 1.0,
        wait_max: float = 300.0,
        hold_parked: bool = False,
    ) -> Relay:
        """Make a relay, which hands events to handlers; see docs/events.md.

        Args:
            handlers: a function that is given each event; or one for each entity type, and events
                of other types are left to other relays.
            batch_size: events that are claimed at once, at most.
            lease: seconds that a claim lasts. It is renewed before an event once half of it is used
                up: no call of a handler may take longer than half of it, or the event may be
                delivered by two relays at once.
            poll_interval: seconds between two polls that find nothing.
            max_attempts: deliveries of one event that may fail before it is parked.
            wait_initial: seconds until a failed event is tried again; each further wait doubles.
            wait_max: seconds; the longest wait.
            hold_parked: whether a parked event holds up the later events of its entity.
        """
        options = RelayOptions(
            batch_size,
            lease,
            poll_interval,
            max_attempts,
            wait_initial,
            wait_max,
            hold_parked,
        )
        return Relay(self, handlers, options)
