"""Check a folder of queries, or the queries of this package: `vrooli-data check` calls this."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from .._command_line import NOWHERE_ELSE, Options, command
from .._migrate import migrate
from .._queries import sql_folder
from .._search_path import SearchPath
from ..errors import InvalidInput
from .findings import Finding, Report
from .folder_check import check_folder, folders_of, import_finding
from .modules import ImportFault
from .python_side import PythonSide, read_python
from .scratch import SCRATCH_SCHEMA, fill_database, scratch_database

_RECORDS: Final = "vrooli_data.records"
#: The modules of this package that run queries.
_REPOSITORIES: Final = tuple(
    f"vrooli_data.{name}"
    for name in ("_async", "_engine_queries", "_export", "_import", "_mend", "_seed")
)


def check(
    conninfo: str | None,
    *,
    sql: Path | None = None,
    records: str | None = None,
    repositories: Sequence[str] = (),
    schema: str | None = None,
    search_path: Sequence[str] = (),
    update_plans: bool = False,
) -> Report:
    """Check a folder of queries against a migrated database. No query is run.

    Without *sql*, the queries of this package are checked, on a database that is created for the
    check and dropped afterwards.

    Args:
        conninfo: a libpq connection string or URL; ``DATABASE_URL`` when it is None.
        sql: a folder of ``.sql`` files, or of such folders.
        records: the name of the module or package that defines the records.
        repositories: the modules, packages or classes (``module:Class``) that run the queries.
            Without them, queries are not compared with methods.
        schema: the schema of the tables; None is the first existing schema in the search_path of
            the role.
        search_path: further schemas in which names are looked up, after *schema*.
        update_plans: write the reviewed plans instead of comparing with them.
    """
    run = prepare(
        sql=sql,
        records=records,
        repositories=repositories,
        schema=schema,
        search_path=search_path,
        update_plans=update_plans,
    )
    return run if isinstance(run, Report) else run(conninfo, NOWHERE_ELSE)


def prepare(
    *,
    sql: Path | None,
    records: str | None,
    repositories: Sequence[str],
    schema: str | None,
    search_path: Sequence[str],
    update_plans: bool,
) -> Report | Callable[[str | None, Options], Report]:
    """Read what is checked; return a function that checks it against a database; see `check`.

    The function takes the database, and the options of the command line that name it. Where the
    records cannot be imported, return the report that says so.
    """
    if sql is None:
        if records is not None or repositories:
            given = "records" if records is not None else "repositories"
            raise InvalidInput(given, "needs --sql, the folder of the queries")
        if schema is not None or search_path:
            given = "schema" if schema is not None else "search_path"
            raise InvalidInput(given, "needs --sql: this package is checked in a new database")
        return partial(_check_package, update_plans=update_plans)
    if records is None:
        raise InvalidInput("records", "must be given with --sql, such as --records shop.records")
    path = SearchPath.of(schema, search_path)
    folders_of(sql)
    started = time.perf_counter()
    try:
        python = read_python(records, repositories)
    except ImportFault as fault:
        note = "nothing else was checked: the records cannot be imported"
        return Report([import_finding(fault)], [note], 0, time.perf_counter() - started)
    options: Options = {
        "sql": sql,
        "records": records,
        "repositories": repositories,
        "schema": schema,
        "search_path": search_path,
        "update_plans": True,
    }

    def run(conninfo: str | None, where: Options) -> Report:
        update = command("check", where, options)
        return check_folder(conninfo, sql, python, path, update=update, update_plans=update_plans)

    return run


def check_prepared(
    conninfo: str | None, where: Options = NOWHERE_ELSE, *, update_plans: bool = False
) -> Report:
    """Check the queries of this package on a database that `prepare_database` has prepared."""
    return check_folder(
        conninfo,
        sql_folder(),
        package_python(),
        SearchPath.of(SCRATCH_SCHEMA, ()),
        update=command("check", where, {"update_plans": True}),
        update_plans=update_plans,
    )


def package_python() -> PythonSide:
    """Return the Python side of this package."""
    return read_python(_RECORDS, _REPOSITORIES)


def _check_package(conninfo: str | None, where: Options, *, update_plans: bool) -> Report:
    started = time.perf_counter()
    with scratch_database(conninfo) as url:
        migrate(url, schema=SCRATCH_SCHEMA)
        failure = _fill(url)
        report = check_prepared(url, where, update_plans=update_plans and failure is None)
    findings = report.findings
    if failure is not None:
        # Plans without rows show nothing. The other findings are those of an empty database too.
        findings = [failure, *(f for f in findings if f.code not in ("index", "plan"))]
    return msgspec.structs.replace(report, findings=findings, seconds=time.perf_counter() - started)


def _fill(url: str) -> Finding | None:
    """Fill the database with rows; return a finding if the seed does not fit the schema."""
    try:
        fill_database(url)
    except Exception as error:  # noqa: BLE001 (rows that do not fit the columns raise anything)
        return Finding(
            "vrooli_data/_seed/__init__.py",
            1,
            "seed",
            "seed",
            f"the seed does not fit the schema: {type(error).__name__}: {error}",
            "correct the seed or the schema; no plan was checked",
        )
    return None
