"""Retrying work after errors that another attempt may not meet."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from .. import _process as process
from .._public_id import StableIds
from .._retry import Retries, RetryEvent, RetryPolicy
from ..errors import InvalidUse
from ._compat import Work, sleep

T = TypeVar("T")

logger = logging.getLogger("vrooli_data")


class AsyncRetrier:
    """Retries work by one policy, and reports each retry."""

    def __init__(self, policy: RetryPolicy, on_retry: Callable[[RetryEvent], None] | None) -> None:
        self.policy = policy
        self._on_retry = on_retry

    def with_policy(self, policy: RetryPolicy) -> AsyncRetrier:
        """Return the same with another policy."""
        return AsyncRetrier(policy, self._on_retry)

    async def repeat(self, work: Work[T]) -> T:
        """Do work until it succeeds, or fails for good."""
        retries: Retries | None = None
        while True:
            try:
                return await work()
            except Exception as error:
                retries = retries or Retries(self.policy)
                event = retries.after(error)
                if event is None:
                    raise
            await self.pause(event)

    async def pause(self, event: RetryEvent) -> None:
        """Report a retry and sleep before it; no connection is held meanwhile."""
        logger.info("attempt %d failed (%s, %s)", event.attempt, event.reason, event.sqlstate)
        if self._on_retry is not None:
            try:
                self._on_retry(event)
            except Exception:
                # An error of the hook must not end the work.
                logger.exception("on_retry failed")
        if event.wait > 0:
            await sleep(event.wait)


class AsyncAttempt:
    """One attempt: decides whether the error that leaves its block calls for another.

    It is apart from the transaction, so that what COMMIT raises reaches it as an exception, and so
    overrides a ``return`` or ``break`` in the block.
    """

    def __init__(
        self, number: int, ids: StableIds, retries_after: Callable[[BaseException], bool]
    ) -> None:
        #: From 1.
        self.number = number
        self._home = process.current
        self._ids = ids
        self._retries_after = retries_after

    async def __aenter__(self) -> Self:
        process.check(self._home, "the attempt")
        self._ids.begin()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._ids.end()
        return exc is not None and self._retries_after(exc)


class AsyncRetrying:
    """The attempts of one piece of work; each begins where the one before it failed."""

    def __init__(self, retrier: AsyncRetrier) -> None:
        self._retrier = retrier
        self._retries = Retries(retrier.policy)
        self._event: RetryEvent | None = None
        self._begun = False
        self._home = process.current
        #: Ids that one attempt generates stay the same in the next.
        self._ids = StableIds()

    def __aiter__(self) -> Self:
        if self._begun:
            raise InvalidUse("these attempts are used up: call retrying() again")
        return self

    async def __anext__(self) -> AsyncAttempt:
        process.check(self._home, "this loop of attempts")
        if self._begun:
            if self._event is None:
                raise StopAsyncIteration
            event, self._event = self._event, None
            await self._retrier.pause(event)
        self._begun = True
        return AsyncAttempt(self._retries.attempt, self._ids, self._retries_after)

    def _retries_after(self, error: BaseException) -> bool:
        """Return whether another attempt follows."""
        self._event = self._retries.after(error)
        return self._event is not None
