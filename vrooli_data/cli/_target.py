"""Which database a command works on."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Literal, NamedTuple

import typer

from .. import embedded
from ..errors import MissingExtra
from ._invocation import program

DEFAULT_DATA_DIR = Path("var/vrooli")
_DEFAULT_VERSION: Literal[18] = 18


class Target(NamedTuple):
    """The database that a command works on."""

    url: str
    #: None when the database is not the embedded server's.
    data_dir: Path | None


def target(
    database_url: str | None, data_dir: Path | None, default_dir: Path = DEFAULT_DATA_DIR
) -> Target:
    """Choose the database by what was given, and start the embedded server where it must be."""
    given = database_url
    if given is None and data_dir is None:
        given = os.environ.get("DATABASE_URL") or None
    if given is not None:
        return Target(given, None)
    folder = data_dir or default_dir
    try:
        return Target(start_embedded(folder), folder)
    except MissingExtra as missing:
        raise MissingExtra(f"{missing}, or give --database-url") from None


def start_embedded(data_dir: Path, version: Literal[16, 18] | None = None) -> str:
    """Return the URL of the embedded server; say so where it has to be started."""
    version = version or _version_of_data(data_dir)
    if embedded.url(data_dir) is None:
        stop = db_command("stop", data_dir)
        typer.echo(f"Starting PostgreSQL {version} in {data_dir}; to stop it: {stop}", err=True)
    return embedded.start(data_dir, version=version)


def db_command(name: Literal["start", "stop", "url"], data_dir: Path) -> str:
    """Return what to type to run a command of ``db`` on a folder."""
    return f"{program()} db {name} --data-dir {shlex.quote(str(data_dir))}"


def _version_of_data(data_dir: Path) -> Literal[16, 18]:
    try:
        made_by = (data_dir / "pgdata" / "PG_VERSION").read_text().strip()
    except OSError:
        return _DEFAULT_VERSION
    return 16 if made_by == "16" else _DEFAULT_VERSION
