"""``vrooli-data check``."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from .._contract.check import check as check_folder
from .._contract.findings import Format, Report, as_json, as_sarif, as_text
from .._contract.modules import with_submodules
from .._contract.package import check_package
from ..errors import InvalidInput
from ._options import DatabaseUrl, DataDir, Schema, SearchPath
from ._output import say
from ._target import target


def check(
    *,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    schema: Schema = None,
    search_path: SearchPath = None,
    sql: Annotated[
        Path | None,
        typer.Option(
            help="Your own folder of .sql files, checked against the database as it is.",
            exists=True,
            file_okay=False,
            show_default="the queries of this package, on a database made for it",
        ),
    ] = None,
    records: Annotated[
        str | None,
        typer.Option(help="With --sql: the module of the records, such as shop.records."),
    ] = None,
    update_plans: Annotated[
        bool,
        typer.Option("--update-plans", help="Write the plans to plans.txt beside the queries."),
    ] = False,
    shape: Annotated[Format, typer.Option("--format", help="How to show the findings.")] = "text",
) -> None:
    """Hold every query to its header, its record and the database."""
    if (sql is None) != (records is None):
        raise InvalidInput("--sql", "goes together with --records")
    if sql is None and (schema is not None or search_path):
        raise InvalidInput("--schema", "and --search-path go together with --sql")
    module = None if records is None else _module(records)
    url = target(database_url, data_dir).url
    if sql is None or module is None:
        report = check_package(url, update_plans=update_plans)
    else:
        report = check_folder(
            url,
            sql,
            module,
            schema=schema,
            search_path=search_path or [],
            update_plans=update_plans,
        )
    show_report(report, shape)


def _module(name: str) -> ModuleType:
    if not all(map(str.isidentifier, name.split("."))):
        raise InvalidInput("--records", "must be the name of a module, such as shop.records")
    # A project's own modules lie where it is worked on, mostly.
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = import_module(name)
        # Of a package, all modules are looked at.
        with_submodules(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (whatever a module does, it says so)
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        raise InvalidInput("--records", f"cannot be imported: {problem}") from None
    return module


def show_report(report: Report, shape: Format) -> None:
    """Print what was found, and end with 1 where anything was."""
    say(_shown(report, shape))
    raise typer.Exit(1 if report.findings else 0)


def _shown(report: Report, shape: Format) -> str:
    match shape:
        case "json":
            return as_json(report)
        case "sarif":
            return as_sarif(report, version("vrooli-data"))
        case _:
            return as_text(report)
