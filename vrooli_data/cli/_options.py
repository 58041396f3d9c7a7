"""The options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from .._search_path import SearchPath as SearchSchemas
from ..validation import check_seconds

_FOLDER = "The folder of the embedded server; given, it goes before DATABASE_URL."
SCALE = "1.0 makes 20 000 users, 200 000 resources and 300 000 runs."


# A wrong value is refused while the options are read: before a server is started for the command.


def _checked_schema(schema: str | None) -> str | None:
    SearchSchemas.of(schema, ())
    return schema


def _checked_search_path(search_path: list[str] | None) -> list[str] | None:
    SearchSchemas.of(None, search_path or ())
    return search_path


def checked_seconds(option: typer.CallbackParam, seconds: float) -> float:
    """Refuse a number of seconds that is no limit."""
    check_seconds(option.name or "", seconds)
    return seconds


DatabaseUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        show_default="DATABASE_URL, else the embedded server",
        help="The database: a libpq URL or connection string.",
    ),
]
DataDir: TypeAlias = Annotated[
    Path | None, typer.Option(show_default="var/vrooli", help=_FOLDER, file_okay=False)
]
Schema: TypeAlias = Annotated[
    str | None,
    typer.Option(
        show_default="the first that exists in the role's search_path",
        help="The schema of the tables.",
        callback=_checked_schema,
    ),
]
SearchPath: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SCHEMA",
        show_default="none",
        help="Another schema in which names are looked up, behind that one; may be repeated.",
        callback=_checked_search_path,
    ),
]
Migrations: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FOLDER",
        show_default="none",
        help="The folder of an application's own migrations; may be repeated.",
    ),
]
Application: TypeAlias = Annotated[
    str,
    typer.Option(metavar="NAME", help="The name of the application in the ledger of the database."),
]
DemoDir: TypeAlias = Annotated[
    Path | None, typer.Option(show_default="var/demo", help=_FOLDER, file_okay=False)
]
Scale: TypeAlias = Annotated[float, typer.Option(help=SCALE)]
