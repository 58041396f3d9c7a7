"""Example values for the parameters of queries, taken from rows of the database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader

from .. import _async
from .._classify import translate
from .._connect import ASK_ROLE
from .._contract.findings import shown_path
from .._contract.header import plan_line
from .._contract.modules import find_repositories
from .._contract.recording import record_methods
from .._own_session import scalar
from .._queries import Source, sql_folder
from .._refusals import Command
from ..errors import DatabaseError, InvalidFile, NotFound
from .choice import all_queries

_FOLDER = Path(__file__).with_name("examples")
_ANY_QUERY = "any_query"
#: A parameter takes the value of the column that it is compared with.
_PREFIXES = ("after_", "before_", "expected_")
_NAME_LINE = re.compile(r"^-- name: ([a-z_]\w*)\(\)\^[ \t]*$", re.MULTILINE)
_QUOTED = re.compile(r"'(.*)'", re.DOTALL)


class ExampleQueries(NamedTuple):
    """Queries whose rows give example values."""

    #: By name.
    statements: Mapping[str, str] = {}
    #: By query of the layer: values in the order of its parameters, for parameters without an
    #: example.
    passed: Mapping[str, Sequence[Any]] = {}
    #: What to do when an example returns no row.
    remedy: str = ""


class ExampleValues:
    """Values for the parameters of queries. The same rows give the same values."""

    def __init__(self, connection: Connection[Any], examples: ExampleQueries) -> None:
        self._connection = connection
        self._role = scalar(connection, ASK_ROLE)
        self._statements, self._passed, self._remedy = examples
        self._rows: dict[str, Mapping[str, Any]] = {}

    def values(self, source: Source) -> dict[str, Any]:
        """Return the values by parameter, without the parameters for which there is no example.

        Raises:
            NotFound: the example query of this query returns no row.
        """
        if not source.parameters:
            return {}
        row = self._row(source)
        passed = dict(zip(source.parameters, self._passed.get(source.name, ()), strict=False))
        # The values of the Plan line take precedence over the recorded ones.
        planned = next(iter(plan_line(source).values()), {})
        found = {**passed, **{name: _literal(text) for name, text in planned.items()}}
        for name in source.parameters:
            for column in (name, *(name.removeprefix(prefix) for prefix in _PREFIXES)):
                if column in row:
                    found[name] = row[column]
                    break
        return {name: found[name] for name in source.parameters if name in found}

    def _row(self, source: Source) -> dict[str, Any]:
        folder, own = _names(source)
        name = own if own in self._statements else folder
        return {**self._fetch(_ANY_QUERY, source), **self._fetch(name, source)}

    def _fetch(self, name: str, source: Source) -> Mapping[str, Any]:
        if name not in self._statements:
            return {}
        if name not in self._rows:
            found = self._execute(name)
            if found is None:
                raise NotFound(
                    f"{source.name}: the example {name} returns no row; {self._remedy}",
                    query=source.name,
                )
            self._rows[name] = found
        return self._rows[name]

    def _execute(self, name: str) -> Mapping[str, Any] | None:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            # JSON is passed to parameters as text.
            for kind in ("json", "jsonb"):
                cursor.adapters.register_loader(kind, TextLoader)
            try:
                return cursor.execute(self._statements[name].encode()).fetchone()
            except psycopg.Error as error:
                raise _problem_of_example(error, name) or translate(
                    error,
                    f"the example {name}",
                    self._connection.closed,
                    source=Command(self._statements[name], None),
                    role=self._role,
                ) from None


def package_examples() -> ExampleQueries:
    """Return the examples of the package's queries."""
    sources = all_queries(sql_folder()).values()
    passed = {
        call.query: call.parameters
        for method in record_methods(find_repositories([_async.__name__]).classes)
        for call in method.calls
    }
    examples = read_examples(_FOLDER, sources)
    return ExampleQueries(examples.statements, passed, "`vrooli-data seed` fills an empty database")


def read_examples(folder: Path, sources: Iterable[Source]) -> ExampleQueries:
    """Read the example queries of a folder. Each must belong to a query of *sources*."""
    allowed = {_ANY_QUERY, *(name for source in sources for name in _names(source))}
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            raise InvalidFile(f"{shown_path(path)}: the file is not readable as UTF-8") from None
        _, *parts = _NAME_LINE.split(text)
        if not parts:
            raise InvalidFile(
                f"{shown_path(path)}: the file has no query: add a line `-- name: name()^`"
            )
        for name, statement in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise InvalidFile(f"{shown_path(path)}: the example {name} is defined twice")
            if name not in allowed:
                raise InvalidFile(
                    f"{shown_path(path)}: the example {name} belongs to no query; name it "
                    f"folder, folder__query or {_ANY_QUERY}"
                )
            found[name] = statement.strip().removesuffix(";")
    if not found:
        raise InvalidFile(f"{shown_path(folder)} contains no .sql file")
    return ExampleQueries(found, remedy="add rows, or change the example")


def _names(source: Source) -> tuple[str, str]:
    """Return the names of the examples of a query: that of its folder, and its own."""
    folder, _, query = source.name.partition(".")
    folder = re.sub(r"\W", "_", folder)
    return folder, f"{folder}__{query.partition('__')[0]}"


def _problem_of_example(error: psycopg.Error, name: str) -> DatabaseError | None:
    """Return the error of an example that does not fit the tables."""
    is_refused = isinstance(error, psycopg.errors.InsufficientPrivilege)
    if (
        isinstance(error, psycopg.ProgrammingError)
        and not is_refused
        and error.diag.message_primary
    ):
        # Such a message names columns and tables, not values.
        return DatabaseError(f"the example {name}: {error.diag.message_primary}")
    return None


def _literal(text: str) -> str | None:
    """Return the value of a literal of a Plan line, as text; the server knows its type."""
    if quoted := _QUOTED.fullmatch(text):
        return quoted[1].replace("''", "'")
    return None if text.upper() == "NULL" else text
