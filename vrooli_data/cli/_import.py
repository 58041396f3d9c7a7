"""``vrooli-data import``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, TypeAlias

import msgspec
import typer

from .._import import ImportReport, RejectedLine, import_file
from .._import._kinds import Kind
from ..errors import InvalidInput
from ._options import DatabaseUrl, DataDir, Schema
from ._output import say, show, table
from ._progress import progress_bars
from ._target import target

import_from = typer.Typer(help="Load rows from a file.", no_args_is_help=True)

_STANDARD_INPUT = "-"
#: Bad lines that are printed without `--rejects`.
_MOST_PRINTED = 10


def _checked_file(file: str) -> str:
    # Where typer looks whether a path exists, it refuses "-", allow_dash or not.
    if file == _STANDARD_INPUT:
        return file
    for is_wrong, problem in (
        (not Path(file).exists(), "does not exist"),
        (Path(file).is_dir(), "is a directory"),
        (not os.access(file, os.R_OK), "is not readable"),
    ):
        if is_wrong:
            raise typer.BadParameter(f"file '{file}' {problem}")
    return file


_File: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="One JSON object per line; gzip is fine; - is the standard input.",
        callback=_checked_file,
    ),
]
_Rejects: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        show_default="the first 10 are printed",
        help="Write the bad lines to FILE, each with its number and the reason.",
        dir_okay=False,
        writable=True,
    ),
]
_Strict: TypeAlias = Annotated[
    bool, typer.Option("--strict", help="Write no row if a line is bad.")
]


def _add_command(kind: Kind, description: str) -> None:
    @import_from.command(kind, help=description)
    def load(
        file: _File,
        *,
        database_url: DatabaseUrl = None,
        data_dir: DataDir = None,
        schema: Schema = None,
        rejects: _Rejects = None,
        strict: _Strict = False,
    ) -> None:
        with _rejected_lines(file, rejects) as rejected:
            url = target(database_url, data_dir).url
            _import(kind, file, url, schema, rejected, strict=strict)


_add_command("users", "Load users; leave out the bad lines.")
_add_command(
    "resources", "Load resources with their versions and translations; leave out the bad lines."
)
_add_command("runs", "Load runs with their steps, inputs and outputs; leave out the bad lines.")


def _import(
    kind: Kind,
    file: str,
    url: str,
    schema: str | None,
    rejected: _RejectedLines,
    *,
    strict: bool,
) -> None:
    with progress_bars() as progress:
        report = import_file(
            url,
            kind,
            sys.stdin.buffer if file == _STANDARD_INPUT else file,
            schema=schema,
            strict=strict,
            on_rejected=rejected.add,
            progress=progress,
        )
    _show(report)
    if report.rejected:
        raise typer.Exit(1)


class _RejectedLines:
    """Writes bad lines to a file, or keeps the first ones to print them."""

    def __init__(self, file: str, rejects: Path | None, opened: BinaryIO | None) -> None:
        self._file = file
        self._rejects = rejects
        self._opened = opened
        self._first: list[str] = []
        self._count = 0

    def add(self, lines: list[RejectedLine]) -> None:
        """Take the bad lines of a batch."""
        self._count += len(lines)
        if self._opened is not None:
            try:
                self._opened.write(msgspec.json.Encoder().encode_lines(lines))
                self._opened.flush()
            except OSError as error:
                raise _unwritable(self._rejects, error) from None
            return
        for line in lines[: _MOST_PRINTED - len(self._first)]:
            parts = (f"{self._file}:{line.line}", line.field, line.constraint, line.reason)
            self._first.append(": ".join(filter(None, parts)))

    def print(self) -> None:
        """Print the first bad lines, or the name of the file that has them."""
        if self._rejects is not None and self._count:
            say(f"{self._count} bad lines are in {self._rejects}, each with its reason", err=True)
        for text in self._first:
            say(text, err=True)
        if self._count > len(self._first) > 0:
            rest = self._count - len(self._first)
            say(f"and {rest} more; --rejects FILE writes all of them", err=True)


@contextmanager
def _rejected_lines(file: str, rejects: Path | None) -> Iterator[_RejectedLines]:
    """Open the file of bad lines, if one is wanted; print a summary at the end."""
    with ExitStack() as stack:
        opened = None
        if rejects is not None:
            if rejects.exists() and Path(file).exists() and rejects.samefile(file):
                raise InvalidInput("--rejects", "must be another file than the one that is read")
            try:
                opened = stack.enter_context(rejects.open("wb"))
            except OSError as error:
                raise _unwritable(rejects, error) from None
        lines = _RejectedLines(file, rejects, opened)
        stack.callback(lines.print)
        yield lines


def _unwritable(rejects: Path | None, error: OSError) -> InvalidInput:
    return InvalidInput("--rejects", f"{rejects} cannot be written: {error.strerror}")


def _show(report: ImportReport) -> None:
    columns = ("read", "inserted", "skipped", "rejected", "seconds", "rows/s")
    rows = table(*columns, numbers=columns)
    counts = (report.read, report.inserted, report.skipped, report.rejected)
    rows.add(
        *(f"{count:,}" for count in counts),
        f"{report.seconds:.2f}",
        f"{report.read / report.seconds:,.0f}",
    )
    show(rows)
