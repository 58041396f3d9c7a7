"""Check a folder of queries, with the records and methods that belong to it."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from psycopg import Connection

from .._queries import Source, load_folder
from ..errors import InvalidFile, InvalidInput
from . import plan_files
from .findings import Finding, Report, place
from .modules import definition, queries_outside_repositories, records_of, used_records
from .problems import Problem
from .query_check import Code, CustomPlans, QueryChecker
from .recording import Call, record_methods
from .scratch import checked_connection

_FILE = re.compile(r"(?P<path>.+?\.sql)(?::\d+)?: (?P<problem>.*)", re.DOTALL)
_UPDATE = "look at the difference that `vrooli-data check --update-plans` makes"


def check(
    conninfo: str | None,
    sql: Path,
    records: ModuleType,
    repositories: Sequence[ModuleType] = (),
    *,
    custom_plans: CustomPlans | None = None,
    update_plans: bool = False,
) -> Report:
    """Check the queries of a folder against a migrated database; no query is run.

    Plans say something where the tables hold 1 000 rows or more and were analysed.

    Args:
        conninfo: a libpq connection string or URL; ``DATABASE_URL`` when it is None.
        sql: a folder of ``.sql`` files, or of such folders.
        records: the module, or package of modules, that defines the records.
        repositories: the modules that run the queries; without them, methods are not checked.
        custom_plans: parameters for which plans are checked and kept beside the generic ones.
        update_plans: write the reviewed plans, instead of comparing with them.
    """
    started = time.perf_counter()
    code = _code(records, repositories)
    with checked_connection(conninfo) as connection:
        if update_plans:
            _require_major(connection)
        checker = _FolderChecker(connection, code, custom_plans or {})
        for folder in _folders(sql):
            checker.check(folder, update_plans=update_plans)
        checker.check_code()
    return Report(
        sorted(checker.findings),
        sorted(checker.notes),
        checker.count,
        time.perf_counter() - started,
    )


def _require_major(connection: Connection[Any]) -> None:
    if connection.info.server_version // 10_000 != plan_files.MAJOR:
        raise InvalidInput("update_plans", f"needs a server of PostgreSQL {plan_files.MAJOR}")


def _folders(sql: Path) -> list[Path]:
    folders = [sql, *sorted(path for path in sql.iterdir() if path.is_dir())]
    return [folder for folder in folders if any(folder.glob("*.sql"))]


def _code(records: ModuleType, repositories: Sequence[ModuleType]) -> Code:
    methods = record_methods(repositories)
    calls: dict[str, list[Call]] = defaultdict(list)
    for method in methods:
        for call in method.calls:
            calls[call.query].append(call)
    elsewhere = queries_outside_repositories(repositories)
    return Code(records_of(records), methods, calls, elsewhere, bool(repositories))


class _FolderChecker:
    def __init__(self, connection: Connection[Any], code: Code, custom_plans: CustomPlans) -> None:
        self.findings: set[Finding] = set()
        self.count = 0
        self._code = code
        self._queries = QueryChecker(connection, code, custom_plans)
        self.notes = self._queries.notes
        self._used: list[Any] = []
        self._unread = False
        self._major = connection.info.server_version // 10_000

    def check(self, folder: Path, *, update_plans: bool) -> None:
        """Check each query of one folder, and its reviewed plans."""
        try:
            # As the files are now, whatever was loaded before.
            sources = load_folder.__wrapped__(folder)
        except InvalidFile as error:
            self._unread = True
            self._add_file(folder, error)
            return
        plans: dict[str, str] = {}
        for source in sources.values():
            self.count += 1
            outcome = self._queries.check(source)
            self._used.append(outcome.record)
            plans |= outcome.plans
            for problem in outcome.problems:
                self._add(source, problem)
        if update_plans:
            plan_files.write(folder, plans)
        elif reviewed := plan_files.read(folder):
            self._compare_plans(folder, sources, plans, reviewed)

    def check_code(self) -> None:
        """Find records that no query returns, and methods that run no query."""
        used = used_records(self._used)
        for name, record in self._code.records.items():
            # What a file returns that could not be read is not known.
            if record not in used and not self._unread:
                problem = Problem(
                    "unused-record", "no query returns this record", "drop it, or its name is wrong"
                )
                self._place(*definition(record), name, problem)
        for method in self._code.methods:
            if method.problem is not None:
                problem = Problem("method", f"cannot be called: it {method.problem}", "mend it")
            elif not method.calls:
                problem = Problem("method", "runs no query", "let it run one, or drop it")
            else:
                continue
            self._place(method.path, method.line, method.name, problem)

    def _compare_plans(
        self,
        folder: Path,
        sources: Mapping[str, Source],
        plans: Mapping[str, str],
        reviewed: Mapping[str, str],
    ) -> None:
        if self._major != plan_files.MAJOR:
            self.notes.add(
                "the reviewed plans were not compared: they are those of PostgreSQL "
                f"{plan_files.MAJOR}"
            )
            return
        file = folder / plan_files.NAME
        for title, plan in plans.items():
            source = sources[_query_of(title)]
            # The reviewed plans are those of a server without trigrams.
            if reviewed.get(title) != plan and not self._queries.uses_trigrams(source):
                problem = Problem("plan", f"the plan is not the one in {place(file)}", _UPDATE)
                self._add(source, problem)
        for title in sorted(reviewed.keys() - plans.keys()):
            if _query_of(title) not in sources:
                problem = Problem("plan", "this plan is of no query", _UPDATE)
                self._place(file, plan_files.line(folder, title), title, problem)

    def _add_file(self, folder: Path, error: InvalidFile) -> None:
        found = _FILE.fullmatch(str(error))
        path, what = (Path(found["path"]), found["problem"]) if found else (folder, str(error))
        problem = Problem("file", what.replace("\n", " "), "correct the file")
        self._place(path, error.line or 1, path.parent.name, problem)

    def _add(self, source: Source, problem: Problem) -> None:
        self._place(source.path, source.line, source.name, problem)

    def _place(self, path: Path, line: int, name: str, problem: Problem) -> None:
        self.findings.add(Finding(place(path), line, name, *problem))


def _query_of(title: str) -> str:
    return title.partition(":")[0]
