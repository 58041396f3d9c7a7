"""Ids that the layer makes: public ids, 12 characters of [0-9a-z], and the ids of events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from contextvars import ContextVar, Token
from random import SystemRandom
from typing import Any, TypeVar
from uuid import UUID, uuid4

T = TypeVar("T")

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
#: Pairs of digits, so that an id takes six divisions.
_PAIRS = tuple(high + low for high in _DIGITS for low in _DIGITS)
_BASE = len(_PAIRS)

#: What `secrets` uses, which also imports hashing.
_random = SystemRandom()

#: How many public ids there are.
PUBLIC_IDS = _BASE**6


class StableIds:
    """Give every attempt of one retried call the same ids, in the same order."""

    def __init__(self) -> None:
        #: By the function that makes ids of a kind.
        self._made: dict[Callable[[], Any], list[Any]] = defaultdict(list)
        self._taken: Counter[Callable[[], Any]] = Counter()
        self._token: Token[StableIds | None] | None = None

    def begin(self) -> None:
        """Begin an attempt, which gets the ids of the previous attempt."""
        self._taken.clear()
        self._token = _stable_ids.set(self)

    def end(self) -> None:
        """End the attempt."""
        if self._token is not None:
            try:
                _stable_ids.reset(self._token)
            except ValueError:
                # A framework may leave the block in another context, which may have ids of its own.
                if _stable_ids.get() is self:
                    _stable_ids.set(None)
            self._token = None

    def take(self, make: Callable[[], T]) -> T:
        """Return the attempt's next id of the kind that *make* makes."""
        made, taken = self._made[make], self._taken[make]
        if taken == len(made):
            made.append(make())
        self._taken[make] += 1
        found: T = made[taken]
        return found


_stable_ids: ContextVar[StableIds | None] = ContextVar("vrooli_data_stable_ids", default=None)


def new_public_id() -> str:
    """Return an unguessable public id; every attempt of one retried call gets the same one."""
    return _stable(_random_id)


def new_event_id() -> UUID:
    """Return an id of an event; every attempt of one retried call gets the same one."""
    return _stable(uuid4)


def _stable(make: Callable[[], T]) -> T:
    stable = _stable_ids.get()
    return make() if stable is None else stable.take(make)


def _random_id() -> str:
    # With 96 bits, the probabilities of two ids differ by at most one part in 2^34.
    return public_id_of(_random.getrandbits(96) % PUBLIC_IDS)


def public_id_of(number: int) -> str:
    """Return the public id of a number from 0 to `PUBLIC_IDS` - 1."""
    rest, sixth = divmod(number, _BASE)
    rest, fifth = divmod(rest, _BASE)
    rest, fourth = divmod(rest, _BASE)
    rest, third = divmod(rest, _BASE)
    first, second = divmod(rest, _BASE)
    return (
        f"{_PAIRS[first]}{_PAIRS[second]}{_PAIRS[third]}"
        f"{_PAIRS[fourth]}{_PAIRS[fifth]}{_PAIRS[sixth]}"
    )
