"""What commands print goes through here, so that no text of others acts on the terminal."""

from __future__ import annotations

import os
import sys

import typer
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from .._visible import visible_lines

#: Room for the longest index name; a terminal has the width that it has.
_WIDTH_OF_FILES = 100


def say(text: str, *, err: bool = False) -> None:
    """Print lines of text."""
    typer.echo(visible_lines(text), err=err)


def styled(text: str, style: str = "") -> Text:
    """Return lines of text for a table, or to be shown by themselves."""
    return Text(visible_lines(text), style)


def show(*things: RenderableType) -> None:
    """Print tables and styled text."""
    fixed = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH_OF_FILES
    Console(width=fixed, highlight=False).print(*things)


class Rows(Table):
    """A table of text."""

    def add(self, *cells: RenderableType, style: str = "") -> None:
        """Add a row; a str is shown as it is, without any markup."""
        self.add_row(*(styled(c) if isinstance(c, str) else c for c in cells), style=style)


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Rows:
    """Return an empty table; the columns in *numbers* are set to the right."""
    made = Rows(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="dim",
    )
    for column in columns:
        # Where a terminal is narrow, the last column gives way.
        made.add_column(
            column,
            justify="right" if column in numbers else "left",
            no_wrap=column != columns[-1],
            overflow="fold",
        )
    return made
