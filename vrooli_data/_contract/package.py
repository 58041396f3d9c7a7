"""Check the package's own queries, on a scratch database of any server."""

from __future__ import annotations

import time
from importlib import import_module
from types import ModuleType
from typing import get_args

import msgspec

from .. import records
from .._json import json_text
from .._migrate import migrate
from .._queries import sql_folder
from ..errors import VrooliDataError
from ..records import RunStatus
from .check import check
from .findings import Finding, Report
from .modules import with_submodules
from .query_check import CustomPlans
from .scratch import fill_database, scratch_database

_PACKAGES = ("_async", "_import", "_seed")

# None of a query that compares with now(): its plan would change with the calendar.
#: A page has one row more than its limit, which tells of a next page.
_PAGE = {"max_rows": "21"}
CUSTOM_PLANS: CustomPlans = {
    "resources.find_by_type__score": {"a rare type": {"resource_type": "'Standard'", **_PAGE}},
    "resources.search__any_type": {"a rare text": {"pattern": "'%qzqz%'", "max_rows": "20"}},
    "runs.find_by_status__created_at": {
        "a status that no run has": {"statuses": """'["Absent"]'""", **_PAGE},
        "every status": {"statuses": f"'{json_text(get_args(RunStatus))}'", **_PAGE},
    },
    "runs.find_by_user__created_at": {"one user": {"user_id": "1", **_PAGE}},
}


def check_package(conninfo: str | None, *, update_plans: bool = False) -> Report:
    """Check every query of the package on a database made for it, which is dropped again."""
    started = time.perf_counter()
    with scratch_database(conninfo) as url:
        migrate(url)
        failure = _filled(url)
        report = check(
            url,
            sql_folder(),
            records,
            modules(),
            custom_plans=CUSTOM_PLANS,
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
