"""``vrooli-data seed``."""

from __future__ import annotations

from typing import Annotated

import typer

from .._seed import check_number, check_scale
from .._seed import seed as fill
from ._options import DatabaseUrl, DataDir, Scale, Schema
from ._output import say, show, table
from ._progress import progress_bars
from ._target import target


def seed(
    *,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    schema: Schema = None,
    scale: Scale = 1.0,
    number: Annotated[
        int, typer.Option("--seed", help="The same scale and seed give the same rows.")
    ] = 1,
) -> None:
    """Fill an empty database with generated rows, skewed like real data."""
    check_scale(scale)
    check_number(number)
    url = target(database_url, data_dir).url
    with progress_bars() as progress:
        report = fill(url, schema=schema, scale=scale, seed=number, progress=progress)
    rows = table("table", "rows", numbers=("rows",))
    for name, count in report.rows.items():
        rows.add(name, f"{count:,}")
    show(rows)
    total = sum(report.rows.values())
    say(f"{total:,} rows in {report.seconds:.2f} s: {total / report.seconds:,.0f} rows/s")
