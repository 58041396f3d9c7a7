"""The options of a relay, its walk over entities, and its waits after failures. No I/O."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from .errors import InvalidInput
from .records.events import ChangeEvent, EventHead, EventHeads
from .validation import MAX_INTEGER, check_flag, check_int, check_seconds, check_text

H = TypeVar("H")

#: Entities that one poll passes at most.
MAX_ENTITIES: Final = 1_000
_MAX_BATCH = 10_000
_MAX_TYPE = 64
#: Below every entity: a type is not empty.
_START: Final = ("", 0)
#: Below every id.
_LOWEST = -(2**63)

#: What a walk takes: the type it goes through, and the entity that it goes on behind.
_Place: TypeAlias = tuple[str | None, str, int]


class RelayOptions(NamedTuple):
    """How a relay works."""

    #: Events that are claimed at once, at most.
    batch_size: int
    #: Seconds that a claim lasts.
    lease: float
    #: Seconds between two polls that find nothing.
    poll_interval: float
    #: Deliveries of one event that may fail before it is parked.
    max_attempts: int
    #: Seconds before the first repetition; each further wait doubles.
    wait_initial: float
    wait_max: float
    #: Whether a parked event holds up the later events of its entity.
    hold_parked: bool

    def check(self) -> None:
        """Refuse bad options."""
        check_int("batch_size", self.batch_size, 1, _MAX_BATCH)
        for field in ("lease", "poll_interval", "wait_initial", "wait_max"):
            check_seconds(field, getattr(self, field))
        check_int("max_attempts", self.max_attempts, 1, MAX_INTEGER)
        check_flag("hold_parked", self.hold_parked)

    def wait_after(self, attempts: int) -> float:
        """Return the seconds to wait after so many failures: random, and longer each time."""
        bound = min(self.wait_max, self.wait_initial * 2.0 ** min(attempts - 1, 60))
        return random.uniform(bound / 2, bound)  # noqa: S311 (spreads load, hides nothing)


class Dispatch:
    """Finds the handler of each event."""

    def __init__(self, given: object, check: Callable[[str, Any], None]) -> None:
        self._every: Any = None
        self._by_type: dict[str, Any] = {}
        if not isinstance(given, Mapping):
            check("handlers", given)
            self._every = given
            return
        if not given:
            raise InvalidInput("handlers", "must have a handler for at least one entity type")
        for entity_type, handler in given.items():
            check_text("handlers", entity_type, _MAX_TYPE, 1)
            check("handlers", handler)
            self._by_type[entity_type] = handler

    @property
    def entity_types(self) -> list[str] | None:
        """The entity types that are handled; None: every one."""
        return None if self._every is not None else sorted(self._by_type)

    def of(self, event: ChangeEvent) -> Any:
        """Return the function for an event."""
        return self._every if self._every is not None else self._by_type[event.entity_type]


class Walk:
    """Where a relay is in its walk over the entities, which wraps round at the end."""

    def __init__(self, entity_types: Sequence[str] | None) -> None:
        #: Each is gone through in turn; None is all of them in one.
        self._types: tuple[str | None, ...] = tuple(entity_types or (None,))
        self._turn = 0
        self._after = self._start()
        #: Whether this turn was begun at its start, and nothing was claimed in it.
        self._is_empty = True
        #: Turns in a row that were gone through, and in which nothing was claimed.
        self._empty_turns = 0

    def begin(self) -> None:
        """Begin a poll."""
        if self.is_idle:
            self._empty_turns = 0

    @property
    def is_idle(self) -> bool:
        """Whether there was nothing to claim in all that there is."""
        return self._empty_turns >= len(self._types)

    @property
    def place(self) -> _Place:
        """Where the walk goes on."""
        return (self._types[self._turn], *self._after)

    def go_on(self, found: EventHeads, *, is_end: bool, has_claimed: bool) -> None:
        """Move behind what was found; where that is the end of a turn, to the next one."""
        self._after = (found.entity_type, found.entity_id)
        if has_claimed:
            self._is_empty = False
            self._empty_turns = 0
        if not is_end:
            return
        self._empty_turns += self._is_empty
        self._turn = (self._turn + 1) % len(self._types)
        self._after = self._start()
        self._is_empty = True

    def _start(self) -> tuple[str, int]:
        entity_type = self._types[self._turn]
        return _START if entity_type is None else (entity_type, _LOWEST)


def heads_json(heads: Sequence[EventHead]) -> list[dict[str, Any]]:
    """Return heads as the claim takes them."""
    return [
        {"entity_type": each.entity_type, "entity_id": each.entity_id, "seq": each.seq}
        for each in heads
    ]


def keys_json(events: Sequence[ChangeEvent]) -> list[dict[str, Any]]:
    """Return the keys of events as the statements of a claim take them."""
    return [{"user_id": each.user_id, "event_id": str(each.event_id)} for each in events]


def error_name(error: BaseException) -> str:
    """Return what is stored of an error: its class, since its text may hold anybody's data."""
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}".replace("\0", "")[:255]
