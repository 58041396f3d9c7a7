"""One call in a transaction of its own making, and all that came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from psycopg import Connection, sql

from tests.contents import contents
from tests.factories import Factory
from tests.introspection import Argument, required_arguments
from vrooli_data import (
    AsyncTransaction,
    CreateBookmark,
    CreateResource,
    CreateResourceWithVersion,
    CreateRun,
    CreateTranslation,
    CreateUser,
    CreateVersion,
    InvalidInput,
    VrooliDataError,
)

from ._compat import finished

#: What a method is given instead of the first thing that its annotations allow: all ids are 1.
OTHER: dict[tuple[str, str], dict[str, Any]] = {
    # The first user is a member already.
    ("members", "add"): {"user_id": 2},
    # A status that a scheduled run can have next, and that the time elapsed goes with.
    ("runs", "update_status"): {"status": "Cancelled"},
    ("runs", "update_status_with_event"): {"status": "Cancelled"},
    ("counters", "add_views"): {"views": {"a" * 12: 1}},
    # Without rows, nothing is sent.
    ("bookmarks", "bulk_create"): {"bookmarks": [CreateBookmark(user_id=1, resource_id=1)]},
    ("runs", "bulk_create"): {"runs": [CreateRun(user_id=1, name="Run")]},
    ("users", "bulk_create"): {"users": [CreateUser(name="Ada")]},
    ("resources", "bulk_create"): {"resources": [CreateResource(resource_type="Note")]},
    ("resources", "bulk_create_with_version"): {
        "resources": [
            CreateResourceWithVersion(
                resource=CreateResource(resource_type="Note"),
                version=CreateVersion(version_label="1.0"),
                translation=CreateTranslation(language="en", name="Note"),
            )
        ]
    },
}


class Outcome(NamedTuple):
    """What a call did."""

    #: The name of the error; None when it returned.
    error: str | None
    result: Any
    #: The tables and how many rows each holds, and that of each row which is new or changed.
    found: list[tuple[Any, Any]]

    def like(self, same: Callable[[str], bool]) -> str:
        """Return the outcome without what differs from call to call, but for certain texts."""
        found = sorted(json.dumps([what, _outline(row, same)]) for what, row in self.found)
        return json.dumps([self.error, _outline(self.result, same), found])


class Probe:
    """Calls methods on a small world, of which each call finds the same."""

    def __init__(self, tx: AsyncTransaction, tables: list[str], hashes: list[int]) -> None:
        self._tx = tx
        self._hashes = hashes
        changed = (
            sql.SQL(
                "SELECT to_jsonb({name}::text), to_jsonb(rows) FROM {table} AS rows "
                "WHERE hashtextextended(rows::text, 0) <> ALL (%(hashes)s) "
                "UNION ALL SELECT jsonb_build_array({name}::text, count(*)), NULL FROM {table}"
            ).format(name=sql.Literal(table), table=sql.Identifier(table))
            for table in tables
        )
        state = sql.SQL(
            "SELECT jsonb_build_array(current_user, current_setting('search_path'), "
            "(SELECT max(oid)::bigint FROM pg_class), (SELECT max(oid)::bigint FROM pg_proc)), NULL"
        )
        # Written out once, so that it is prepared after some calls.
        self._changes = sql.SQL(" UNION ALL ").join([*changed, state]).as_bytes()

    async def call(self, argument: Argument, value: Any) -> Outcome:
        """Call a method, look what it did, and undo it."""
        repository, method, name, _ = argument
        arguments = required_arguments(repository, method)
        arguments |= OTHER.get((repository, method), {}) | {name: value}
        connection = self._tx.connection
        error, result = None, None
        await connection.execute("SAVEPOINT before")
        try:
            result = await finished(getattr(getattr(self._tx, repository), method)(**arguments))
        except InvalidInput as refused:
            # Nothing was sent, so that there is nothing to look at.
            await connection.execute("RELEASE before")
            return Outcome(type(refused).__name__, None, [])
        except VrooliDataError as raised:
            error = type(raised).__name__
            # The server does nothing more until then.
            await connection.execute("ROLLBACK TO before")
        cursor = await connection.execute(self._changes, {"hashes": self._hashes})
        found = await cursor.fetchall()
        await connection.execute("ROLLBACK TO before; RELEASE before")
        return Outcome(error, msgspec.to_builtins(result), found)


def make_world(make: Factory) -> tuple[list[str], list[int]]:
    """Make one row of everything, with the id 1; return the tables, and the hash of each row."""
    one = {"public_id": "a" * 12}
    make.user(**one)
    make.user()
    make.team(**one)
    make.member(1, 1)
    make.resource(**one)
    make.version(1, **one)
    make.translation(1)
    make.run(1, **one)
    make.chat(**one)
    make.participant(1, 1)
    make.bookmark(1, 1)
    make.event(1)
    make.request(1)
    tables = list(contents(make.connection))
    return tables, [each for table in tables for each in _hashes(make.connection, table)]


def _hashes(connection: Connection[Any], table: str) -> list[int]:
    statement = sql.SQL("SELECT hashtextextended(rows::text, 0) FROM {} AS rows")
    return [each for (each,) in connection.execute(statement.format(sql.Identifier(table)))]


def leaves(value: Any) -> list[Any]:
    """Return all values in JSON that hold no others, and all keys."""
    if isinstance(value, dict):
        return [leaf for pair in value.items() for part in pair for leaf in leaves(part)]
    if isinstance(value, list):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


def _outline(value: Any, same: Callable[[str], bool]) -> Any:
    """Return the shape of a value: types, except for the texts that are to be the same."""
    if isinstance(value, dict):
        return {
            "THE TEXT" if same(key) else key: _outline(part, same) for key, part in value.items()
        }
    if isinstance(value, list):
        return [_outline(part, same) for part in value]
    if isinstance(value, str):
        return "THE TEXT" if same(value) else "a text"
    return value if value is None or isinstance(value, bool) else type(value).__name__
