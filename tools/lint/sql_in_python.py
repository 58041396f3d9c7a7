"""SQL in the package's Python: every statement must be in `sql/`, except those listed here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pglast import parse_sql, split
from pglast.ast import CommonTableExpr, FuncCall, RangeVar
from pglast.parser import ParseError

from vrooli_data._lint.statement import Violation
from vrooli_data._lint.tree import is_a, name_of, walk

#: Transactions and settings of the session; such a text is allowed anywhere.
_SESSION: Final = frozenset(
    {"BEGIN", "COMMIT", "DEALLOCATE", "RELEASE", "RESET", "ROLLBACK", "SAVEPOINT", "SET", "SHOW"}
)
#: A query of the system's catalogue, or of the state of the server.
CATALOG: Final = "catalogue"

_ALLOWED: Final = {
    # Told to a person, and never run.
    "_refusals.py": "SELECT",
    "_seed/__init__.py": "VACUUM",
    # The session: as whom, on which server, in which schemas it runs, and how it is put back.
    "_async/outcome.py": "catalogue",
    "_connect.py": "CLOSE DISCARD UNLISTEN catalogue",
    "_listening.py": "LISTEN",
    "_search_path.py": "catalogue",
    "_transactions.py": "catalogue",
    # Migrations: look-ups, the extension, and the ledger, which is there before any query of sql/.
    "_ledger.py": "CREATE DELETE INSERT SELECT catalogue",
    "_migrate.py": "CREATE catalogue",
    "_migration_session.py": "catalogue",
    "_wait_limit.py": "catalogue",
    # The check and drift: look-ups, plans of given statements, the database that is filled to have
    # plans, the highest value of each key, and advice.
    "_contract/analysis/parse_tree.py": "catalogue",
    "_contract/analysis/system_catalog.py": "catalogue",
    "_contract/catalog.py": "catalogue",
    "_contract/drift.py": "REINDEX SELECT catalogue",
    "_contract/literals.py": "catalogue",
    "_contract/plans.py": "EXECUTE EXPLAIN PREPARE catalogue",
    "_contract/scratch.py": "CREATE DROP INSERT VACUUM",
    # Staging tables that the check has made are dropped by it.
    "_contract/staging.py": "DROP catalogue",
    "_lint/schema.py": "catalogue",
    # Plans of given statements, for a person.
    "_explain/running.py": "EXECUTE EXPLAIN PREPARE",
    "cli/_demo/_measure.py": "EXPLAIN",
    # The embedded server, which holds any databases.
    "embedded/_server.py": "catalogue",
    # To become queries of sql/: what the demo looks for.
    "cli/_demo/_subjects.py": "SELECT",
}
#: The commands that are allowed in each file.
ALLOWED: Final = {file: frozenset(commands.split()) for file, commands in _ALLOWED.items()}

_COMMANDS: Final = (
    "ALTER|ANALYZE|BEGIN|CALL|CLOSE|CLUSTER|COMMENT ON|COMMIT|COPY|CREATE|DEALLOCATE|DECLARE"
    "|DELETE FROM|DISCARD|DO|DROP|EXECUTE|EXPLAIN|FETCH|GRANT|INSERT INTO|LISTEN|LOCK|MERGE INTO"
    "|NOTIFY|PREPARE|REFRESH|REINDEX|RELEASE|RESET|REVOKE|ROLLBACK|SAVEPOINT|SELECT|SET|SHOW"
    "|START TRANSACTION|TRUNCATE|UNLISTEN|UPDATE|VACUUM|VALUES|WITH"
)
_COMMENTS: Final = r"[\s;]*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*"
_LOUD: Final = re.compile(rf"{_COMMENTS}({_COMMANDS})(?=\s+\S|\s*\(|\s*;|\Z)", re.DOTALL)
_QUIET: Final = re.compile(_LOUD.pattern, re.DOTALL | re.IGNORECASE)
#: Where a driver, or `str.format`, puts a value or a name.
_HOLE: Final = re.compile(r"%\(\w+\)s|%s|\{\w*\}")


def check_python(package: Path) -> Iterator[Violation]:
    """Find the SQL of a package that is not listed, and entries of the list without SQL."""
    unused = {(file, command) for file, commands in ALLOWED.items() for command in commands}
    for path in sorted(package.rglob("*.py")):
        file = path.relative_to(package).as_posix()
        if file.startswith("_sync/"):
            continue
        for line, command in statements(path.read_text(encoding="utf-8")):
            unused.discard((file, command))
            if command not in ALLOWED.get(file, ()):
                yield Violation(
                    path,
                    line,
                    file,
                    "sql_in_python",
                    f"holds SQL ({command}); make it a query of sql/, or list it in "
                    "tools/lint/sql_in_python.py with the reason",
                )
    for file, command in sorted(unused):
        yield Violation(
            package / file,
            1,
            file,
            "sql_in_python",
            f"no longer holds SQL ({command}); take it out of tools/lint/sql_in_python.py",
        )


def statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and command of each SQL text in Python that is not allowed anywhere."""
    for line, string in _strings(ast.parse(text)):
        for command in sorted(_commands(string) - _SESSION):
            yield line, command


def _strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the strings of a module, its docstrings left out; of an f-string the whole."""
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            parts = [part for part in node.values if isinstance(part, ast.Constant)]
            inside.update(map(id, parts))
            yield (
                node.lineno,
                "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "{}"
                    for part in node.values
                ),
            )
        elif isinstance(node, ast.Constant) and id(node) not in inside:
            if isinstance(node.value, str):
                yield node.lineno, node.value
            elif isinstance(node.value, bytes):
                yield node.lineno, node.value.decode("utf-8", "replace")


def _commands(string: str) -> set[str]:
    """Return the commands of a SQL text; none where it is something else."""
    begin = _QUIET.match(string)
    if begin is None or string.strip() == begin[1]:
        # One word is a name as well.
        return set()
    text = _HOLE.sub("hole", string)
    try:
        statements = split(text)
    except ParseError:
        # Written as SQL is, it is a part of some; else a sentence that begins with such a word.
        return {_word(begin)} if _LOUD.match(string) else set()
    return {_command(statement) for statement in statements}


def _word(begin: re.Match[str]) -> str:
    return begin[1].upper().partition(" ")[0]


def _command(statement: str) -> str:
    """Return the first word of a statement, or what says that it only asks the system."""
    begin = _QUIET.match(statement)
    word = _word(begin) if begin else statement.split(maxsplit=1)[0].upper()
    if word not in {"SELECT", "WITH"}:
        return word
    nodes = [node for tree in parse_sql(statement) for node in walk(tree.stmt)]
    ctes = {node.ctename for node in nodes if is_a(node, CommonTableExpr)}
    tables = {node.relname for node in nodes if is_a(node, RangeVar)} - ctes
    called = {name_of(node) for node in nodes if is_a(node, FuncCall)}
    if not tables and called and called <= {"set_config", "current_setting"}:
        return "SET"
    return CATALOG if all(table.startswith("pg_") for table in tables) else word
