"""Print the output of commands, with control characters escaped, so that data cannot act on it."""

from __future__ import annotations

import os
import sys

import typer
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from .._visible import visible_lines

#: Wide enough for the longest index name. On a terminal, the width of the terminal is used.
_WIDTH_OF_FILES = 100


def say(text: str, *, err: bool = False) -> None:
    """Print lines of text."""
    typer.echo(visible_lines(text), err=err)


def styled(text: str, style: str = "") -> Text:
    """Return text for a cell of a table, or for `show`."""
    return Text(visible_lines(text), style)


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
