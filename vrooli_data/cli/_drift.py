"""``vrooli-data drift``."""

from __future__ import annotations

from typing import Annotated

import typer

from .._contract.drift import drift as compare
from .._contract.findings import Format
from .._migrate import checked_series
from ._check import show_report
from ._options import Application, DatabaseUrl, DataDir, Migrations, Schema, SearchPath
from ._target import target


def drift(
    *,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    schema: Schema = None,
    search_path: SearchPath = None,
    migrations: Migrations = None,
    application: Application = None,
    shape: Annotated[Format, typer.Option("--format", help="How to show the findings.")] = "text",
) -> None:
    """Compare a database in use with what the migrations and the queries expect of it."""
    # Before a server is started.
    checked_series(migrations, application, application_only=False)
    database = target(database_url, data_dir)
    report = compare(
        database.url,
        migrations=migrations,
        application=application,
        schema=schema,
        search_path=search_path or [],
        where=database.options,
    )
    show_report(report, shape)
