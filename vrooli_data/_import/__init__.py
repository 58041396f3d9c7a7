"""Load rows from a file of lines: the good lines, or all or none."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, get_args

import msgspec

from .._progress import NoProgress, Progress, task
from .._sync.database import Database
from .._sync.repository import Executor, Repository
from ..errors import InvalidFile
from ..validation import check_choice, check_flag, check_hook, check_int
from ._format import Format
from ._json import WrongLine
from ._kinds import Kind, staged
from ._lines import MAX_LINE, Line, name_of, read_lines

_MAX_BATCH = 10_000
#: A batch ends after so many bytes, so that long lines do not fill the memory.
_BATCH_BYTES = 4 * 2**20


class RejectedLine(msgspec.Struct, frozen=True, gc=False):
    """One line that was not imported, and the reason."""

    #: From 1.
    line: int
    #: The field that was refused; None if the whole line was, or if the server refused the row.
    field: str | None
    #: The constraint that the row breaks; None if the server names none.
    constraint: str | None
    #: It contains no values.
    reason: str
    #: The text of the line; bytes that are not UTF-8 are written as ``\\xff``.
    raw: str
    #: Whether the line was too long, so that *raw* is only its beginning.
    is_cut: bool


class ImportReport(msgspec.Struct, frozen=True, gc=False):
    """The counts of an import; ``read`` is the sum of the next three."""

    #: Lines of the file.
    read: int
    #: New rows in the database.
    inserted: int
    #: Lines with a key that the database or an earlier line had.
    skipped: int
    #: Lines that were not imported because they are bad.
    rejected: int
    seconds: float


def import_file(
    conninfo: str | None,
    kind: Kind,
    source: str | os.PathLike[str] | BinaryIO,
    *,
    schema: str | None = None,
    strict: bool = False,
    batch_size: int = _MAX_BATCH,
    on_rejected: Callable[[list[RejectedLine]], object] | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Load rows from NDJSON, plain or gzip (sql/*/import.sql); docs/import.md has the formats.

    The first good line of a public id is imported. Existing rows are not changed. Each batch is
    committed by itself, so that an interrupted import can be run again, and inserts the rest.
    Raises `InvalidFile` if the file cannot be read to its end.

    Args:
        conninfo: a libpq connection string or URL; ``DATABASE_URL`` when it is None.
        kind: the kind of row in each line.
        source: the path of a file, or a binary stream.
        schema: where the tables are; None is the first schema that exists in the search_path of
            the role.
        strict: write nothing if a line is bad, and raise `InvalidFile`.
        batch_size: the most lines of a batch; a batch also ends after 4 MiB.
        on_rejected: called with the bad lines of each batch, after its commit; with *strict*,
            before.
        progress: called for each batch.
    """
    check_choice("kind", kind, get_args(Kind))
    check_flag("strict", strict)
    check_int("batch_size", batch_size, 1, _MAX_BATCH)
    if on_rejected is not None:
        check_hook("on_rejected", on_rejected)
    file = Path(source) if isinstance(source, str | os.PathLike) else source
    importing = _Import(kind, batch_size, on_rejected, progress or NoProgress())
    started = time.perf_counter()
    database = Database.connect(
        conninfo, schema=schema, application_name="vrooli_data import", max_size=1
    )
    with read_lines(file) as lines, database as db:
        if strict:
            with db.transaction() as tx:
                importing.run(tx, lines)
                importing.refuse(name_of(file))
        else:
            importing.run(db, lines)
    return importing.report(time.perf_counter() - started)


@dataclass(eq=False)
class _Batch:
    """Lines that are loaded together."""

    #: None until a line is good.
    format: Format | None = None
    #: The lines of the rows.
    lines: list[Line] = field(default_factory=list)
    rows: list[msgspec.Struct] = field(default_factory=list)
    rejected: list[RejectedLine] = field(default_factory=list)
    #: The number of lines, good and bad, and their bytes.
    read: int = 0
    size: int = 0


class _Import:
    def __init__(
        self,
        kind: Kind,
        batch_size: int,
        on_rejected: Callable[[list[RejectedLine]], object] | None,
        progress: Progress,
    ) -> None:
        self._kind = kind
        self._batch_size = batch_size
        self._on_rejected = on_rejected
        self._progress = progress
        self._read = self._inserted = self._skipped = self._rejected = 0
        self._first_rejected: int | None = None

    def run(self, executor: Executor, lines: Iterator[Line]) -> None:
        """Load lines to their end, batch by batch."""
        rows = Repository(executor)
        with task(self._progress, "Importing lines", None):
            for batch in self._batches(lines):
                self._load(rows, batch)
                self._progress.advance(batch.read)

    def refuse(self, name: str) -> None:
        """Raise `InvalidFile` if a line was bad."""
        if self._rejected:
            raise InvalidFile(
                f"{name}:{self._first_rejected}: nothing was written, because "
                f"{self._rejected} of {self._read} lines are bad, this one first",
                line=self._first_rejected,
            )

    def report(self, seconds: float) -> ImportReport:
        """Return the counts."""
        return ImportReport(self._read, self._inserted, self._skipped, self._rejected, seconds)

    def _batches(self, lines: Iterator[Line]) -> Iterator[_Batch]:
        """Decode lines; a batch has one format."""
        batch = _Batch()
        for line in lines:
            try:
                found, row = self._staged(line)
            except WrongLine as wrong:
                batch.rejected.append(_rejected(line, wrong.field, None, wrong.reason))
            else:
                if batch.format not in {None, found}:
                    yield batch
                    batch = _Batch()
                batch.format = found
                batch.lines.append(line)
                batch.rows.append(row)
            batch.read += 1
            batch.size += len(line.text)
            if batch.read == self._batch_size or batch.size > _BATCH_BYTES:
                yield batch
                batch = _Batch()
        if batch.read:
            yield batch

    def _staged(self, line: Line) -> tuple[Format, Any]:
        if line.is_cut:
            raise WrongLine(f"has more than {MAX_LINE} bytes")
        return staged(self._kind, line.text)

    def _load(self, rows: Repository, batch: _Batch) -> None:
        rejected = batch.rejected
        if batch.format is not None:
            result = rows.load(batch.format.load, batch.rows, stage=_as_it_is)
            rejected += (
                _rejected(batch.lines[each.index], each.field, each.constraint, each.reason)
                for each in result.failures
            )
            self._inserted += result.inserted
            self._skipped += result.skipped
        self._read += batch.read
        self._rejected += len(rejected)
        if rejected:
            rejected.sort(key=lambda each: each.line)
            self._first_rejected = self._first_rejected or rejected[0].line
            if self._on_rejected is not None:
                self._on_rejected(rejected)


def _as_it_is(row: Any) -> Any:
    """Return a row that was checked when its line was decoded."""
    return row


def _rejected(line: Line, field: str | None, constraint: str | None, reason: str) -> RejectedLine:
    raw = line.text.decode(errors="backslashreplace")
    return RejectedLine(line.number, field, constraint, reason, raw, line.is_cut)
