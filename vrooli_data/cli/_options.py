"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from .._migrations import DEFAULT_APPLICATION
from .._search_path import SearchPath as SearchSchemas
from ..errors import InvalidInput
from ..validation import check_seconds

_FOLDER = "The folder of the embedded server. It takes precedence over DATABASE_URL."
SCALE = "The size: 1.0 is 20 000 users, 200 000 resources and 300 000 runs."


# Values are checked while the options are parsed, so that a wrong one does not start a server.


def _checked_schema(schema: str | None) -> str | None:
    SearchSchemas.of(schema, ())
    return schema


def _checked_search_path(search_path: list[str] | None) -> list[str] | None:
    SearchSchemas.of(None, search_path or ())
    return search_path


def checked_seconds(option: typer.CallbackParam, seconds: float | None) -> float | None:
    """Refuse a number of seconds that cannot be a limit."""
    if seconds is not None:
        check_seconds(option.name or "", seconds)
    return seconds


def refuse_given(reason: str, **options: object) -> None:
    """Refuse the first of some options that was given, and that would have no effect."""
    for name, value in options.items():
        if value is not None and value != []:
            raise InvalidInput(f"--{name.replace('_', '-')}", reason)


def _schema(needs: str = "") -> Any:
    return typer.Option(
        show_default="the first that exists in the role's search_path",
        help=_sentence(needs, "the schema of the tables."),
        callback=_checked_schema,
    )


def _search_path(needs: str = "") -> Any:
    return typer.Option(
        metavar="SCHEMA",
        show_default="none",
        help=_sentence(
            needs, "another schema in which names are looked up, after --schema. May be repeated."
        ),
        callback=_checked_search_path,
    )


def _sentence(needs: str, text: str) -> str:
    return needs + text if needs else text[:1].upper() + text[1:]


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
Schema: TypeAlias = Annotated[str | None, _schema()]
SearchPath: TypeAlias = Annotated[list[str] | None, _search_path()]
SchemaWithSql: TypeAlias = Annotated[str | None, _schema("With --sql: ")]
SearchPathWithSql: TypeAlias = Annotated[list[str] | None, _search_path("With --sql: ")]
Migrations: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FOLDER",
        show_default="none",
        help="The folder of an application's own migrations. May be repeated.",
    ),
]
Application: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        show_default=DEFAULT_APPLICATION,
        help="With --migrations: the name of the application in the migration ledger.",
    ),
]
DemoDir: TypeAlias = Annotated[
    Path | None, typer.Option(show_default="var/demo", help=_FOLDER, file_okay=False)
]
Scale: TypeAlias = Annotated[float, typer.Option(help=SCALE)]
