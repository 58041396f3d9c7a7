"""Write a new field of a record into every list of columns of the queries that return it.

    python -m tools.columns                                      the package's own queries
    python -m tools.columns --sql sql --records shop_records     those of any folder
    python -m tools.columns --check                              only report what is missing

The records are the truth: which fields there are, and in which order. A field goes behind the one
before it, into SELECT and RETURNING and into json_build_object, and into the CTE or sub-select that
it comes from. It comes from where the other fields of its class come from; where these come from
several places, or are computed, it is left to you, with file and line. A CTE that becomes JSON as a
whole, as the rows of change events do, gets the fields of the record of the same file that it
otherwise holds. Nothing else is changed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

import msgspec
from pglast import ast, parse_sql
from pglast.keywords import RESERVED_KEYWORDS
from pglast.parser import Token, scan

from vrooli_data import InvalidFile
from vrooli_data._contract.header import HeaderError, record_line, record_type
from vrooli_data._contract.modules import records_of
from vrooli_data._lint.tree import (
    STATEMENTS,
    Level,
    Node,
    Relation,
    children,
    is_a,
    name_of,
    outputs,
    qualifier_of,
    read,
)
from vrooli_data._queries import COPIED_OUT, Source, sql_folder
from vrooli_data._query_files import Unreadable, read_file
from vrooli_data._rows import record_fields
from vrooli_data._sql_text import pieces

_OBJECTS = frozenset({"json_build_object", "jsonb_build_object"})
_WHOLE_ROWS = frozenset({"json_agg", "jsonb_agg", "row_to_json", "to_json", "to_jsonb"})
#: What ends the last column of a list, where no parenthesis does.
_ENDS = frozenset(
    {"EXCEPT", "FETCH", "FOR", "FROM", "GROUP_P", "HAVING", "INTERSECT", "INTO", "LIMIT", "OFFSET"}
    | {"ORDER", "UNION", "WHERE", "WINDOW", "ASCII_59"}
)
_OPEN, _CLOSE = frozenset({"ASCII_40", "ASCII_91"}), frozenset({"ASCII_41", "ASCII_93"})
_COMMA = "ASCII_44"


class Item(NamedTuple):
    """One column of a list, or one key and value of json_build_object."""

    start: int
    end: int
    name: str
    value: Node


@dataclass
class Columns:
    """One list of columns, and its place in the text."""

    level: Level
    items: list[Item]
    is_json: bool = False

    @property
    def start(self) -> int:
        """Where it begins."""
        return self.items[0].start if self.items else 0

    @property
    def has_star(self) -> bool:
        """Whether it holds whatever columns there are."""
        return any(
            is_a(item.value, ast.ColumnRef) and is_a(item.value.fields[-1], ast.A_Star)
            for item in self.items
        )

    def find(self, name: str) -> Item | None:
        """Return the column of a name."""
        return next((item for item in self.items if item.name == name), None)


class Writer:
    """What one query lacks of the record that it returns."""

    def __init__(self, source: Source) -> None:
        self.source = source
        #: What is missing and cannot be written, by where its list begins.
        self.refusals: list[tuple[int, str]] = []
        #: New columns by where the column begins that they follow, or else that follows them.
        self._appended: dict[int, tuple[Item, list[str]]] = {}
        self._prepended: dict[int, tuple[Item, list[str]]] = {}
        self._seen: set[tuple[int, str]] = set()
        # Any number serves, because only the places of the nodes are read.
        self._sql = "".join(
            "$1".ljust(len(piece.text)) if piece.kind == "parameter" else piece.text
            for piece in pieces(source.written)
        )
        if streamed := COPIED_OUT.fullmatch(self._sql):
            # Only the query, at its own place.
            self._sql = streamed["query"].rjust(streamed.end("query"))
        self._tokens: list[Token] = scan(self._sql)

    def fill(self, record: Any) -> None:
        """Write the missing columns into the result, and into the queries that it reads."""
        (statement,) = parse_sql(self._sql)
        self._fill_level(read(statement.stmt), record)

    def fill_whole_rows(self, records: Sequence[Any]) -> None:
        """Write the missing columns into the CTEs that become JSON as a whole.

        Such a CTE holds most fields of one of the records, and no other column than whole rows.
        """
        (statement,) = parse_sql(self._sql)
        for level in read(statement.stmt):
            for node in level.nodes:
                if (
                    is_a(node, ast.FuncCall)
                    and name_of(node) in _WHOLE_ROWS
                    and _is_row(level, node)
                ):
                    query = level.relations[name_of(node.args[0])].query
                    record = _record_of(query, records) if query is not None else None
                    if query is not None and record is not None:
                        self._fill_level(query, record)

    @property
    def missing(self) -> int:
        """How many columns were written."""
        return sum(len(added) for _, added in (*self._appended.values(), *self._prepended.values()))

    def edits(self) -> Iterator[tuple[int, str]]:
        """Yield the text to write into the statement, and the place."""
        for item, added in self._appended.values():
            yield from self._after(item, added)
        for item, added in self._prepended.values():
            yield item.start, "".join(f"{new},{self._parting(item)}" for new in added)

    def _after(self, item: Item, added: list[str]) -> list[tuple[int, str]]:
        """Return edits that keep a comment next to its column."""
        new = f",{self._parting(item)}".join(added)
        rest = self.source.written[item.end :]
        comma = "," if rest.lstrip().startswith(",") else ""
        behind, _, _ = rest.partition("\n")
        if "--" not in behind:
            return [(item.end, f",{self._parting(item)}{new}")]
        edits = [(item.end + len(behind), f"{self._parting(item)}{new}{comma}")]
        return edits if comma else [(item.end, ","), *edits]

    def _parting(self, item: Item) -> str:
        """Return the separator of two columns: a new line, or a space."""
        before = self.source.written[: item.start].rpartition("\n")[2]
        return " " if before.strip() else f"\n{before}"

    def _fill_level(self, level: Level, record: Any) -> None:
        for half in level.halves or (level,):
            if half.halves:
                self._fill_level(half, record)
                continue
            self._fill_list(self._columns(half), record)

    def _fill_list(self, columns: Columns, record: Any) -> None:
        for field in record_fields(record):
            nested = _structs(field.type)
            if item := columns.find(field.name):
                for kind in nested:
                    self._fill_nested(columns.level, item.value, kind)
            elif nested:
                self._refuse(columns, f"{field.name} is missing; write how its JSON is built")
            else:
                self._add(columns, record, field.name)

    def _fill_nested(self, level: Level, value: Node, record: Any) -> None:
        """Find the calls in an expression that make JSON of a record."""
        if is_a(value, *STATEMENTS):
            inner = next(inner for inner in level.inner if inner.node is value)
            for half in inner.halves or (inner,):
                for _, output in outputs(half):
                    self._fill_nested(half, output, record)
        elif is_a(value, ast.FuncCall) and name_of(value) in _OBJECTS and value.args:
            self._fill_list(self._pairs(level, value), record)
        elif is_a(value, ast.FuncCall) and name_of(value) in _WHOLE_ROWS and _is_row(level, value):
            query = level.relations[name_of(value.args[0])].query
            if query is not None:
                self._fill_level(query, record)
        elif is_a(value, ast.ColumnRef):
            relation = _relation(level, qualifier_of(value))
            found = dict(outputs(relation.query)) if relation and relation.query else {}
            if relation and relation.query and name_of(value) in found:
                self._fill_nested(relation.query, found[name_of(value)], record)
        else:
            for child in children(value):
                self._fill_nested(level, child, record)

    def _add(self, columns: Columns, record: Any, name: str) -> None:
        """Write one column after the column that precedes it in the record."""
        if (columns.start, name) in self._seen or columns.has_star:
            return
        self._seen.add((columns.start, name))
        alike = [
            item
            for sibling in _declared_with(record, name)
            if (item := columns.find(sibling))
            and is_a(item.value, ast.ColumnRef)
            and name_of(item.value) == sibling
        ]
        origins = {qualifier_of(item.value) for item in alike}
        if len(origins) != 1:
            places = "several places" if origins else "no table"
            self._refuse(
                columns, f"{name} is missing, and the fields that it belongs to come from {places}"
            )
            return
        relation = _relation(columns.level, qualifier_of(alike[0].value))
        if relation is None or relation.functions or relation.columns:
            origin = relation.name if relation else "one of several tables"
            self._refuse(columns, f"{name} is missing, and comes from {origin}; write it yourself")
            return
        if relation.query is not None:
            for half in relation.query.halves or (relation.query,):
                inner = self._columns(half)
                if inner.find(name) is None:
                    self._add(inner, record, name)
        self._insert(columns, record, name, alike[0])

    def _insert(self, columns: Columns, record: Any, name: str, alike: Item) -> None:
        fields = [field.name for field in record_fields(record)]
        place = fields.index(name)
        written = self.source.written[alike.start : alike.end]
        if columns.is_json:
            written = written.partition(",")[2].strip()
        # The text before the sibling's own name: `resources.`, or nothing.
        origin = written[: written.rindex(".") + 1] if qualifier_of(alike.value) else ""
        column = f"{origin}{_quoted(name)}"
        new = f"'{name}', {column}" if columns.is_json else column
        before = [item for field in fields[:place] if (item := columns.find(field))]
        if before:
            item, edits = before[-1], self._appended
        else:
            item = next(item for field in fields[place:] if (item := columns.find(field)))
            edits = self._prepended
        edits.setdefault(item.start, (item, []))[1].append(new)

    def _refuse(self, columns: Columns, text: str) -> None:
        self.refusals.append((columns.start, text))

    def _columns(self, level: Level) -> Columns:
        clause = level.node.returningClause if level.is_change else None
        targets = (clause and clause.exprs) if level.is_change else level.node.targetList
        if not targets:
            # VALUES
            return Columns(level, [])
        spans = self._spans(targets[0].location, _ENDS)
        return Columns(
            level,
            [
                Item(start, end, name, value)
                for (start, end), (name, value) in zip(spans, outputs(level), strict=True)
            ],
        )

    def _pairs(self, level: Level, call: Node) -> Columns:
        opened = next(
            index
            for index, token in enumerate(self._tokens)
            if token.start >= call.location and token.name == "ASCII_40"
        )
        spans = self._spans(self._tokens[opened + 1].start, frozenset())
        return Columns(
            level,
            [
                Item(key[0], value[1], _text(name), expression)
                for key, value, name, expression in zip(
                    spans[::2], spans[1::2], call.args[::2], call.args[1::2], strict=True
                )
            ],
            is_json=True,
        )

    def _spans(self, start: int, ends: frozenset[str]) -> list[tuple[int, int]]:
        """Return the start and end of each part of a list; the first part starts at *start*."""
        spans: list[tuple[int, int]] = []
        depth, begin, end, before = 0, start, start, ""
        for token in self._tokens:
            if token.start < start or token.name in {"SQL_COMMENT", "C_COMMENT"}:
                continue
            depth += (token.name in _OPEN) - (token.name in _CLOSE)
            # IS DISTINCT FROM ends nothing.
            if depth < 0 or (depth == 0 and token.name in ends and before != "DISTINCT"):
                break
            if begin < 0:
                begin = token.start
            if depth == 0 and token.name == _COMMA:
                spans.append((begin, end))
                begin = -1
            before, end = token.name, token.end + 1
        return [*spans, (begin, end)]


def _text(node: Node) -> str:
    return str(getattr(getattr(node, "val", None), "sval", ""))


def _is_row(level: Level, call: Node) -> bool:
    """Return whether a function is given a whole row: ``to_json(updated)``."""
    (argument, *_) = call.args or (None,)
    return (
        is_a(argument, ast.ColumnRef)
        and not qualifier_of(argument)
        and name_of(argument) in level.relations
    )


def _record_of(level: Level, records: Sequence[Any]) -> Any:
    """Return the record that lacks least in a query with most of its fields; None if none fits."""
    names = {
        name
        for name, value in outputs(level)
        if not (is_a(value, ast.ColumnRef) and name_of(value) in level.relations)
    }
    fitting = [
        (len(fields - names), place)
        for place, record in enumerate(records)
        if names <= (fields := {field.name for field in record_fields(record)})
        and 2 * len(names) > len(fields)
    ]
    return records[min(fitting)[1]] if fitting else None


def _relation(level: Level, qualifier: str) -> Relation | None:
    """Return the source of a column; None if its name does not show it."""
    if qualifier:
        around: Level | None = level
        while around is not None:
            if qualifier in around.relations:
                return around.relations[qualifier]
            around = around.outer
        return None
    return next(iter(level.relations.values())) if len(level.relations) == 1 else None


def _structs(annotation: Any) -> list[Any]:
    """Return the structs that a type holds directly: None, lists and dicts may be around them."""
    origin = get_origin(annotation)
    kind = origin or annotation
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [annotation]
    return [struct for part in get_args(annotation) for struct in _structs(part)]


def _all_structs(annotation: Any) -> list[Any]:
    """Return the structs that a type holds, directly and in their fields."""
    return [
        each
        for struct in _structs(annotation)
        for each in (struct, *(s for f in record_fields(struct) for s in _all_structs(f.type)))
    ]


def _declared_with(record: Any, name: str) -> list[str]:
    """Return the fields of the class that declares a field of a record."""
    kind = get_origin(record) or record
    return next(list(vars(base)["__annotations__"]) for base in kind.__mro__ if _has(base, name))


def _has(kind: type, name: str) -> bool:
    return name in vars(kind).get("__annotations__", {})


def _quoted(name: str) -> str:
    is_plain = name.isidentifier() and name == name.lower() and name not in RESERVED_KEYWORDS
    return name if is_plain else f'"{name}"'


class File:
    """One file of queries, and the columns to write into it."""

    def __init__(self, path: Path, records: Mapping[str, Any]) -> None:
        self.path = path
        self.refusals: list[str] = []
        self.missing = 0
        text = path.read_bytes().decode()
        self._line_end = "\r\n" if "\r\n" in text else "\n"
        self._text = text.replace("\r\n", "\n")
        self._edits: list[tuple[int, str]] = []
        read = [(source, self._record(source, records)) for source in self._sources()]
        known = [struct for _, record in read for struct in _all_structs(record)]
        for source, record in read:
            if "Utility" not in source.header:
                self._fill(source, record, known)

    def _sources(self) -> Iterator[Source]:
        for source in read_file(self.path):
            if isinstance(source, Unreadable):
                raise source.error()
            yield source

    def _record(self, source: Source, records: Mapping[str, Any]) -> Any:
        """Return the type of the record of a query; None if it returns none, or is refused."""
        expression = record_line(source).expression
        if expression is None or "Utility" in source.header:
            return None
        try:
            return record_type(expression, records)
        except HeaderError as error:
            self.refusals.append(f"{self.path}:{source.line}: {source.name}: {error}")
            return None

    def _fill(self, source: Source, record: Any, known: Sequence[Any]) -> None:
        if not _structs(record) and not any(f"{name}(" in source.written for name in _WHOLE_ROWS):
            return
        writer = Writer(source)
        if _structs(record):
            writer.fill(record)
        writer.fill_whole_rows(known)
        *_, last = self._text.split("\n", source.line)
        start = self._text.index(source.written, len(self._text) - len(last))
        self._edits += [(start + offset, new) for offset, new in writer.edits()]
        self.missing += writer.missing
        for offset, refusal in writer.refusals:
            line = self._text.count("\n", 0, start + offset) + 1
            self.refusals.append(f"{self.path}:{line}: {source.name}: {refusal}")

    def write(self) -> None:
        """Write the missing columns."""
        text = self._text
        for offset, new in sorted(self._edits, reverse=True):
            text = text[:offset] + new + text[offset:]
        self.path.write_text(text, encoding="utf-8", newline=self._line_end)


def run(sql: Path, records: str, *, check: bool) -> bool:
    """Update the files of a folder, and print each; return whether everything was decided."""
    known = records_of(import_module(records))
    files = [File(path, known) for path in sorted({*sql.glob("*.sql"), *sql.glob("*/*.sql")})]
    for file in files:
        lines = list(file.refusals)
        if file.missing:
            lines.append(f"{file.path}: {file.missing} columns {_DONE[check]}")
            if not check:
                file.write()
        sys.stdout.writelines(f"{line}\n" for line in lines)
    return not any(file.refusals or (check and file.missing) for file in files)


_DONE = {True: "are missing: run `make generate`", False: "written"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.columns",
        description="Write new fields of records into the queries that return them.",
    )
    parser.add_argument("--sql", type=Path, default=sql_folder(), help="a folder of queries")
    parser.add_argument("--records", default="vrooli_data.records", help="the module of records")
    parser.add_argument("--check", action="store_true", help="only report what is missing")
    options = parser.parse_args(arguments)
    try:
        return int(not run(options.sql, options.records, check=options.check))
    except InvalidFile as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
