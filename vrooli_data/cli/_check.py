"""``vrooli-data check``."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from .._contract.check import prepare
from .._contract.findings import Format, Report, as_json, as_sarif, as_text
from ._options import DatabaseUrl, DataDir, SchemaWithSql, SearchPathWithSql
from ._output import say_lines
from ._target import target


def check(
    *,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    schema: SchemaWithSql = None,
    search_path: SearchPathWithSql = None,
    sql: Annotated[
        Path | None,
        typer.Option(
            help="Your own folder of .sql files. They are checked on the given database.",
            exists=True,
            file_okay=False,
            show_default="the queries of this package, on a new database",
        ),
    ] = None,
    records: Annotated[
        str | None,
        typer.Option(help="With --sql: the module of your records, such as shop.records."),
    ] = None,
    repositories: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE[:CLASS]",
            show_default="methods are not checked",
            help="With --sql: a module, package or class whose methods run the queries. May be "
            "repeated.",
        ),
    ] = None,
    update_plans: Annotated[
        bool,
        typer.Option("--update-plans", help="Write the plans to plans.txt next to the queries."),
    ] = False,
    shape: Annotated[Format, typer.Option("--format", help="How to show the findings.")] = "text",
) -> None:
    """Check every query against its header, its record, its method and the database."""
    # The modules of a project usually lie in the current folder.
    sys.path.insert(0, str(Path.cwd()))
    # Before a server is started.
    run = prepare(
        sql=sql,
        records=records,
        repositories=repositories or [],
        schema=schema,
        search_path=search_path or [],
        update_plans=update_plans,
    )
    if isinstance(run, Report):
        report = run
    else:
        database = target(database_url, data_dir)
        report = run(database.url, database.options)
    show_report(report, shape)


def show_report(report: Report, shape: Format) -> None:
    """Print the report, and exit with 1 if it has findings."""
    say_lines(_shown(report, shape))
    raise typer.Exit(1 if report.findings else 0)


def _shown(report: Report, shape: Format) -> str:
    match shape:
        case "json":
            return as_json(report)
        case "sarif":
            return as_sarif(report, version("vrooli-data"))
        case _:
            return as_text(report)
