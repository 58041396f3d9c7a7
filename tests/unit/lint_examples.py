"""Queries to lint, written as files are."""

from __future__ import annotations

import re
from pathlib import Path

from tools.lint import RULES, lint_queries, schema_of
from vrooli_data import _lint
from vrooli_data._lint.statement import Violation
from vrooli_data._migrations import FOLDER

SCHEMA = schema_of(FOLDER)
ALL_RULES = {**_lint.RULES, **RULES}


def query(
    sql: str,
    *,
    name: str = "find",
    suffix: str = "^",
    locks: str = "none",
    excuse: str = "",
) -> str:
    """Return a query with its name line and header."""
    parameters = ", ".join(dict.fromkeys(re.findall(r"(?<![:\w]):([a-z]\w*)", sql)))
    begin, _, rest = sql.partition("\n")
    lines = [
        f"-- name: {name}({parameters}){suffix}",
        "-- Do something.",
        "-- Record: User",
        "-- Index:  users_pkey",
        f"-- Locks:  {locks}",
        begin,
        *([f"-- lint: {excuse}"] if excuse else []),
        *([rest] if rest else []),
    ]
    return "\n".join(lines) + ";\n"


def findings(folder: Path, *queries: str) -> list[Violation]:
    """Lint a file of queries against the schema as it is."""
    path = folder / "sql" / "users" / "read.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(queries), encoding="utf-8")
    return lint_queries(folder / "sql", SCHEMA, ALL_RULES)


def broken(folder: Path, *queries: str) -> set[str]:
    """Return the rules that a file of queries breaks."""
    return {finding.rule for finding in findings(folder, *queries)}
