"""Bulk loads: the queries that one is made of, what it takes, and what became of it. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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

#: What becomes of a row whose key is there already: it is left out, is a failure, or replaces.
OnDuplicate: TypeAlias = Literal["skip", "error", "update"]
ON_DUPLICATE: Final = get_args(OnDuplicate)
#: The column of each staging table that comes first: the place of the row in the input, from 0.
ROW_INDEX: Final = "row_index"
#: Savepoints with which one transaction looks for rows that the server refuses: what others see
#: of a transaction with more subtransactions is slow to find out.
MOST_SAVEPOINTS: Final = 64
_MAX_BATCH: Final = 1_000_000
_JSON: Final = frozenset({"json", "jsonb"})
_BOUNDS: Final = {"smallint": 2**15, "integer": MAX_INTEGER + 1}
#: What a row can be the cause of: a class of SQLSTATE, or an error of its own.
_CAUSED_BY_A_ROW: Final = ("22", "23", "54")


class FailedRow(msgspec.Struct, frozen=True, gc=False):
    """One row that a query has taken out of the staging table, and why."""

    row_index: int
    constraint_name: str
    reason: str


class LoadedRows(msgspec.Struct, frozen=True):
    """What one statement made of the staged rows."""

    inserted: int
    updated: int
    #: Rows that found gone what they refer to: they are looked at again.
    missed: int
    #: Of what was inserted; None where there was nothing, or the table has no such key.
    ids: list[int] | None


class BulkFailure(msgspec.Struct, frozen=True, gc=False):
    """One row of the input that was not written, and why. It holds none of its values."""

    #: Position in the input, from 0.
    index: int
    #: The field that was refused before the row was sent; None where the server refused the row.
    field: str | None
    #: The constraint that the row breaks, where the server has a name for it.
    constraint: str | None
    reason: str


class BulkResult(msgspec.Struct, frozen=True):
    """What a bulk load did; ``read`` is the sum of the other three and of the failures."""

    read: int
    inserted: int
    #: Rows whose key was there, and which took the values of the input.
    updated: int
    #: Rows whose key was there, or stood in another row of the input.
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


@dataclass(frozen=True, eq=False)
class Load(Generic[S]):
    """The queries of one bulk load, bound to the struct of the rows that they stage."""

    name: str
    stage: Command[...]
    copy: Copy[S]
    #: None where rows that break a constraint are looked for one by one.
    failures: Query[..., FailedRow] | None
    insert: Query[..., LoadedRows]
    #: None where rows that are there cannot be updated.
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
    """How a load goes; checked before anything is read."""

    on_duplicate: OnDuplicate
    batch_size: int
    all_or_nothing: bool
    #: Told how many rows of the input are done.
    progress: Callable[[int], object] | None
    #: Given the ids of what was inserted, batch by batch.
    on_inserted: Callable[[list[int]], object] | None


def check_options(load: Load[Any], options: Options) -> None:
    """Refuse options that no load, or not this one, takes."""
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
    #: In the order of the columns, behind the index.
    values: Sequence[Any]


def read_rows(
    load: Load[S],
    inputs: Sequence[Any],
    first: int,
    stage: Callable[[Any], S] | None,
) -> Iterator[Row | BulkFailure]:
    """Check inputs, the first of which has the index *first*, and lay out what is staged."""
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
        """Return what is sent of a row; raise `InvalidInput` for what a column cannot hold."""
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
    """What one transaction made of its rows."""

    inserted: int
    updated: int
    skipped: int
    failures: list[BulkFailure]
    ids: list[int]
    #: What it did not come to.
    left: list[Row]


class Ledger:
    """The counts of a load so far."""

    def __init__(self) -> None:
        self.read = self.inserted = self.updated = self.skipped = 0
        self.failures: list[BulkFailure] = []

    def add(self, written: Written) -> None:
        """Count what a transaction wrote."""
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
    """Tell whether a row may be why the server refused a statement."""
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
