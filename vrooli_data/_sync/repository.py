# Generated from vrooli_data/_async/repository.py by tools/unasync.py. Do not edit.
"""The base of repositories, and the base of the objects that they work on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import partial
from typing import Any, ParamSpec, Self, TypeVar, get_args, overload

from msgspec import Struct, convert

from .._bound import Command, Query, Scalar
from .._loading import BulkResult, Load, OnDuplicate
from .._loading import Options as LoadOptions
from .._outbox import Recording
from .._pages import Listing, Page
from ..errors import Conflict, NotFound
from ..records.events import ChangeEvent
from ..records.shared import Update
from ..validation import check_batch_size, check_limit, check_revision, json_text
from ._compat import Body, Inputs
from .loading import Loading
from .session import Runner

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Struct)
T = TypeVar("T")
X = TypeVar("X")


class Executor:
    """A database, a held connection or a transaction; a repository works on any of them."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner


class Repository:
    """Base of repositories: runs bound queries on an executor.

    Each method takes a query of `Queries` and its parameters: in the order of the name line, by
    name, or as the fields of one struct. Names may add parameters to a struct. Raises
    `InvalidInput` unless each parameter is given exactly once.
    """

    def __init__(self, executor: Executor) -> None:
        self._runner = executor._runner  # noqa: SLF001 (of the executor's users, only this one)

    def has_extension(self, name: str) -> bool:
        """Return whether the database had an extension, such as ``pg_trgm``, when it was opened.

        False for an extension whose migrations of this package are not applied.
        """
        return name in self._runner.extensions

    # Positional parameters skip `arguments`, which would slow down every read.

    def find_one(self, query: Query[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        """Fetch the first row as a record; None if there is none.

        If the query was bound with *many*, calls in the same turn of the event loop share one
        statement.
        """
        parameters: tuple[Any, ...] = args
        if kwargs or len(args) != query.arity or (args and isinstance(args[0], Struct)):
            parameters = query.arguments(args, kwargs)
        if query.many is not None and (merger := self._runner.merger) is not None:
            return merger.find(query, parameters[0])
        rows = self._runner.rows(query, parameters)
        return query.record_of(rows[0]) if rows else None

    def get_one(self, query: Query[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Fetch the first row as a record; raise `NotFound` if there is none."""
        parameters: tuple[Any, ...] = args
        if kwargs or len(args) != query.arity or (args and isinstance(args[0], Struct)):
            parameters = query.arguments(args, kwargs)
        rows = self._runner.rows(query, parameters)
        if not rows:
            raise NotFound(f"{query.name}: there is no such row", query=query.name)
        return query.record_of(rows[0])

    def find_all(self, query: Query[P, R], /, *args: P.args, **kwargs: P.kwargs) -> list[R]:
        """Fetch every row as a record."""
        parameters: tuple[Any, ...] = args
        if kwargs or len(args) != query.arity or (args and isinstance(args[0], Struct)):
            parameters = query.arguments(args, kwargs)
        return query.records(self._runner.rows(query, parameters))

    def find_scalar(self, query: Scalar[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        """Fetch one value; None if there is no row, or if it is NULL."""
        rows = self._runner.rows(query, query.arguments(args, kwargs))
        return query.record_of(rows[0]) if rows else None

    def get_scalar(self, query: Scalar[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Fetch one value; raise `NotFound` if there is no row, or if it is NULL."""
        value = self.find_scalar(query, *args, **kwargs)
        if value is None:
            raise NotFound(f"{query.name}: there is no such value", query=query.name)
        return value

    def execute(self, query: Command[P], /, *args: P.args, **kwargs: P.kwargs) -> int:
        """Run a statement, and return the number of rows that it wrote."""
        rows = self._runner.rows(query, query.arguments(args, kwargs))
        return query.record_of(rows[0])

    def find_recorded(
        self,
        query: Query[..., R],
        /,
        *args: Any,
        recording: Recording,
        from_event: Callable[[ChangeEvent], R],
    ) -> R | None:
        """Run a query that records the event of its change, and fetch its first row.

        None if there is none. Where the change is refused, the query returns no row, or NULL in its
        last column. Where its reply was lost and it is committed, the record is made by
        *from_event*.
        """
        found = self._runner.record(query, query.arguments(args, {}), recording)
        if isinstance(found, ChangeEvent):
            return from_event(found)
        return query.record_of(found[0]) if found else None

    def get_recorded(
        self,
        query: Query[..., R],
        /,
        *args: Any,
        recording: Recording,
        from_event: Callable[[ChangeEvent], R],
    ) -> R:
        """Do the same as `find_recorded`; raise `NotFound` if there is no row."""
        found = self.find_recorded(query, *args, recording=recording, from_event=from_event)
        if found is None:
            raise NotFound(f"{query.name}: there is no such row", query=query.name)
        return found

    def page(
        self,
        listing: Listing[R],
        /,
        *filters: Any,
        cursor: str | None = None,
        limit: int = 20,
        **named: Any,
    ) -> Page[R]:
        """Fetch the first page of a listing, or the page of a cursor.

        *limit* is from 1 to 500. Raises `InvalidCursor` unless the cursor was issued by this
        listing for these filters.
        """
        check_limit(limit)
        selection = listing.select(filters, named, cursor, limit)
        rows = self._runner.rows(selection.query, selection.parameters)
        return listing.page(selection.query.records(rows), selection)

    def iterate(
        self,
        listing: Listing[R],
        /,
        *filters: Any,
        batch_size: int = 1_000,
        **named: Any,
    ) -> Iterator[R]:
        """Return an iterator over all rows of a listing, in its order.

        The rows are read in batches. Only one batch is in memory at a time, and no connection is
        held between batches. Each batch is a statement of its own, and starts after the last row
        of the previous batch. A row whose place changes meanwhile may be returned twice or not at
        all. In a REPEATABLE READ or SERIALIZABLE transaction, all batches have the same snapshot.

        Args:
            listing: the result of `Queries.listing`.
            filters: the filters of the listing, in the order of the name line.
            batch_size: rows that one statement reads, from 1 to 10 000.
            named: filters by name.
        """
        check_batch_size(batch_size)
        return self._iterate(listing, listing.filters(filters, named), batch_size)

    def _iterate(self, listing: Listing[R], filters: tuple[Any, ...], size: int) -> Iterator[R]:
        last: R | None = None
        while True:
            query, parameters = listing.batch(filters, last, size)
            records = query.records(self._runner.rows(query, parameters))
            for record in records:
                yield record
            if len(records) < size:
                return
            last = records[-1]

    def update_one(
        self,
        query: Query[..., Update[R]],
        /,
        *key: Any,
        changes: Mapping[str, Any],
        expected_revision: int | None = None,
        recording: Recording | None = None,
    ) -> R | None:
        """Change one row; None if it is absent.

        The query takes the key, the changes as a JSON object, and the expected revision; with
        *recording* also who makes the change, and the id of the event. Raises `Conflict` if the row
        has another revision than *expected_revision*.
        """
        check_revision("expected_revision", expected_revision)
        parameters = (*key, json_text(changes), expected_revision)
        if recording is None:
            outcome = self.find_one(query, *parameters)
        else:
            outcome = self.find_recorded(
                query,
                *parameters,
                *recording.key,
                recording=recording,
                from_event=partial(_update_from_event, query),
            )
        if outcome is None:
            return None
        if outcome.updated is None and expected_revision is not None:
            raise Conflict(
                query=query.name,
                expected_revision=expected_revision,
                actual_revision=outcome.previous_revision,
            )
        return outcome.updated

    @overload
    def load(
        self,
        load: Load[S],
        inputs: Inputs[S],
        *,
        on_duplicate: OnDuplicate = "skip",
        batch_size: int = 10_000,
        all_or_nothing: bool = False,
        progress: Callable[[int], object] | None = None,
        on_inserted: Callable[[list[int]], object] | None = None,
    ) -> BulkResult: ...

    @overload
    def load(
        self,
        load: Load[S],
        inputs: Inputs[X],
        *,
        stage: Callable[[X], S],
        on_duplicate: OnDuplicate = "skip",
        batch_size: int = 10_000,
        all_or_nothing: bool = False,
        progress: Callable[[int], object] | None = None,
        on_inserted: Callable[[list[int]], object] | None = None,
    ) -> BulkResult: ...

    def load(
        self,
        load: Load[Any],
        inputs: Inputs[Any],
        *,
        stage: Callable[[Any], Any] | None = None,
        on_duplicate: OnDuplicate = "skip",
        batch_size: int = 10_000,
        all_or_nothing: bool = False,
        progress: Callable[[int], object] | None = None,
        on_inserted: Callable[[list[int]], object] | None = None,
    ) -> BulkResult:
        """Write rows in bulk, and return how many were written, left out and refused.

        One batch of the input is in memory at a time. Outside a transaction of the caller, each
        batch is committed by itself. If a batch is interrupted, a note of the error says how many
        rows were committed. If a row cannot be written, it is reported as a failure, and the other
        rows are written.

        Args:
            load: the result of `Queries.load`.
            inputs: the rows; an iterator is read batch by batch.
            stage: returns the struct that is staged for an input, or raises `InvalidInput`.
                Without it, the inputs are these structs, and are checked.
            on_duplicate: what happens to a row with a key that the table or an earlier row has: it
                is left out, is a failure, or replaces the other row.
            batch_size: rows that are staged together.
            all_or_nothing: write nothing if any row fails, and raise `BulkRefused`.
            progress: called after each batch with the number of rows of the input that are done.
            on_inserted: called with the ids that a batch has inserted. With *all_or_nothing*, and
                in a transaction of the caller, they are not committed yet.
        """
        options = LoadOptions(on_duplicate, batch_size, all_or_nothing, progress, on_inserted)
        return Loading(load, options, stage).run(self._runner, inputs)

    def atomic(self, body: Body[Self, T]) -> T:
        """Call *body* with this repository on a transaction, and return its result.

        If the repository works on a transaction, *body* uses that one. Otherwise a new transaction
        begins, and *body* is called again after a serialization failure or a deadlock.
        """

        def run(runner: Runner) -> T:
            repository = copy(self)
            repository._runner = runner  # noqa: SLF001 (it is one of this class)
            return body(repository)

        return self._runner.atomic(run)


def _update_from_event(query: Query[..., Update[R]], event: ChangeEvent) -> Update[R]:
    """Return what an update has returned, by its event."""
    (kind,) = get_args(query.record)
    before: Any = event.previous_data
    return Update(before["revision"], convert(event.new_data, kind))
