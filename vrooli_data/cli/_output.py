"""Print the output of commands, with control characters escaped, so that data cannot act on it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import BinaryIO, cast

import typer
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from .._visible import visible, visible_json, visible_lines

#: Wide enough for the longest index name. On a terminal, the width of the terminal is used.
_WIDTH_OF_FILES = 100


def say(text: str, *, err: bool = False) -> None:
    """Print a line. A line break in it, which may be part of a name, is escaped."""
    typer.echo(visible(text), err=err)


def say_lines(text: str) -> None:
    """Print lines of text that contain no names and values, or contain them escaped."""
    typer.echo(visible_lines(text))


def styled(text: str, style: str = "") -> Text:
    """Return a line for a cell of a table, or for `show`."""
    return Text(visible(text), style)


def styled_lines(lines: Iterable[str], style: str = "") -> Text:
    """Return several lines for a cell of a table."""
    return Text("\n".join(map(visible, lines)), style)


class JsonOutput:
    """The standard output for lines of JSON, whose control characters it escapes."""

    def write(self, line: bytes) -> int:
        """Write a JSON value, or a line end."""
        return sys.stdout.buffer.write(line if line == b"\n" else visible_json(line))

    def flush(self) -> None:
        """Write what is buffered."""
        sys.stdout.buffer.flush()


def json_output() -> BinaryIO:
    """Return the standard output for lines of JSON, each written at once."""
    return cast("BinaryIO", JsonOutput())


def show(*things: RenderableType) -> None:
    """Print tables and styled text."""
    fixed = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH_OF_FILES
    Console(width=fixed, highlight=False).print(*things)


class Rows(Table):
    """A table of text."""

    def add(self, *cells: RenderableType, style: str = "") -> None:
        """Add a row; markup in a str is not interpreted."""
        self.add_row(*(styled(c) if isinstance(c, str) else c for c in cells), style=style)


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Rows:
    """Return an empty table; the columns in *numbers* are aligned to the right."""
    rows = Rows(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="dim",
    )
    for column in columns:
        # Only the last column is wrapped on a narrow terminal.
        rows.add_column(
            column,
            justify="right" if column in numbers else "left",
            no_wrap=column != columns[-1],
            overflow="fold",
        )
    return rows
