"""``vrooli-data import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .._import import import_resources
from ._options import DatabaseUrl, DataDir, Schema
from ._output import show, table
from ._progress import progress_bars
from ._target import target

import_from = typer.Typer(help="Load rows from a file.", no_args_is_help=True)


@import_from.command()
def resources(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="One JSON object per line; gzip is fine.",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ],
    *,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    schema: Schema = None,
) -> None:
    """Load resources, each with its translation and first version: every line, or none."""
    url = target(database_url, data_dir).url
    with progress_bars() as progress:
        report = import_resources(url, file, schema=schema, progress=progress)
    columns = ("read", "inserted", "skipped", "rejected", "seconds", "rows/s")
    rows = table(*columns, numbers=columns)
    counts = (report.read, report.inserted, report.skipped, report.rejected)
    rows.add(
        *(f"{count:,}" for count in counts),
        f"{report.seconds:.2f}",
        f"{report.read / report.seconds:,.0f}",
    )
    show(rows)
