"""Fetch the server's analysed parse tree of a statement, and read its text into nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from psycopg import Connection, pq
from psycopg.errors import Diagnostic

from ..errors import DatabaseError, VrooliDataError

#: What a field holds: a node, a list, a word, the bytes of a constant, or nothing.
Value: TypeAlias = "Node | list[Value] | str | bytes | None"

#: Trees older than 16 do not say which outer joins pad a column with NULL; newer than 18 are not
#: known. 17 is read by the rules of its neighbours; the tests run on 16 and 18.
_KNOWN_MAJORS = range(16, 19)

#: Strings are escaped so that no space, bracket or brace of theirs ends a word.
_WORD = re.compile(r"[(){}]|(?:\\.|[^\s(){}\\])+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_EMPTY = "<>"

_READ_SETTINGS = b"""
    SELECT
        current_setting('client_min_messages'),
        current_setting('debug_pretty_print'),
        current_setting('debug_print_parse'),
        current_setting('log_min_messages')
"""
# The tree goes to the server's log too, but where the role may keep it out.
_WRITE_SETTINGS = b"""
    SELECT
        set_config('client_min_messages', $1, FALSE),
        set_config('debug_pretty_print', $2, FALSE),
        set_config('debug_print_parse', $3, FALSE),
        CASE
            WHEN has_parameter_privilege('log_min_messages', 'SET')
                THEN set_config('log_min_messages', $4, FALSE)
        END
"""


class NullsNotChecked(VrooliDataError):
    """The server's version does not allow to tell which columns can be NULL."""


class Node:
    """One node of a tree: its tag, and its fields by name."""

    __slots__ = ("fields", "tag")

    def __init__(self, tag: str, fields: dict[str, Value]) -> None:
        self.tag = tag
        self.fields = fields

    def node(self, field: str) -> Node:
        """Return the node that the field holds."""
        found = self.fields[field]
        if not isinstance(found, Node):
            raise TypeError(f"{self.tag}.{field} holds no node")
        return found

    def maybe(self, field: str) -> Node | None:
        """Return the node that the field holds, or None where it is empty."""
        return None if self.fields[field] is None else self.node(field)

    def nodes(self, field: str) -> list[Node]:
        """Return the nodes of a list."""
        return _nodes(self.fields[field])

    def rows(self, field: str) -> list[list[Node]]:
        """Return the lists of nodes of a list."""
        found = self.fields[field]
        return [_nodes(row) for row in found] if isinstance(found, list) else []

    def words(self, field: str) -> list[str]:
        """Return the words of a list."""
        found = self.fields[field]
        return [word for word in found if isinstance(word, str)] if isinstance(found, list) else []

    def number(self, field: str) -> int:
        """Return a number."""
        return int(self._word(field))

    def numbers(self, field: str) -> list[int]:
        """Return the members of a set or list of numbers; its first word names its kind."""
        found = self.fields[field]
        return [int(str(word)) for word in found[1:]] if isinstance(found, list) else []

    def flag(self, field: str) -> bool:
        """Return a truth value."""
        return self._word(field) == "true"

    def text(self, field: str) -> str:
        """Return a name or other word; empty where there is none."""
        return "" if self.fields[field] is None else self._word(field)

    def equals(self, other: Node) -> bool:
        """Tell whether both are the same expression, wherever they stand in the statement."""
        return _bare(self) == _bare(other)

    def _word(self, field: str) -> str:
        found = self.fields[field]
        if not isinstance(found, str):
            raise TypeError(f"{self.tag}.{field} holds no word")
        return found


def parse_tree(connection: Connection[Any], statement: str) -> Node:
    """Return the analysed query of a statement with ``$n`` parameters, without running it.

    Any role may ask. For a scratch database, never for production: the server's log takes the
    tree too, unless the role may set ``log_min_messages``.
    """
    check_version(connection)
    trees: list[str] = []

    def keep(notice: Diagnostic) -> None:
        if (notice.message_primary or "").startswith("parse tree"):
            trees.append(notice.message_detail or "")

    pgconn = connection.pgconn
    with _trees_as_notices(pgconn):
        # Added late and removed early: the statements that change the settings have trees too.
        connection.add_notice_handler(keep)
        try:
            prepared = pgconn.prepare(b"", statement.encode())
        finally:
            connection.remove_notice_handler(keep)
    if prepared.status != pq.ExecStatus.COMMAND_OK:
        raise _refused(prepared)
    return read_tree(trees[0])


def check_version(connection: Connection[Any]) -> None:
    """Raise `NullsNotChecked` unless the server's trees are ones that we can read."""
    major = connection.info.server_version // 10_000
    if major not in _KNOWN_MAJORS:
        raise NullsNotChecked(
            f"which columns can be NULL is not to be told on PostgreSQL {major}: check against "
            f"PostgreSQL {_KNOWN_MAJORS[0]} to {_KNOWN_MAJORS[-1]}, such as the embedded server"
        )


def read_tree(text: str) -> Node:
    """Read a query from its text; the list of one query that a view's rule is will do too."""
    words = iter(_WORD.findall(text))
    value = _value(next(words), words)
    if isinstance(value, list):
        (value,) = value
    if not isinstance(value, Node):
        raise TypeError("the text holds no node")
    return value


def _value(word: str, words: Iterator[str]) -> Value:
    if word == "{":
        return _node(words)
    if word == "(":
        return [_value(member, words) for member in iter(words.__next__, ")")]
    if word == _EMPTY:
        return None
    if word.startswith('"'):
        word = word[1:-1]
    return _ESCAPED.sub(r"\1", word) if "\\" in word else word


def _node(words: Iterator[str]) -> Node:
    node = Node(next(words), {})
    for field in iter(words.__next__, "}"):
        # By position, not by the colon: a column may be called ":expr".
        word = next(words)
        if field == ":constvalue" and word != _EMPTY:
            next(words)  # The opening bracket; the length stands before it.
            node.fields["constvalue"] = bytes(
                int(byte) & 0xFF for byte in iter(words.__next__, "]")
            )
        else:
            node.fields[field[1:]] = _value(word, words)
    return node


def _nodes(value: Value) -> list[Node]:
    if not isinstance(value, list):
        return []
    return [member for member in value if isinstance(member, Node)]


def _bare(value: Value) -> object:
    if isinstance(value, Node):
        return value.tag, {
            field: _bare(held) for field, held in value.fields.items() if field != "location"
        }
    return [_bare(member) for member in value] if isinstance(value, list) else value


@contextmanager
def _trees_as_notices(pgconn: pq.abc.PGconn) -> Iterator[None]:
    found = pgconn.exec_(_READ_SETTINGS)
    if found.status != pq.ExecStatus.TUPLES_OK:
        raise _refused(found)
    before = [found.get_value(0, column) for column in range(found.nfields)]
    pgconn.exec_params(_WRITE_SETTINGS, [b"log", b"off", b"on", b"fatal"])
    try:
        yield
    finally:
        # Fails in a transaction that the statement has aborted: its end restores them.
        pgconn.exec_params(_WRITE_SETTINGS, before)


def _refused(result: pq.abc.PGresult) -> DatabaseError:
    def field(which: pq.DiagnosticField) -> str:
        return (result.error_field(which) or b"").decode(errors="replace")

    sqlstate = field(pq.DiagnosticField.SQLSTATE)
    return DatabaseError(
        f"the statement cannot be prepared: {field(pq.DiagnosticField.MESSAGE_PRIMARY)}",
        sqlstate=sqlstate or None,
    )
