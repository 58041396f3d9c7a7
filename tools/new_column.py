"""Write a new column into every list that has another column of the same table.

    python -m tools.new_column 'license text COLLATE "C"' --beside resource_type sql/resources

A list of a query has one column a line, so each such line is copied for the new column: columns of
INSERT, SELECT, COPY and a staging table, the parameters of VALUES, SET, and pairs of JSON. A query
that gets the parameter gets it in its header too. In Python the copied lines are arguments, and
fields of staged rows. What names the other column among others, and is not copied, is printed with
file and line. `make check` then compares all of it with the server.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

#: Types of columns, and the types that Python has for them.
_TYPES = {
    "bigint": "int",
    "boolean": "bool",
    "double precision": "float",
    "integer": "int",
    "smallint": "int",
    "text": "str",
    "timestamptz": "datetime",
    "uuid": "UUID",
}
_HEADER = re.compile(r"-- name: \w+\((?P<parameters>.*)\)[$!^]?")


class Column(NamedTuple):
    """The new column, and the one beside it."""

    name: str
    #: As in CREATE TABLE, with NOT NULL.
    type: str
    beside: str

    @property
    def base(self) -> str:
        """The type of a parameter."""
        return re.split(r" COLLATE | NOT NULL", self.type)[0]

    @property
    def annotation(self) -> str:
        """The type of a field in Python; empty if there are several."""
        kind = _TYPES.get(self.base, "")
        return kind if not kind or "NOT NULL" in self.type else f"{kind} | None"

    def in_sql(self, line: str) -> str | None:
        """Return a line of a list in a query as the new column has it; None for another line."""
        old, new = self.beside, self.name
        for pattern, copied in (
            (rf"((?:\w+\.)?){old}", rf"\g<1>{new}"),
            (rf"{old} = (\w+\.){old}", rf"{new} = \g<1>{new}"),
            (rf":{old}::[\w ]+", f":{new}::{self.base}"),
            (rf"'{old}', (\w+\.){old}", rf"'{new}', \g<1>{new}"),
            (rf"{old} (?:{'|'.join(_TYPES)}|jsonb)\b.*", f"{new} {self.type}"),
        ):
            if found := re.fullmatch(pattern, line):
                return found.expand(copied) if "\\g" in copied else copied
        return None

    def in_python(self, line: str) -> str | None:
        """Return an argument or a plain field as the new column has it; None for another line."""
        old, new = self.beside, self.name
        if re.fullmatch(rf"\w+\[\"{old}\"\]|{old}=\w+\.{old}", line):
            return re.sub(rf"\b{old}\b", new, line)
        if self.annotation and re.fullmatch(
            rf"{old}: (?:{'|'.join({*_TYPES.values()})})(?: \| None)?", line
        ):
            return f"{new}: {self.annotation}"
        return None


class Copied(NamedTuple):
    """The lines of a file with the new column."""

    lines: list[str]
    written: int
    #: The indexes of lines that name the other column in a list, and were not copied.
    left: list[int]


def copied(lines: Sequence[str], column: Column, *, is_sql: bool) -> Copied:
    """Copy each line that lists the other column, unless its list has the new one."""
    copy = column.in_sql if is_sql else column.in_python
    old = column.beside
    # Lists on one line, and in Python fields and arguments with other values.
    in_list = re.compile(
        rf".*([(,] *{old}\b|\b{old} *[,)]).*" if is_sql else rf"{old}: .*[^,]|{old}=.*|\w+\.{old},"
    )
    result, written, left, header = list[str](), 0, list[int](), -1
    for index, line in enumerate(lines):
        result.append(line)
        indent = line[: len(line) - len(line.lstrip())]
        item, end = _split_end(line)
        if is_sql and _HEADER.fullmatch(item):
            header = len(result) - 1
        elif item.startswith(("--", "#")):
            continue
        elif (new := copy(item)) is None:
            if in_list.fullmatch(line.strip()):
                left.append(len(result) - 1)
        elif new not in set(_around(lines, index, indent)):
            if is_sql and end != ",":
                result[-1] = f"{indent}{item},"
            result.append(f"{indent}{new}{end}")
            written += 1
            if new.startswith(":"):
                result[header] = _with_parameter(result[header], column)
    return Copied(result, written, left)


def _split_end(line: str) -> tuple[str, str]:
    """Return the item of a line, and the comma or semicolon after it."""
    item = line.strip().rstrip(",;")
    return item, line.strip()[len(item) :]


def _around(lines: Sequence[str], index: int, indent: str) -> Iterator[str]:
    """Yield the items of the list that a line is in."""
    for step in (-1, 1):
        place = index
        while 0 <= place < len(lines) and re.match(rf"{indent}\S", lines[place]):
            yield _split_end(lines[place])[0]
            place += step


def _with_parameter(header: str, column: Column) -> str:
    found = _HEADER.fullmatch(header)
    names = found["parameters"].split(", ") if found else []
    if found is None or column.name in names or column.beside not in names:
        return header
    names.insert(names.index(column.beside) + 1, column.name)
    return (
        header[: found.start("parameters")] + ", ".join(names) + header[found.end("parameters") :]
    )


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.suffix in {".sql", ".py"})
        else:
            yield path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.new_column",
        description="Write a new column into every list that has another column of its table.",
    )
    parser.add_argument("column", help="the name and the type, as in CREATE TABLE")
    parser.add_argument("--beside", required=True, help="a column that callers write too")
    parser.add_argument("paths", nargs="+", type=Path, help="files and folders")
    options = parser.parse_args(arguments)
    name, _, kind = options.column.partition(" ")
    column = Column(name, kind, options.beside)
    for path in _files(options.paths):
        lines = path.read_text(encoding="utf-8").split("\n")
        result = copied(lines, column, is_sql=path.suffix == ".sql")
        if result.written:
            path.write_text("\n".join(result.lines), encoding="utf-8")
            sys.stdout.write(f"{path}: {result.written} lines written\n")
        for index in result.left:
            sys.stdout.write(f"{path}:{index + 1}: not written: {result.lines[index].strip()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
