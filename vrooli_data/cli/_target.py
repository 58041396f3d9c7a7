"""The database that a command works on."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from .. import embedded
from .._command_line import Options, command
from .._conninfo import read_conninfo
from ..embedded._binaries import DEFAULT_VERSION, Version, installation
from ..embedded._paths import version_of
from ..errors import InvalidInput, MissingExtra
from ._invocation import program
from ._output import say

DEFAULT_DATA_DIR = Path("var/vrooli")


_COMMAND = re.compile(r"(?<=`)vrooli-data (\w+)")
#: The options that name the database of the command that this process runs.
_named: dict[str, str | Path | None] = {}


class Target(NamedTuple):
    """The database that a command works on."""

    url: str
    #: None when the database is not the embedded server's.
    data_dir: Path | None
    #: The options that name it in another command. A URL with a password is not repeated.
    options: Options


def target(
    database_url: str | None, data_dir: Path | None, default_dir: Path = DEFAULT_DATA_DIR
) -> Target:
    """Return the given database, or that of the embedded server, which is started if needed."""
    if database_url is not None and data_dir is not None:
        raise InvalidInput("--data-dir", "does not go together with --database-url")
    given = database_url
    if given is None and data_dir is None:
        given = os.environ.get("DATABASE_URL") or None
    if given is not None:
        is_secret = any("pass" in name for name in read_conninfo(given))
        _named["database_url"] = None if is_secret else database_url
        return Target(given, None, _named)
    folder = data_dir or default_dir
    _named["data_dir"] = data_dir
    try:
        return Target(start_embedded(folder), folder, _named)
    except MissingExtra as missing:
        raise MissingExtra(f"{missing}, or give --database-url") from None


def with_options(message: str) -> str:
    """Add the options that name the database to the commands that a message advises."""
    return _COMMAND.sub(lambda found: command(found[1], _named, {}), message)


def start_embedded(data_dir: Path, version: Version | None = None) -> str:
    """Return the URL of the embedded server; start it and print a line if it does not run."""
    version = version or _version_of_data(data_dir)
    if embedded.url(data_dir) is None:
        installation(version)
        stop = db_command("stop", data_dir)
        say(f"Starting PostgreSQL {version} in {data_dir}; to stop it: {stop}", err=True)
    return embedded.start(data_dir, version=version)


def db_command(name: Literal["start", "stop", "url"], data_dir: Path) -> str:
    """Return the command that runs a command of ``db`` on a folder."""
    return f"{program()} db {name} --data-dir {shlex.quote(str(data_dir))}"


def _version_of_data(data_dir: Path) -> Version:
    try:
        made_by = version_of(data_dir / "pgdata")
    except OSError:
        return DEFAULT_VERSION
    # embedded.start refuses data of any other version, and names the version.
    return next(
        (version for version in get_args(Version) if str(version) == made_by), DEFAULT_VERSION
    )
