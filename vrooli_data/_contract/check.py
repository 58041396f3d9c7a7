"""Check a folder of queries, with the records and methods that belong to it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from psycopg import Connection

from .._queries import Source, read_folder
from .._search_path import SearchPath
from ..errors import InvalidFile, InvalidInput, MissingExtra
from . import plan_files
from .findings import Finding, Report, place
from .modules import definition, queries_outside_repositories, records_of
from .problems import Problem
from .query_check import Code, QueryChecker
from .recording import Call, record_methods
from .scratch import checked_session
from .value_types import structs_within, unresolved

_UPDATE = "look at the difference that `vrooli-data check --update-plans` makes"
_WRITE = "write it with `vrooli-data check --update-plans`"


class _Checked(NamedTuple):
    """One folder after its check."""

    folder: Path
    sources: Mapping[str, Source]
    #: By title.
    plans: dict[str, str]


def check(
    conninfo: str | None,
    sql: Path,
    records: ModuleType,
    repositories: Sequence[ModuleType] = (),
    *,
    schema: str | None = None,
    search_path: Sequence[str] = (),
    update_plans: bool = False,
    require_plans: bool = False,
    is_live: bool = False,
) -> Report:
    """Check the queries of a folder against a migrated database; no query is run.

    Plans say something where the tables hold 1 000 rows or more and were analysed.

    Args:
        conninfo: a libpq connection string or URL; ``DATABASE_URL`` when it is None.
        sql: a folder of ``.sql`` files, or of such folders.
        records: the module, or package of modules, that defines the records.
        repositories: the modules that run the queries; without them, methods are not checked.
        schema: where the queries' tables are; None is the first schema that exists in the
            search_path of the role.
        search_path: more schemas in which names are looked up, behind that one.
        update_plans: write the reviewed plans, instead of comparing with them.
        require_plans: let a folder without reviewed plans be a finding.
        is_live: the database is in use: plans are those of its own settings and rows, and are not
            compared with the reviewed ones; what would write to the server's log is left out, and
            so are the rules, which are about the text alone.
    """
    started = time.perf_counter()
    rules = None if is_live else _rules()
    folders = _folders(sql)
    code = _code(records, repositories)
    path = SearchPath.of(schema, search_path)
    with checked_session(conninfo, path) as connection:
        if update_plans:
            _require_major(connection)
        checker = _FolderChecker(connection, code, rules, is_live=is_live)
        for folder in folders:
            checked = checker.check(folder)
            if update_plans:
                checker.write_plans(checked)
            elif not is_live:
                checker.check_plans(checked, are_required=require_plans)
        checker.check_depth(sql)
        checker.check_code()
    return Report(
        sorted(checker.findings),
        sorted(checker.notes),
        checker.count,
        time.perf_counter() - started,
    )


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


def _folders(sql: Path) -> list[Path]:
    folders = [sql, *sorted(path for path in sql.iterdir() if path.is_dir())]
    if not any(sql.rglob("*.sql")):
        raise InvalidInput("sql", f"{place(sql)} holds no .sql file")
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
    def __init__(
        self, connection: Connection[Any], code: Code, rules: ModuleType | None, *, is_live: bool
    ) -> None:
        self.findings: set[Finding] = set()
        self.count = 0
        self._code = code
        self._queries = QueryChecker(connection, code, is_live=is_live)
        self.notes = self._queries.notes
        self._used: list[Any] = []
        self._unread = False
        self._rules = rules
        self._schema = None if rules is None else rules.read_catalog(connection)
        self._major = connection.info.server_version // 10_000

    def check(self, folder: Path) -> _Checked:
        """Check each query of one folder, and return the plans by title."""
        # As the files are now, whatever was loaded before.
        sources, unreadable = read_folder(folder)
        for found in unreadable:
            self._unread = True
            problem = Problem("file", found.problem, "correct the file")
            self._place(found.path, found.line, found.name, problem)
        plans: dict[str, str] = {}
        for source in sources.values():
            self.count += 1
            outcome = self._queries.check(source)
            self._used.append(outcome.record)
            plans |= outcome.plans
            for problem in outcome.problems:
                self._add(source, problem)
        if self._rules is not None:
            self._lint(sources, self._rules)
        return _Checked(folder, sources, plans)

    def _lint(self, sources: Mapping[str, Source], rules: ModuleType) -> None:
        for found in rules.lint(sources.values(), self._schema, rules.RULES):
            if found.rule == rules.UNREAD:
                self.notes.add(f"{found.query} was not held to the rules: it {found.message}")
            else:
                what, _, mend = found.message.partition("; ")
                self._add(sources[found.query], Problem("lint", f"{what} [{found.rule}]", mend))

    def check_depth(self, sql: Path) -> None:
        """Find the files that lie in no folder that is read."""
        for path in sql.rglob("*.sql"):
            if sql not in (path.parent, path.parent.parent):
                mend = f"move it into {place(sql)}, or a folder directly in it"
                problem = Problem("file", "it lies too deep, and is not read", mend)
                self._place(path, 1, path.parent.name, problem)

    def check_code(self) -> None:
        """Find records that no query returns, and methods that run no query."""
        used = structs_within(self._used)
        for name, record in self._code.records.items():
            reason = unresolved(record)
            if reason is not None:
                mend = "import or define what they name"
                problem = Problem("record", f"its fields cannot be read: {reason}", mend)
            elif record not in used and not self._unread:
                # What a file returns that could not be read is not known.
                problem = Problem(
                    "unused-record", "no query returns this record", "drop it, or its name is wrong"
                )
            else:
                continue
            self._place(*definition(record), name, problem)
        for method in self._code.methods:
            if method.problem is not None:
                problem = Problem("method", f"cannot be called: it {method.problem}", "mend it")
            elif not method.calls:
                problem = Problem("method", "runs no query", "let it run one, or drop it")
            else:
                continue
            self._place(method.path, method.line, method.name, problem)

    def write_plans(self, checked: _Checked) -> None:
        """Keep the plans of a folder as the reviewed ones."""
        if any(map(self._queries.lacks_trigrams, checked.sources.values())):
            raise InvalidInput("update_plans", "needs a server with pg_trgm, and 0007 applied")
        plan_files.write(checked.folder, checked.plans)

    def check_plans(self, checked: _Checked, *, are_required: bool) -> None:
        """Compare the plans of a folder with the reviewed ones."""
        file = checked.folder / plan_files.NAME
        try:
            reviewed = plan_files.read(checked.folder)
        except InvalidFile:
            problem = Problem("plan", "it cannot be read as text in UTF-8", _WRITE)
            self._place(file, 1, file.parent.name, problem)
            return
        if reviewed is not None:
            self._compare_plans(file, checked, reviewed)
        elif are_required and checked.plans:
            problem = Problem("plan", "the plans of this folder are not kept", _WRITE)
            self._place(file, 1, file.parent.name, problem)

    def _compare_plans(self, file: Path, checked: _Checked, reviewed: Mapping[str, str]) -> None:
        if self._major != plan_files.MAJOR:
            self.notes.add(
                "the reviewed plans were not compared: they are those of PostgreSQL "
                f"{plan_files.MAJOR}"
            )
            return
        for title, plan in checked.plans.items():
            source = checked.sources[_query_of(title)]
            # The reviewed plans are those of a server with trigrams.
            if reviewed.get(title) != plan and not self._queries.lacks_trigrams(source):
                problem = Problem("plan", f"the plan is not the one in {place(file)}", _UPDATE)
                self._add(source, problem)
        refused = checked.sources.keys() - set(map(_query_of, checked.plans))
        for title in sorted(reviewed.keys() - checked.plans.keys()):
            if _query_of(title) not in refused:
                problem = Problem("plan", "no query has this plan", _UPDATE)
                self._place(file, plan_files.line(file.parent, title), title, problem)

    def _add(self, source: Source, problem: Problem) -> None:
        self._place(source.path, source.line, source.name, problem)

    def _place(self, path: Path, line: int, name: str, problem: Problem) -> None:
        self.findings.add(Finding(place(path), line, name, *problem))


def _query_of(title: str) -> str:
    return title.partition(":")[0]
