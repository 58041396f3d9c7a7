"""Check the package's own queries, on a scratch database of any server."""

from __future__ import annotations

import time
from importlib import import_module
from types import ModuleType

import msgspec

from .. import records
from .._migrate import migrate
from .._queries import sql_folder
from ..errors import VrooliDataError
from .check import check
from .findings import Finding, Report
from .modules import with_submodules
from .scratch import SCRATCH_SCHEMA, fill_database, scratch_database

_PACKAGES = ("_async", "_import", "_mend", "_seed")


def check_package(conninfo: str | None, *, update_plans: bool = False) -> Report:
    """Check every query of the package on a database made for it, which is dropped again."""
    started = time.perf_counter()
    with scratch_database(conninfo) as url:
        migrate(url, schema=SCRATCH_SCHEMA)
        failure = _filled(url)
        report = check(
            url,
            sql_folder(),
            records,
            modules(),
            schema=SCRATCH_SCHEMA,
            update_plans=update_plans and failure is None,
            require_plans=True,
        )
    findings = report.findings
    if failure is not None:
        # Without rows no plan says anything; what the queries are is still held to the schema.
        findings = [failure, *(f for f in findings if f.code not in ("index", "plan"))]
    return msgspec.structs.replace(report, findings=findings, seconds=time.perf_counter() - started)


def _filled(url: str) -> Finding | None:
    """Fill the database with rows; tell when the seed does not fit the schema any more."""
    try:
        fill_database(url)
    except VrooliDataError as error:
        return Finding(
            "vrooli_data/_seed/__init__.py",
            1,
            "seed",
            "seed",
            f"the seed does not fit the schema: {error}",
            "bring the two in line; until then no plan is checked",
        )
    return None


def modules() -> list[ModuleType]:
    """Return the modules of the package that run queries."""
    root = __package__.rpartition(".")[0]
    return [m for name in _PACKAGES for m in with_submodules(import_module(f"{root}.{name}"))]
