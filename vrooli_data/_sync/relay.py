# Generated from vrooli_data/_async/relay.py by tools/unasync.py. Do not edit.
"""A relay: claims the events of committed changes, and hands them to handlers."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TypeAlias, TypeVar
from uuid import UUID, uuid4

from .._binding import own_queries
from .._relay import (
    MAX_ENTITIES,
    Dispatch,
    RelayOptions,
    Walk,
    error_name,
    heads_json,
    keys_json,
)
from .._retry import reason_of
from ..errors import CommitUnknown, InvalidInput, Timeout, Unavailable, VrooliDataError
from ..records.events import ChangeEvent, EventHeads, EventKey
from ..validation import json_text
from ._compat import Body, StopSignal, Work, call, check_body, is_failure, sleep
from .repository import Repository

R = TypeVar("R")

logger = logging.getLogger("vrooli_data")

_SQL = own_queries("events")
_LIST_HEADS = _SQL.bind("list_heads", EventHeads)
_CLAIM = _SQL.bind("claim", ChangeEvent)
_RENEW = _SQL.bind("renew", EventKey)
_PUBLISH = _SQL.scalar("publish", int)
_RELEASE = _SQL.scalar("release", int)
_FAIL = _SQL.scalar("fail", int)
#: Seconds between two attempts while the server is out of reach.
_PAUSE = 0.2
_HANDLERS = "handlers"

#: A function that is called with each event.
Handler: TypeAlias = Body[ChangeEvent, object]
Handlers: TypeAlias = Handler | Mapping[str, Handler]


class Relay:
    """Hands events to handlers, in order per entity and at least once; see docs/events.md."""

    def __init__(self, repository: Repository, handlers: Handlers, options: RelayOptions) -> None:
        options.check()
        self._handlers = Dispatch(handlers, check_body)
        self._repository = repository
        self._options = options
        self._walk = Walk(self._handlers.entity_types)
        self._stop = StopSignal()

    def run(self) -> None:
        """Deliver events until `stop` is called; go on when the server is back."""
        while not self._stop.is_set:
            try:
                delivered = self.poll()
            except VrooliDataError as error:
                if not _passes(error):
                    raise
                logger.warning("the relay waits: %s", type(error).__name__)
                self._stop.wait(self._options.poll_interval)
                continue
            if not delivered and self._walk.is_idle:
                self._stop.wait(self._options.poll_interval)

    def poll(self) -> int:
        """Claim events once, hand them to their handlers, and return how many were delivered."""
        claim = Claim(self._repository, self._options)
        events = self._claim(claim)
        if not events:
            return 0
        try:
            self._deliver(claim)
        except BaseException:
            # The caller is to see this one: after some of the others, `run` would go on.
            try:
                claim.end()
            except VrooliDataError as another:
                logger.warning("a relay keeps its claims: %s", type(another).__name__)
            raise
        claim.end()
        return claim.delivered

    def stop(self) -> None:
        """End `run` after the current event; any thread or signal handler may call it."""
        self._stop.set()

    def _claim(self, claim: Claim) -> int:
        """Walk on until something is claimed, or enough entities are passed."""
        options, walk = self._options, self._walk
        walk.begin()
        passed = 0
        while passed < MAX_ENTITIES and not walk.is_idle and not self._stop.is_set:
            most = MAX_ENTITIES - passed
            found = self._repository.get_one(
                _LIST_HEADS, *walk.place, most, options.batch_size, options.hold_parked
            )
            passed += found.entities
            claimed = claim.take(found) if found.heads else 0
            walk.go_on(
                found,
                is_end=found.entities < most and len(found.heads) < options.batch_size,
                has_claimed=claimed > 0,
            )
            if claimed:
                return claimed
        return 0

    def _deliver(self, claim: Claim) -> None:
        """Hand over one event after the other; go on behind one that fails."""
        while claim.waiting and not self._stop.is_set:
            if claim.is_half_over():
                claim.renew()
                if not claim.waiting:
                    break
            event = claim.waiting[0]
            try:
                call(_HANDLERS, self._handlers.of(event), event)
            except BaseException as error:
                if not is_failure(error):
                    raise
                if isinstance(error, InvalidInput) and error.field == _HANDLERS:
                    # It cannot be called on this face.
                    raise
                claim.fail(event, error)
            else:
                claim.pass_on(event)


class Claim:
    """The events that one poll has claimed, in the order in which they are handed over."""

    def __init__(self, repository: Repository, options: RelayOptions) -> None:
        self._repository = repository
        self._options = options
        self._token: UUID = uuid4()
        #: When the lease was begun, or before, on this clock.
        self._begun = 0.0
        self.waiting: list[ChangeEvent] = []
        #: Handed over, and not yet published.
        self._handled: list[ChangeEvent] = []
        self.delivered = 0

    def take(self, found: EventHeads) -> int:
        """Claim entities that are free, and return how many events are claimed."""
        options = self._options
        self._begun = time.monotonic()
        self.waiting = self._repository.find_all(
            _CLAIM,
            self._token,
            json_text(heads_json(found.heads)),
            options.lease,
            options.batch_size // len(found.heads) - 1,
            options.batch_size,
        )
        return len(self.waiting)

    def is_half_over(self) -> bool:
        """Return whether half of the lease is used up, so that the next event may be too long."""
        return time.monotonic() - self._begun >= self._options.lease / 2

    def pass_on(self, event: ChangeEvent) -> None:
        """Note that an event was handed over."""
        self.waiting.remove(event)
        self._handled.append(event)
        self.delivered += 1

    def renew(self) -> None:
        """Publish what is handled, extend the lease of the rest, and drop what is lost."""
        self.publish()
        waiting = self.waiting
        begun = time.monotonic()
        kept = self._insist(
            lambda: self._repository.find_all(
                _RENEW,
                self._token,
                json_text(keys_json(waiting)),
                self._options.lease,
                len(waiting),
            )
        )
        self._begun = begun
        keys = {(each.user_id, each.event_id) for each in kept}
        lost: set[tuple[str, int]] = set()
        self.waiting = []
        left = []
        for event in waiting:
            entity = (event.entity_type, event.entity_id)
            if (event.user_id, event.event_id) not in keys:
                lost.add(entity)
            elif entity in lost:
                left.append(event)
            else:
                self.waiting.append(event)
        self._release(left)

    def fail(self, event: ChangeEvent, error: BaseException) -> None:
        """Leave an event for later, or park it; give the later events of its entity back."""
        options = self._options
        entity = (event.entity_type, event.entity_id)
        followers = [
            each
            for each in self.waiting
            if (each.entity_type, each.entity_id) == entity and each is not event
        ]
        logger.warning("a handler raised %s: attempt %d", error_name(error), event.attempts + 1)
        self.publish()
        self._insist(
            lambda: self._repository.get_scalar(
                _FAIL,
                self._token,
                event.user_id,
                event.event_id,
                error_name(error),
                options.wait_after(event.attempts + 1),
                options.max_attempts,
                json_text(keys_json(followers)),
            )
        )
        self.waiting = [
            each for each in self.waiting if (each.entity_type, each.entity_id) != entity
        ]

    def publish(self) -> None:
        """Mark what is handled as delivered, unless another relay has claimed it."""
        handled = self._handled
        if handled:
            keys = json_text(keys_json(handled))
            self._insist(lambda: self._repository.get_scalar(_PUBLISH, self._token, keys))
            self._handled = []

    def end(self) -> None:
        """Publish what is handled, and give the rest back."""
        self.publish()
        waiting, self.waiting = self.waiting, []
        self._release(waiting)

    def _release(self, events: list[ChangeEvent]) -> None:
        if events:
            keys = json_text(keys_json(events))
            self._insist(lambda: self._repository.get_scalar(_RELEASE, self._token, keys))

    def _insist(self, work: Work[R]) -> R:
        """Run a statement, again while the server is out of reach and the lease runs.

        Each holds only for events that this claim still has, and so may run twice.
        """
        while True:
            try:
                return work()
            except VrooliDataError as error:
                if not _passes(error) or time.monotonic() >= self._begun + self._options.lease:
                    raise
            sleep(_PAUSE)


def _passes(error: VrooliDataError) -> bool:
    """Return whether an error is one that the next attempt may not meet."""
    return isinstance(error, Unavailable | CommitUnknown | Timeout) or reason_of(error) is not None
