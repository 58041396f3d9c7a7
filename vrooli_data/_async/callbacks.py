"""What a transaction is to do once it is committed."""

from __future__ import annotations

from .._transactions import COMMITTED
from .._validate import check_callable
from ..errors import CommittedButCallbackFailed
from ._compat import Callback


class AsyncCallbacks:
    """The callbacks of one transaction, in order."""

    def __init__(self) -> None:
        self._callbacks: list[Callback] = []

    def __len__(self) -> int:
        return len(self._callbacks)

    def add(self, callback: Callback) -> None:
        """Add one."""
        check_callable("callback", callback)
        self._callbacks.append(callback)

    def forget_after(self, count: int) -> None:
        """Forget those that were added to the first *count*: what they go with was undone."""
        del self._callbacks[count:]

    async def run(self) -> None:
        """Run all, also when some of them fail."""
        failure: Exception | None = None
        for callback in self._callbacks:
            try:
                await callback()
            except Exception as error:  # noqa: BLE001 (it is raised below, when all have run)
                failure = failure or error
            except BaseException as interruption:
                interruption.add_note(COMMITTED)
                raise
        if failure is not None:
            raise CommittedButCallbackFailed(
                "the transaction is committed, but a callback of on_commit failed"
            ) from failure
