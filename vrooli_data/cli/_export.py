"""``vrooli-data export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from .._export import FileFormat, Kind, export
from .._export._arrow import check_arrow
from .._export._files import whole_file
from .._export._lines import is_packed
from ._options import DatabaseUrl, DataDir, Schema
from ._output import json_output, show, table
from ._progress import progress_bars
from ._target import target

export_to = typer.Typer(help="Write all rows of a kind into a file.", no_args_is_help=True)

_STANDARD_OUTPUT = Path("-")


_File: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Written when it is whole; - is the standard output.",
        dir_okay=False,
        allow_dash=True,
    ),
]
_FileFormat: TypeAlias = Annotated[
    FileFormat,
    typer.Option(
        "--format",
        help="One JSON object per line, which can be imported, or an Arrow IPC file.",
    ),
]
_Gzip: TypeAlias = Annotated[
    bool, typer.Option("--gzip", show_default="where FILE ends in .gz", help="Write gzip.")
]


def _add_command(kind: Kind, description: str) -> None:
    @export_to.command(kind, help=description)
    def write(
        file: _File = _STANDARD_OUTPUT,
        *,
        database_url: DatabaseUrl = None,
        data_dir: DataDir = None,
        schema: Schema = None,
        file_format: _FileFormat = "ndjson",
        gzip: _Gzip = False,
    ) -> None:
        _export(kind, file, (database_url, data_dir), schema, file_format, gzip=gzip)


_add_command("users", "Write every user.")
_add_command("resources", "Write every resource, with its versions and translations.")
_add_command("runs", "Write every run, with its steps, inputs and outputs.")


def _export(
    kind: Kind,
    file: Path,
    database: tuple[str | None, Path | None],
    schema: str | None,
    file_format: FileFormat,
    *,
    gzip: bool,
) -> None:
    is_piped = file == _STANDARD_OUTPUT
    packed = is_packed(file, compress=gzip or None)
    if file_format == "arrow":
        check_arrow(compress=packed)
    is_text = file_format == "ndjson" and not packed
    piped = json_output() if is_text else sys.stdout.buffer
    with (
        # Before a server is started.
        whole_file(piped if is_piped else file) as opened,
        progress_bars() as progress,
    ):
        report = export(
            target(*database).url,
            kind,
            opened,
            file_format=file_format,
            compress=packed,
            schema=schema,
            progress=progress,
        )
    if is_piped:
        return
    rows = table("rows", "seconds", "rows/s", numbers=("rows", "seconds", "rows/s"))
    rows.add(f"{report.rows:,}", f"{report.seconds:.2f}", f"{report.rows / report.seconds:,.0f}")
    show(rows)
