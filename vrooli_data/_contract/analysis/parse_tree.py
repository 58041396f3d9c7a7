"""Fetch the analysed parse tree of a statement from the server, and read its text into nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from psycopg import Connection, pq
from psycopg.errors import Diagnostic

from ...errors import DatabaseError, VrooliDataError

#: What a field holds: a node, a list, a word, the bytes of a constant, or nothing.
Value: TypeAlias = "TreeNode | list[Value] | str | bytes | None"

#: Trees before 16 do not show which outer joins pad a column with NULL. Trees after 18 were not
#: examined yet.
_KNOWN_MAJORS = range(16, 19)

#: The server escapes strings, so no space, bracket or brace inside a string ends a word.
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
# The server also writes the tree to its log, unless the role may raise log_min_messages.
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


class UnsupportedServer(VrooliDataError):
    """The parse trees of this server version cannot be read."""


class TreeNode:
    """One node of a tree: a tag, and fields by name."""

    __slots__ = ("fields", "tag")

    def __init__(self, tag: str, fields: dict[str, Value]) -> None:
        self.tag = tag
        self.fields = fields

    def node(self, field: str) -> TreeNode:
        """Return the node in a field."""
        found = self.fields[field]
        if not isinstance(found, TreeNode):
            raise TypeError(f"{self.tag}.{field} holds no node")
        return found

    def maybe(self, field: str) -> TreeNode | None:
        """Return the node in a field, or None for an empty field."""
        return None if self.fields[field] is None else self.node(field)

    def nodes(self, field: str) -> list[TreeNode]:
        """Return the nodes in a list."""
        return _nodes(self.fields[field])

    def rows(self, field: str) -> list[list[TreeNode]]:
        """Return the lists of nodes in a list."""
        found = self.fields[field]
        return [_nodes(row) for row in found] if isinstance(found, list) else []

    def words(self, field: str) -> list[str]:
        """Return the words in a list."""
        found = self.fields[field]
        return [word for word in found if isinstance(word, str)] if isinstance(found, list) else []

    def number(self, field: str) -> int:
        """Return a number."""
        return int(self._word(field))

    def numbers(self, field: str) -> list[int]:
        """Return the members of a set or list of numbers; the first word names its kind."""
        found = self.fields[field]
        return [int(str(word)) for word in found[1:]] if isinstance(found, list) else []

    def flag(self, field: str) -> bool:
        """Return a truth value."""
        return self._word(field) == "true"

    def text(self, field: str) -> str:
        """Return a name or another word; an empty field is the empty text."""
        return "" if self.fields[field] is None else self._word(field)

    def equals(self, other: TreeNode) -> bool:
        """Return whether both are the same expression, at any position in the statement."""
        return _bare(self) == _bare(other)

    def _word(self, field: str) -> str:
        found = self.fields[field]
        if not isinstance(found, str):
            raise TypeError(f"{self.tag}.{field} holds no word")
        return found


def fetch_tree(connection: Connection[Any], statement: str) -> TreeNode:
    """Return the analysed query of a statement with ``$n`` parameters.

    The statement is prepared and never run. Every role may do this. The server writes the tree to
    its log unless the role may set ``log_min_messages``, so a production server is not asked.
    """
    check_version(connection)
    trees: list[str] = []

    def keep(notice: Diagnostic) -> None:
        if (notice.message_primary or "").startswith("parse tree"):
            trees.append(notice.message_detail or "")

    pgconn = connection.pgconn
    with _trees_as_notices(pgconn):
        # The handler is added after the settings: the statements that set them have trees too.
        connection.add_notice_handler(keep)
        try:
            prepared = pgconn.prepare(b"", statement.encode())
        finally:
            connection.remove_notice_handler(keep)
    if prepared.status != pq.ExecStatus.COMMAND_OK:
        raise _refused(prepared)
    return read_tree(trees[0])


def check_version(connection: Connection[Any]) -> None:
    """Raise `UnsupportedServer` unless the parse trees of the server can be read."""
    major = connection.info.server_version // 10_000
    if major not in _KNOWN_MAJORS:
        raise UnsupportedServer(
            f"the parse trees of PostgreSQL {major} cannot be read; check on PostgreSQL "
            f"{_KNOWN_MAJORS[0]} to {_KNOWN_MAJORS[-1]}, such as the embedded server"
        )


def read_tree(text: str) -> TreeNode:
    """Read a query from its text. The rule of a view is a list of one query, and is read too."""
    words = iter(_WORD.findall(text))
    value = _value(next(words), words)
    if isinstance(value, list):
        (value,) = value
    if not isinstance(value, TreeNode):
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


def _node(words: Iterator[str]) -> TreeNode:
    node = TreeNode(next(words), {})
    for field in iter(words.__next__, "}"):
        # A field is found by its position, not by the colon: a column may be called ":expr".
        word = next(words)
        if field == ":constvalue" and word != _EMPTY:
            next(words)  # The opening bracket; the length came before it.
            node.fields["constvalue"] = bytes(
                int(byte) & 0xFF for byte in iter(words.__next__, "]")
            )
        else:
            node.fields[field[1:]] = _value(word, words)
    return node


def _nodes(value: Value) -> list[TreeNode]:
    if not isinstance(value, list):
        return []
    return [member for member in value if isinstance(member, TreeNode)]


def _bare(value: Value) -> object:
    if isinstance(value, TreeNode):
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
        # In an aborted transaction this fails, and the rollback restores the settings.
        pgconn.exec_params(_WRITE_SETTINGS, before)


def _refused(result: pq.abc.PGresult) -> DatabaseError:
    def field(which: pq.DiagnosticField) -> str:
        return (result.error_field(which) or b"").decode(errors="replace")

    sqlstate = field(pq.DiagnosticField.SQLSTATE)
    return DatabaseError(
        f"the statement cannot be prepared: {field(pq.DiagnosticField.MESSAGE_PRIMARY)}",
        sqlstate=sqlstate or None,
    )
