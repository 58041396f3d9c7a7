"""Loading rows in bulk: staged by a binary COPY, checked by one statement, written by another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from .._loading import (
    MOST_SAVEPOINTS,
    BulkFailure,
    BulkRefused,
    BulkResult,
    Ledger,
    Load,
    Options,
    Row,
    Wire,
    Written,
    check_options,
    failure_of,
    is_caused_by_a_row,
    read_rows,
    refused_row,
)
from .._retry import Retries, RetryPolicy
from .._transactions import COMMITTED, NOT_KNOWN
from ..errors import (
    AlreadyExists,
    CommitUnknown,
    DatabaseError,
    DeadlockDetected,
    InvalidInput,
    VrooliDataError,
)
from ._compat import AsyncInputs, iterator_of, sleep, take
from .session import AsyncRunner, AsyncTransactionalRunner

S = TypeVar("S", bound=msgspec.Struct)

#: Rows that change at the same time are looked at anew; after so many times, one row by itself.
_MOST_LOOKS = 4
#: Runs of the query that finds failures: rows that are still undecided are tried one by one.
_MOST_PASSES = 32


class _Short(Exception):
    """Others have changed meanwhile what the staged rows are written beside."""


class AsyncLoading(Generic[S]):
    """One bulk load."""

    def __init__(
        self,
        load: Load[S],
        options: Options,
        stage: Callable[[Any], S] | None,
    ) -> None:
        check_options(load, options)
        self._load = load
        self._options = options
        self._stage = stage
        self._ledger = Ledger()
        #: Known once a table was made.
        self._wire: Wire | None = None
        #: Savepoints that the open transaction may still spend on rows that the server refuses.
        self._savepoints = MOST_SAVEPOINTS
        #: Why the last part that was tried by itself was refused.
        self._unsettled: VrooliDataError = DatabaseError(f"{load.name}: a row was refused")
        #: Whether what is written may still be undone by the caller's transaction, or ours.
        self._is_open = False

    async def run(self, runner: AsyncRunner, inputs: AsyncInputs[Any]) -> BulkResult:
        """Read the inputs to their end, batch by batch, and write each batch."""
        iterator = iterator_of(inputs)
        try:
            if self._options.all_or_nothing:
                await runner.atomic(partial(self._whole, iterator), repeats=False)
            else:
                await self._batches(runner, iterator)
        except BulkRefused:
            raise
        except BaseException as error:
            self._add_note(error)
            raise
        return self._ledger.result()

    async def _whole(self, iterator: Any, runner: AsyncTransactionalRunner) -> None:
        """Write every row of the input, or none."""
        self._is_open = True
        async with runner.savepoint():
            await self._batches(runner, iterator)
            if self._ledger.failures:
                raise BulkRefused(self._load.name, self._ledger.result())

    async def _batches(self, runner: AsyncRunner, iterator: Any) -> None:
        options = self._options
        while inputs := await take(iterator, options.batch_size):
            rows: list[Row] = []
            for each in read_rows(self._load, inputs, self._ledger.read, self._stage):
                if isinstance(each, Row):
                    rows.append(each)
                else:
                    self._ledger.failures.append(each)
            # A batch counts as read once it is written as a whole, and before a hook may fail.
            end = self._ledger.read + len(inputs)
            while rows:
                written = await runner.atomic(partial(self._write, runner, rows))
                self._ledger.add(written)
                rows = written.left
                if not rows:
                    self._ledger.read = end
                if written.ids and options.on_inserted is not None:
                    options.on_inserted(written.ids)
            self._ledger.read = end
            if options.progress is not None:
                options.progress(self._ledger.read)

    def _add_note(self, error: BaseException) -> None:
        """Add a note to an error that says which rows are committed."""
        if self._is_open:
            return
        first = self._ledger.read
        last = first + self._options.batch_size - 1
        notes = getattr(error, "__notes__", ())
        if isinstance(error, CommitUnknown) or NOT_KNOWN in notes:
            rest = f"it is unknown whether the batch from index {first} to {last} is committed"
        elif COMMITTED in notes:
            rest = f"rows of the batch from index {first} to {last} are committed too"
        else:
            rest = f"the batch from index {first} was not completed"
        error.add_note(
            f"{self._load.name}: the rows of the input before index {first} are committed, except "
            f"for failures; {rest}"
        )

    async def _write(
        self, outer: AsyncRunner, rows: list[Row], runner: AsyncTransactionalRunner
    ) -> Written:
        """Stage rows and write those that the server takes, in one transaction."""
        if runner is outer or runner.is_callers:
            # The caller's, or that of the whole load.
            self._is_open = True
        else:
            self._savepoints = MOST_SAVEPOINTS
        load = self._load
        await runner.rows(load.stage, ())
        refused, staged = await self._copy(runner, rows)
        written = await self._settle(runner, staged)
        await runner.rows(load.drop, ())
        if written.left and self._is_open:
            self._unsettled.add_note(
                f"{MOST_SAVEPOINTS} savepoints of one transaction did not find every refused row: "
                "run the load outside of a transaction"
            )
            raise self._unsettled
        return written._replace(failures=refused + written.failures)

    async def _copy(
        self, runner: AsyncTransactionalRunner, rows: list[Row]
    ) -> tuple[list[BulkFailure], list[Row]]:
        """Send rows to the staging table; return those that no column can hold, and the others."""
        if self._wire is None:
            self._wire = Wire(self._load, await runner.column_types(self._load.copy))
        refused: list[BulkFailure] = []
        staged: list[Row] = []
        sent: list[tuple[Any, ...]] = []
        for row in rows:
            try:
                sent.append(self._wire.laid_out(row))
            except InvalidInput as problem:
                refused.append(refused_row(row.place, problem))
            else:
                staged.append(row)
        await runner.copy(self._load.copy, self._wire.types, sent)
        return refused, staged

    async def _settle(self, runner: AsyncTransactionalRunner, staged: list[Row]) -> Written:
        """Take out the rows that break a constraint, and write the others in one statement.

        What others do meanwhile is looked at again, behind a savepoint; what was staged stays.
        """
        if not staged:
            return Written(0, 0, 0, [], [], [])
        retries = Retries(RetryPolicy())
        looks, seen = 0, -1
        while True:
            failures: list[BulkFailure] = []
            try:
                async with runner.savepoint():
                    failures = await self._failures(runner, len(staged))
                    written = await self._insert(runner, staged, failures)
            except (VrooliDataError, _Short) as error:
                if isinstance(error, DeadlockDetected):
                    event = retries.after(error)
                    if event is None:
                        raise
                    await sleep(event.wait)
                    continue
                if isinstance(error, VrooliDataError) and not is_caused_by_a_row(error):
                    raise
                looks += 1
                if looks == _MOST_LOOKS or len(failures) == seen:
                    break
                seen = len(failures)
            else:
                return written
        return await self._one_by_one(runner, staged)

    async def _failures(self, runner: AsyncRunner, staged: int) -> list[BulkFailure]:
        """Take the rows that break a constraint out of the staging table."""
        query = self._load.failures
        if query is None:
            return []
        fails = self._options.on_duplicate == "error"
        failures: list[BulkFailure] = []
        # Some rows can only be decided once others are out.
        for _ in range(_MOST_PASSES):
            found = query.records(await runner.rows(query, (fails,)))
            failures += [
                BulkFailure(each.row_index, None, each.constraint_name, each.reason)
                for each in found
            ]
            if not found or len(failures) >= staged:
                break
        return failures

    async def _insert(
        self,
        runner: AsyncRunner,
        staged: Sequence[Row],
        failures: list[BulkFailure],
    ) -> Written:
        """Write the staged rows from the first to the last of some."""
        load, on_duplicate = self._load, self._options.on_duplicate
        query = load.insert
        if on_duplicate == "update" and load.update is not None:
            query = load.update
        loaded = query.record_of((await runner.rows(query, (staged[0].place, staged[-1].place)))[0])
        rest = len(staged) - len(failures) - loaded.inserted - loaded.updated
        if loaded.missed or (on_duplicate == "error" and rest > 0):
            raise _Short
        return Written(loaded.inserted, loaded.updated, rest, failures, loaded.ids or [], [])

    async def _one_by_one(self, runner: AsyncTransactionalRunner, staged: list[Row]) -> Written:
        """Find the rows that the server refuses by halves, each behind a savepoint."""
        failures = await self._failures(runner, len(staged))
        out = {failure.index for failure in failures}
        parts = [[row for row in staged if row.place not in out]]
        done = Written(0, 0, 0, failures, [], [])
        while parts and self._savepoints:
            part = parts.pop()
            if not part:
                continue
            self._savepoints -= 1
            try:
                async with runner.savepoint():
                    written = await self._insert(runner, part, [])
            except (VrooliDataError, _Short) as error:
                if isinstance(error, VrooliDataError) and not is_caused_by_a_row(error):
                    raise
                self._unsettled = (
                    error
                    if isinstance(error, VrooliDataError)
                    else AlreadyExists(f"{self._load.name}: a row with the same key exists")
                )
                if len(part) == 1:
                    done.failures.append(failure_of(part[0].place, self._unsettled))
                else:
                    middle = len(part) // 2
                    # The first half is next: of two rows of one key, the earlier one decides.
                    parts += [part[middle:], part[:middle]]
            else:
                done.ids.extend(written.ids)
                done = done._replace(
                    inserted=done.inserted + written.inserted,
                    updated=done.updated + written.updated,
                    skipped=done.skipped + written.skipped,
                )
        left = sorted((row for part in parts for row in part), key=lambda row: row.place)
        return done._replace(left=left)
