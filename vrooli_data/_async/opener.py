"""Opening transactions on connections of the pool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from .._retry import Reason, reason_of
from .._transactions import COMMITTED, Options, refuse_standby
from ..errors import InvalidUse
from ._compat import current_owner
from .outcome import AsyncResolver
from .pool import AsyncConnections
from .pooled_connection import AsyncPooledConnection
from .transaction import AsyncTransaction


class AsyncTransactionOpener:
    """Opens one transaction at a time for each task or thread."""

    def __init__(self, connections: AsyncConnections, resolver: AsyncResolver) -> None:
        self._connections = connections
        self._resolver = resolver
        #: The transaction that was opened last where this code runs; a child may inherit it.
        self._opened: ContextVar[AsyncTransaction | None] = ContextVar(
            "vrooli_data_transaction", default=None
        )

    @asynccontextmanager
    async def transaction(self, options: Options) -> AsyncIterator[AsyncTransaction]:
        """Open one transaction, commit it at the end of the block, or roll it back on an error."""
        self.refuse_nesting("a transaction")
        connection, tx = await self._begin(options)
        self._opened.set(tx)
        failure: BaseException | None = None
        try:
            async with tx.block():
                yield tx
        except BaseException as error:
            failure = error
            raise
        finally:
            # Not by a token: a framework may leave the block in another context.
            self._opened.set(None)
            await self._give_back(connection, failure)
        await tx.callbacks.run()

    async def _give_back(
        self, connection: AsyncPooledConnection, failure: BaseException | None
    ) -> None:
        try:
            await self._connections.give_back(connection, failure)
        except BaseException as interruption:
            if failure is None:
                interruption.add_note(COMMITTED)
            raise

    def refuse_nesting(self, what: str) -> None:
        """Refuse to begin what its caller's open transaction would wait for, or never undo."""
        tx = self._opened.get()
        if tx is not None and tx.is_open_for(current_owner()):
            raise InvalidUse(
                f"{what} cannot begin inside a transaction: pass the open one on, "
                "or use its repositories and its savepoint()"
            )

    async def _begin(self, options: Options) -> tuple[AsyncPooledConnection, AsyncTransaction]:
        """Open a transaction on a connection that lives; one that proves dead is no attempt."""
        dead = 0
        while True:
            connection = await self._connections.take()
            try:
                refuse_standby(options, connection.info.parameter_status("in_hot_standby"))
                tx = AsyncTransaction(connection.session, self._resolver, options)
                await tx.begin()
            except BaseException as error:
                await self._connections.give_back(connection, error)
                dead += 1
                if dead > self._connections.most_dead or reason_of(error) is not Reason.LOST:
                    raise
            else:
                return connection, tx
