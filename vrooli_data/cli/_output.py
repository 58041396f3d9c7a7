"""The tables that the commands print."""

from __future__ import annotations

import os
import sys

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table

#: Room for the longest index name; a terminal has the width that it has.
_WIDTH_OF_FILES = 100


def show(*things: RenderableType) -> None:
    """Print tables and text."""
    fixed = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH_OF_FILES
    Console(width=fixed, highlight=False).print(*things)


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """Return an empty table; the columns in *numbers* are set to the right."""
    made = Table(
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
