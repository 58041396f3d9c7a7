"""``vrooli-data db``: the embedded server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from .. import embedded
from ..embedded._binaries import Version
from ..errors import Unavailable
from ._output import say
from ._target import DEFAULT_DATA_DIR, db_command, start_embedded

_Folder: TypeAlias = Annotated[
    Path, typer.Option(help="The folder of the server.", file_okay=False)
]

db = typer.Typer(help="Start, stop and find the embedded server.", no_args_is_help=True)


@db.command()
def start(
    *,
    data_dir: _Folder = DEFAULT_DATA_DIR,
    version: Annotated[
        Version | None,
        typer.Option(help="The version of PostgreSQL.", show_default="that of the data, else 18"),
    ] = None,
) -> None:
    """Start the server if it does not run, and print its URL."""
    say(start_embedded(data_dir, version))


@db.command()
def stop(*, data_dir: _Folder = DEFAULT_DATA_DIR) -> None:
    """Stop the server; its data stays."""
    stopped = embedded.stop(data_dir)
    say(f"Stopped the server in {data_dir}." if stopped else f"No server ran in {data_dir}.")


@db.command()
def url(*, data_dir: _Folder = DEFAULT_DATA_DIR) -> None:
    """Print the URL of the running server."""
    running = embedded.url(data_dir)
    if running is None:
        raise Unavailable(f"no server runs in {data_dir}: run {db_command('start', data_dir)}")
    say(running)
