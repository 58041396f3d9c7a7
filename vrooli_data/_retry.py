"""The policy of retries: what is retried, when, and how often. No I/O."""

from __future__ import annotations

import random
import time
from enum import Enum

import msgspec

from .errors import InvalidInput


class Reason(Enum):
    """Why work that failed may be retried."""

    #: The server rolled it back because of concurrent work.
    CONFLICT = "conflict"
    #: The connection broke before COMMIT was sent.
    LOST = "lost"
    #: No connection was available, so nothing was started.
    BUSY = "busy"
    #: The server is a standby, which refuses to write.
    READ_ONLY = "read only"
    #: The server no longer has the connection's prepared statements as they were prepared.
    STALE = "stale"


#: Reasons that are retried once: a second failure means that the state lasts.
_ONCE = frozenset({Reason.READ_ONLY, Reason.STALE})
#: Seconds before the first retry on a busy server, or after a second lost connection.
_BUSY_WAIT = 0.1


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often, for how long and with which waits work is retried."""

    #: Attempts in all, the first included.
    attempts: int = 30
    #: Seconds from the start of the first attempt to the start of the last.
    timeout: float = 10.0
    #: Seconds. Each wait is random between 0 and a bound that starts here and doubles.
    wait_initial: float = 0.005
    #: Seconds; the greatest bound.
    wait_max: float = 0.5

    def __post_init__(self) -> None:
        """Check the fields."""
        if type(self.attempts) is not int or self.attempts < 1:
            raise InvalidInput("attempts", "must be an int from 1")
        for field in ("timeout", "wait_initial", "wait_max"):
            value = getattr(self, field)
            if type(value) not in (int, float) or not 0 <= value < float("inf"):
                raise InvalidInput(field, "must be a number of seconds from 0")


def checked_policy(field: str, policy: RetryPolicy | None) -> RetryPolicy:
    """Return *policy*, or the default policy for None."""
    if policy is None:
        return RetryPolicy()
    if not isinstance(policy, RetryPolicy):
        raise InvalidInput(field, f"must be a RetryPolicy, not {type(policy).__name__}")
    return policy


class RetryEvent(msgspec.Struct, frozen=True, gc=False):
    """What ``on_retry`` receives before a retry."""

    #: The number of the attempt that failed, from 1.
    attempt: int
    reason: str
    sqlstate: str | None
    #: Seconds until the next attempt.
    wait: float


class Retries:
    """The attempts of one piece of work so far."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._started = time.monotonic()
        self._seen: set[Reason] = set()
        self.attempt = 1

    def after(self, error: BaseException) -> RetryEvent | None:
        """Return how the work is retried after an error; None when it is not."""
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


def set_retry_reason(error: BaseException, reason: Reason | None) -> None:
    """Set why the work of an error may be retried; None: it may not."""
    setattr(error, _MARK, reason)


def reason_of(error: BaseException) -> Reason | None:
    """Return the reason that was set on an error."""
    found = getattr(error, _MARK, None)
    return found if isinstance(found, Reason) else None
