"""Bulk loads: their queries, options, staged rows and results. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar, get_args

import msgspec
from msgspec.structs import astuple

from ._bound import Command, Query
from ._copying import Copy, jsonb
from .errors import (
    AlreadyExists,
    CheckFailed,
    DatabaseError,
    InvalidInput,
    MissingReference,
    VrooliDataError,
)
from .validation import (
    MAX_INTEGER,
    check_choice,
    check_flag,
    check_hook,
    check_int,
    checked,
    json_text,
)

S = TypeVar("S", bound=msgspec.Struct)

#: What happens to a row with an existing key: it is left out, is a failure, or replaces the other.
OnDuplicate: TypeAlias = Literal["skip", "error", "update"]
ON_DUPLICATE: Final = get_args(OnDuplicate)
#: The first column of each staging table: the position of the row in the input, from 0.
ROW_INDEX: Final = "row_index"
#: Savepoints that one transaction uses to find the rows that the server refuses. With more
#: subtransactions, other sessions check the visibility of rows slowly.
MOST_SAVEPOINTS: Final = 64
_MAX_BATCH: Final = 1_000_000
_JSON: Final = frozenset({"json", "jsonb"})
_BOUNDS: Final = {"smallint": 2**15, "integer": MAX_INTEGER + 1}
#: The classes of SQLSTATE that a row may cause.
_CAUSED_BY_A_ROW: Final = ("22", "23", "54")


class FailedRow(msgspec.Struct, frozen=True, gc=False):
    """One row that a query has deleted from the staging table, and the reason."""

    row_index: int
    constraint_name: str
    reason: str


class LoadedRows(msgspec.Struct, frozen=True):
    """The result of one statement for the staged rows."""

    inserted: int
    updated: int
    #: Rows with a reference to a row that is gone; they are checked again.
    missed: int
    #: The ids of the inserted rows; None if there are none, or the table has no such key.
    ids: list[int] | None


class BulkFailure(msgspec.Struct, frozen=True, gc=False):
    """One row of the input that was not written, and the reason. It contains no value of it."""

    #: Position in the input, from 0.
    index: int
    #: The field that was refused before the row was sent; None if the server refused the row.
    field: str | None
    #: The constraint that the row breaks; None if the server names none.
    constraint: str | None
    reason: str


class BulkResult(msgspec.Struct, frozen=True):
    """The counts of a bulk load; ``read`` is the sum of the other three and of the failures."""

    read: int
    inserted: int
    #: Existing rows that got the values of the input.
    updated: int
    #: Rows with a key that the table, or another row of the input, had.
    skipped: int
    #: In the order of the input.
    failures: list[BulkFailure]


class BulkRefused(VrooliDataError):
    """Nothing of a load with `all_or_nothing` was written, because some rows failed.

    Attributes:
        result: what would have been written, and the failures.
    """

    def __init__(self, query: str, result: BulkResult) -> None:
        super().__init__(
            f"{query}: nothing was written, because {len(result.failures)} of {result.read} rows "
            "failed; `failures` of the result has each with its reason",
            query=query,
        )
        self.result = result


class Load(msgspec.Struct, Generic[S], frozen=True, eq=False):
    """The queries of one bulk load, bound to the struct of the rows that they stage."""

    name: str
    stage: Command[...]
    copy: Copy[S]
    #: None if rows that break a constraint are found one by one.
    failures: Query[..., FailedRow] | None
    insert: Query[..., LoadedRows]
    #: None if existing rows cannot be updated.
    update: Query[..., LoadedRows] | None
    drop: Command[...]

    @property
    def names(self) -> list[str]:
        """The names of the queries."""
        parts = (self.stage, self.copy, self.failures, self.insert, self.update, self.drop)
        return [part.name for part in parts if part is not None]

    @property
    def row(self) -> type[S]:
        """The struct of the rows."""
        return self.copy.row

    def __repr__(self) -> str:
        """Name the load."""
        return f"<{type(self).__name__} {self.name}>"


class Options(NamedTuple):
    """The options of a load; checked before anything is read."""

    on_duplicate: OnDuplicate
    batch_size: int
    all_or_nothing: bool
    #: Called with the number of rows of the input that are done.
    progress: Callable[[int], object] | None
    #: Called with the ids of the rows that a batch has inserted.
    on_inserted: Callable[[list[int]], object] | None


def check_options(load: Load[Any], options: Options) -> None:
    """Refuse options that are wrong, or that this load does not support."""
    check_choice("on_duplicate", options.on_duplicate, ON_DUPLICATE)
    if options.on_duplicate == "update" and load.update is None:
        raise InvalidInput("on_duplicate", f"{load.name} has no query {load.name}__update")
    check_int("batch_size", options.batch_size, 1, _MAX_BATCH)
    check_flag("all_or_nothing", options.all_or_nothing)
    for name in ("progress", "on_inserted"):
        hook = getattr(options, name)
        if hook is not None:
            check_hook(name, hook)


class Row(NamedTuple):
    """One row of the input."""

    place: int
    #: In the order of the columns, without the index.
    values: Sequence[Any]


def read_rows(
    load: Load[S],
    inputs: Sequence[Any],
    first: int,
    stage: Callable[[Any], S] | None,
) -> Iterator[Row | BulkFailure]:
    """Check inputs, and yield a staged row or a failure for each; *first* is the first index."""
    fields = load.row.__struct_fields__
    for index, given in enumerate(inputs, first):
        try:
            if stage is None:
                values = checked("row", given, load.row)
                yield Row(index, [values.get(field) for field in fields])
            else:
                yield Row(index, astuple(stage(given)))
        except InvalidInput as refused:
            yield refused_row(index, refused)


def refused_row(index: int, refused: InvalidInput) -> BulkFailure:
    """Return the failure of a row that was refused before it was sent."""
    reason = str(refused).removeprefix(f"{refused.field}: ")
    return BulkFailure(index, refused.field, None, reason)


class Wire:
    """How the rows of a load are sent."""

    def __init__(self, load: Load[Any], columns: Sequence[tuple[str, str]]) -> None:
        types = dict(columns)
        self.types = [
            "bytea" if types.get(column) in _JSON else sent
            for column, sent in zip(load.copy.columns, load.copy.wire_types(columns), strict=True)
        ]
        fields = list(enumerate(load.copy.columns[1:]))
        self._json = [(place, types[name]) for place, name in fields if types[name] in _JSON]
        self._bounded = [
            (place, name, _BOUNDS[types[name]]) for place, name in fields if types[name] in _BOUNDS
        ]

    def laid_out(self, row: Row) -> tuple[Any, ...]:
        """Return the values to send for a row; raise `InvalidInput` if one does not fit."""
        for place, name, bound in self._bounded:
            value = row.values[place]
            if isinstance(value, int) and not -bound <= value < bound:
                raise InvalidInput(name, f"must be from {-bound} to {bound - 1}")
        if not self._json:
            return (row.place, *row.values)
        values = list(row.values)
        for place, kind in self._json:
            value = values[place]
            if value is not None:
                text = value if isinstance(value, bytes) else json_text(value).encode()
                values[place] = jsonb(text) if kind == "jsonb" else text
        return (row.place, *values)


class Written(NamedTuple):
    """The result of one transaction for its rows."""

    inserted: int
    updated: int
    skipped: int
    failures: list[BulkFailure]
    ids: list[int]
    #: The rows that it has not handled.
    left: list[Row]


class Ledger:
    """The counts of a load so far."""

    def __init__(self) -> None:
        self.read = self.inserted = self.updated = self.skipped = 0
        self.failures: list[BulkFailure] = []

    def add(self, written: Written) -> None:
        """Add the result of a transaction."""
        self.inserted += written.inserted
        self.updated += written.updated
        self.skipped += written.skipped
        self.failures += written.failures

    def result(self) -> BulkResult:
        """Return the counts."""
        return BulkResult(
            self.read,
            self.inserted,
            self.updated,
            self.skipped,
            sorted(self.failures, key=lambda failure: failure.index),
        )


def is_caused_by_a_row(error: VrooliDataError) -> bool:
    """Return whether a row may have caused an error of the server."""
    return isinstance(error, AlreadyExists | MissingReference | CheckFailed | DatabaseError) and (
        error.sqlstate or ""
    ).startswith(_CAUSED_BY_A_ROW)


def failure_of(index: int, error: VrooliDataError) -> BulkFailure:
    """Return the failure of the one row of a statement that the server refused."""
    reason = {
        AlreadyExists: "a row with the same key exists",
        MissingReference: "the row that it refers to does not exist",
        CheckFailed: "a value breaks a constraint",
    }.get(type(error), f"the database cannot hold the row (SQLSTATE {error.sqlstate})")
    return BulkFailure(index, None, error.constraint, reason)
