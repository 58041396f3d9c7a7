"""Check a folder of queries against a database, and against records and methods."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from psycopg import Connection

from .._own_session import own_session
from .._queries import Source
from .._query_files import read_folder
from .._search_path import SearchPath
from ..errors import InvalidFile, InvalidInput, MissingExtra
from . import plan_files
from .findings import Finding, Report, shown_path
from .modules import ImportFault, definition
from .problems import Problem
from .python_side import PythonSide
from .query_check import QueryChecker
from .scratch import APPLICATION_NAME
from .value_types import all_structs_in, unresolved


class _CheckedFolder(NamedTuple):
    """One checked folder."""

    folder: Path
    sources: Mapping[str, Source]
    #: By title.
    plans: dict[str, str]


def check_folder(
    conninfo: str | None,
    sql: Path,
    python: PythonSide,
    path: SearchPath,
    *,
    update: str = "",
    update_plans: bool = False,
    is_live: bool = False,
) -> Report:
    """Check the queries of a folder, and of the folders in it, against a migrated database.

    Args:
        conninfo: a libpq connection string or URL; ``DATABASE_URL`` when it is None.
        sql: the folder.
        python: the records and the methods.
        path: the schemas in which names are looked up.
        update: the command that writes the reviewed plans.
        update_plans: write the reviewed plans instead of comparing with them.
        is_live: the database is in use. Plans use its own settings and are not compared with the
            reviewed plans; parse trees, which the server would log, are not read; the rules, which
            concern the text alone, are left out.
    """
    started = time.perf_counter()
    rules = None if is_live else _rules()
    folders = folders_of(sql)
    with own_session(conninfo, APPLICATION_NAME, path) as connection:
        if update_plans:
            _require_major(connection)
        checker = _FolderChecker(connection, python, rules, is_live=is_live)
        keeps_plans = any(plan_files.exists(folder) for folder in folders)
        for folder in folders:
            checked = checker.check(folder)
            if update_plans:
                checker.write_plans(checked)
            elif keeps_plans and not is_live:
                checker.check_plans(checked, update)
        checker.check_depth(sql)
        checker.check_calls(sql)
        checker.check_python()
    return Report(
        sorted(checker.findings),
        sorted(checker.notes),
        checker.count,
        time.perf_counter() - started,
    )


def import_finding(fault: ImportFault) -> Finding:
    """Return the finding of a module that uses this layer wrongly at import."""
    what = f"the module cannot be imported: {fault}"
    fix = "correct the module or the file"
    return Finding(shown_path(fault.path), fault.line, fault.module, "module", what, fix)


def _rules() -> ModuleType:
    try:
        return import_module("vrooli_data._lint")
    except ModuleNotFoundError as missing:
        if missing.name != "pglast":
            raise
        raise MissingExtra(
            "the check needs PostgreSQL's parser: pip install 'vrooli-data[check]'"
        ) from None


def _require_major(connection: Connection[Any]) -> None:
    if connection.info.server_version // 10_000 != plan_files.MAJOR:
        raise InvalidInput("update_plans", f"needs a server of PostgreSQL {plan_files.MAJOR}")


def folders_of(sql: Path) -> list[Path]:
    """Return the folders that are checked: *sql*, and those directly in it, with ``.sql`` files."""
    folders = [sql, *sorted(path for path in sql.iterdir() if path.is_dir())]
    if not any(sql.rglob("*.sql")):
        raise InvalidInput("sql", f"{shown_path(sql)} contains no .sql file")
    return [folder for folder in folders if any(folder.glob("*.sql"))]


class _FolderChecker:
    def __init__(
        self,
        connection: Connection[Any],
        python: PythonSide,
        rules: ModuleType | None,
        *,
        is_live: bool,
    ) -> None:
        self.findings: set[Finding] = set()
        #: The queries that were read.
        self._names: set[str] = set()
        self._python = python
        self._queries = QueryChecker(connection, python, is_live=is_live)
        self.notes = self._queries.notes
        self._returned: list[Any] = []
        #: Whether a file or query could not be read.
        self._has_unread = False
        self._rules = rules
        self._schema = None if rules is None else rules.read_catalog(connection)
        self._major = connection.info.server_version // 10_000

    @property
    def count(self) -> int:
        """The number of queries that were checked."""
        return len(self._names)

    def check(self, folder: Path) -> _CheckedFolder:
        """Check each query of one folder, and return the plans by title."""
        # The files are read again, because a test may have changed them.
        sources, unreadable = read_folder(folder)
        for found in unreadable:
            self._has_unread = True
            problem = Problem("file", found.problem, "correct the file")
            self._place(found.path, found.line, found.name, problem)
        plans: dict[str, str] = {}
        with self._queries.staged(sources.values()) as unstaged:
            for source, problem in unstaged:
                self._add(source, problem)
            for source in sources.values():
                self._names.add(source.name)
                result = self._queries.check(source)
                self._returned.append(result.record)
                plans |= result.plans
                for problem in result.problems:
                    self._add(source, problem)
        if self._rules is not None:
            self._lint(sources, self._rules)
        return _CheckedFolder(folder, sources, plans)

    def _lint(self, sources: Mapping[str, Source], rules: ModuleType) -> None:
        for found in rules.lint(sources.values(), self._schema, rules.RULES):
            if found.rule == rules.UNREAD:
                self.notes.add(f"{found.query} was not held to the rules: it {found.message}")
            else:
                what, _, fix = found.message.partition("; ")
                self._add(sources[found.query], Problem("lint", f"{what} [{found.rule}]", fix))

    def check_depth(self, sql: Path) -> None:
        """Find the files in folders that are too deep to be read."""
        for path in sql.rglob("*.sql"):
            if sql not in (path.parent, path.parent.parent):
                fix = f"move it into {shown_path(sql)}, or into a folder directly in it"
                problem = Problem("file", "the file lies too deep and is not read", fix)
                self._place(path, 1, path.parent.name, problem)

    def check_calls(self, sql: Path) -> None:
        """Note the queries that methods run and that are in no checked folder."""
        # A query that could not be read is a finding already.
        unknown = set() if self._has_unread else self._python.calls.keys() - self._names
        for name in unknown:
            methods = ", ".join(sorted({call.method for call in self._python.calls[name]}))
            self.notes.add(
                f"{name}, which {methods} runs, was not checked: not in {shown_path(sql)}"
            )

    def check_python(self) -> None:
        """Find records that no query returns, and methods that run no query."""
        returned = all_structs_in(self._returned)
        for name, record in self._python.records.items():
            reason = unresolved(record)
            if reason is not None:
                fix = "import or define the names in the annotations"
                problem = Problem("record", f"its fields cannot be read: {reason}", fix)
            elif record not in returned and not self._has_unread:
                # A query that could not be read may return it.
                problem = Problem(
                    "unused-record",
                    "no query returns this record",
                    "remove it, or correct its name",
                )
            else:
                continue
            self._place(*definition(record), name, problem)
        if self._python.fault is not None:
            self.findings.add(import_finding(self._python.fault))
        for method in self._python.methods:
            if method.problem is not None:
                problem = method.problem
            elif not method.calls:
                problem = Problem("method", "runs no query", "let it run a query, or remove it")
            else:
                continue
            self._place(method.path, method.line, method.name, problem)

    def write_plans(self, checked: _CheckedFolder) -> None:
        """Write the plans of a folder as the reviewed plans."""
        if any(map(self._queries.lacks_trigrams, checked.sources.values())):
            raise InvalidInput("update_plans", "needs a server with pg_trgm, and 0007 applied")
        plan_files.write(checked.folder, checked.plans)

    def check_plans(self, checked: _CheckedFolder, update: str) -> None:
        """Compare the plans of a folder with the reviewed plans, which *update* writes."""
        write = f"run `{update}`"
        file = checked.folder / plan_files.NAME
        try:
            reviewed = plan_files.read(checked.folder)
        except InvalidFile:
            problem = Problem("plan", "the file is not text in UTF-8", write)
            self._place(file, 1, file.parent.name, problem)
            return
        if reviewed is not None:
            self._compare_plans(file, checked, reviewed, f"{write} and review the difference")
        elif checked.plans:
            problem = Problem("plan", "the plans of this folder were not written", write)
            self._place(file, 1, file.parent.name, problem)

    def _compare_plans(
        self, file: Path, checked: _CheckedFolder, reviewed: Mapping[str, str], fix: str
    ) -> None:
        if self._major != plan_files.MAJOR:
            self.notes.add(
                "the reviewed plans were not compared: they are plans of PostgreSQL "
                f"{plan_files.MAJOR}"
            )
            return
        for title, plan in checked.plans.items():
            source = checked.sources[_query_of(title)]
            # The reviewed plans were made on a server with trigrams.
            if reviewed.get(title) != plan and not self._queries.lacks_trigrams(source):
                problem = Problem("plan", f"the plan is not the one in {shown_path(file)}", fix)
                self._add(source, problem)
        refused = checked.sources.keys() - set(map(_query_of, checked.plans))
        for title in sorted(reviewed.keys() - checked.plans.keys()):
            if _query_of(title) not in refused:
                problem = Problem("plan", "no query has this plan", fix)
                self._place(file, plan_files.line(file.parent, title), title, problem)

    def _add(self, source: Source, problem: Problem) -> None:
        self._place(source.path, source.line, source.name, problem)

    def _place(self, path: Path, line: int, name: str, problem: Problem) -> None:
        self.findings.add(Finding(shown_path(path), line, name, *problem))


def _query_of(title: str) -> str:
    return title.partition(":")[0]
