"""What is tried again, when, and how often. No I/O."""

from __future__ import annotations

import random
import time
from enum import Enum

import msgspec

from .errors import InvalidInput


class Reason(Enum):
    """Why work that failed may be done again."""

    #: The server undid it because of concurrent work.
    CONFLICT = "conflict"
    #: The connection broke before COMMIT was sent.
    LOST = "lost"
    #: No connection was to be had, so nothing was started.
    BUSY = "busy"
    #: The connection leads to a standby, which only reads.
    READ_ONLY = "read only"
    #: The connection's prepared statements are not those of the server any more.
    STALE = "stale"


#: Reasons that a second failure shows to be no passing state.
_ONCE = frozenset({Reason.READ_ONLY, Reason.STALE})
#: Seconds before a busy or broken server is asked again, at first.
_BUSY_WAIT = 0.1


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often, how long and how far apart work is tried again."""

    #: Tries in all, the first included.
    attempts: int = 30
    #: Seconds in all, from the first try to the start of the last.
    timeout: float = 10.0
    #: Seconds; the wait is drawn from 0 to a bound that begins here and doubles.
    wait_initial: float = 0.005
    #: Seconds; where the bound ends.
    wait_max: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what would never try, or never end."""
        if type(self.attempts) is not int or self.attempts < 1:
            raise InvalidInput("attempts", "must be an int from 1")
        for field in ("timeout", "wait_initial", "wait_max"):
            value = getattr(self, field)
            if type(value) not in (int, float) or not 0 <= value < float("inf"):
                raise InvalidInput(field, "must be a number of seconds from 0")


def checked_policy(field: str, policy: RetryPolicy | None) -> RetryPolicy:
    """Return a policy, the default one for None; refuse what is none."""
    if policy is None:
        return RetryPolicy()
    if not isinstance(policy, RetryPolicy):
        raise InvalidInput(field, f"must be a RetryPolicy, not {type(policy).__name__}")
    return policy


class RetryEvent(msgspec.Struct, frozen=True, gc=False):
    """What ``on_retry`` is told before work is tried again."""

    #: The try that failed, from 1.
    attempt: int
    reason: str
    sqlstate: str | None
    #: Seconds until the next try.
    wait: float


class Retries:
    """The tries of one piece of work so far."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._started = time.monotonic()
        self._seen: set[Reason] = set()
        self.attempt = 1

    def after(self, error: BaseException) -> RetryEvent | None:
        """Tell how the work is to be tried again after an error, or None when it is not."""
        reason = reason_of(error)
        if reason is None or (reason in _ONCE and reason in self._seen):
            return None
        self._seen.add(reason)
        wait = self._wait(reason)
        elapsed = time.monotonic() - self._started
        if self.attempt >= self._policy.attempts or elapsed + wait > self._policy.timeout:
            if self.attempt > 1:
                error.add_note(f"gave up after {self.attempt} attempts in {elapsed:.3f} s")
            return None
        event = RetryEvent(self.attempt, reason.value, getattr(error, "sqlstate", None), wait)
        self.attempt += 1
        return event

    def _wait(self, reason: Reason) -> float:
        policy = self._policy
        if reason in _ONCE or (reason is Reason.LOST and self.attempt == 1):
            return 0.0
        first = policy.wait_initial if reason is Reason.CONFLICT else _BUSY_WAIT
        bound = min(policy.wait_max, first * 2.0 ** min(self.attempt - 1, 60))
        return random.uniform(0.0, bound)  # noqa: S311 (spreads load, hides nothing)


_MARK = "_vrooli_data_reason"


def mark(error: BaseException, reason: Reason | None) -> None:
    """Note on an error why its work may be done again, if it may; who saw the connection knows."""
    setattr(error, _MARK, reason)


def reason_of(error: BaseException) -> Reason | None:
    """Return the reason noted on an error."""
    found = getattr(error, _MARK, None)
    return found if isinstance(found, Reason) else None
