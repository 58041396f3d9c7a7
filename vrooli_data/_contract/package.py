"""Check the package's own queries, on a scratch database of any server."""

from __future__ import annotations

import time
from importlib import import_module
from types import ModuleType
from typing import get_args

import msgspec

from .. import records
from .._json import json_text
from .._queries import sql_folder
from ..records import RunStatus
from .check import check
from .findings import Report
from .modules import with_submodules
from .query_check import CustomPlans
from .scratch import prepare_database, scratch_database

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
        prepare_database(url)
        report = check(
            url,
            sql_folder(),
            records,
            modules(),
            custom_plans=CUSTOM_PLANS,
            update_plans=update_plans,
        )
    return msgspec.structs.replace(report, seconds=time.perf_counter() - started)


def modules() -> list[ModuleType]:
    """Return the modules of the package that run queries."""
    root = __package__.rpartition(".")[0]
    return [m for name in _PACKAGES for m in with_submodules(import_module(f"{root}.{name}"))]
