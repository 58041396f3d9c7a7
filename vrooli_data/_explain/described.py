"""Describe a query: its header, its example values and the fields of its record. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, get_args, get_origin

import msgspec

from .._contract.findings import shown_path
from .._contract.header import HeaderError, record_line, record_type
from .._contract.value_types import annotation_text
from .._queries import Source, sql_folder
from .._rows import record_fields

_MOST_OF_A_VALUE = 120


class RecordFields(msgspec.Struct, frozen=True):
    """One record, with the types of its fields as Python writes them."""

    name: str
    fields: tuple[tuple[str, str], ...]


def purpose(source: Source) -> tuple[str, str]:
    """Return the first sentence of the purpose, and the others, which may be empty."""
    first, stop, rest = source.header["Purpose"].partition(". ")
    return f"{first}{stop.rstrip()}", rest


def header(source: Source) -> dict[str, str]:
    """Return the other lines of the header, and the place of the query."""
    lines = {label: text for label, text in source.header.items() if label != "Purpose"}
    return {**lines, "File": f"{_file(source)}:{source.line}"}


def _file(source: Source) -> str:
    """Return the path in the repository, also where the package is installed."""
    home = sql_folder().parent
    if source.path.is_relative_to(home):
        return source.path.relative_to(home).as_posix()
    return shown_path(source.path)


def record(source: Source, records: Mapping[str, Any]) -> list[RecordFields]:
    """Return the record of a query and the records nested in it.

    The list is empty for a scalar or a count, and where *records* lacks the record.
    """
    expression = record_line(source).expression
    if expression is None:
        return []
    try:
        waiting = [record_type(expression, records)]
    except HeaderError:
        return []
    found: dict[str, RecordFields] = {}
    while waiting:
        for kind in _records_in(waiting.pop(0)):
            name = annotation_text(kind)
            if name not in found:
                fields = record_fields(kind)
                found[name] = RecordFields(
                    name, tuple((f.name, annotation_text(f.type)) for f in fields)
                )
                waiting += [field.type for field in fields]
    return list(found.values())


def _records_in(annotation: Any) -> Iterator[Any]:
    """Yield the records in an annotation; ``Update[User]`` is one."""
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield annotation
        return
    for part in get_args(annotation):
        yield from _records_in(part)


def value(example: Any) -> str:
    """Return an example value as an SQL literal, cut to a length that fits."""
    if example is None:
        return "NULL"
    if isinstance(example, str | datetime):
        text = f"'{example}'"
    else:
        text = json.dumps(example, default=str)
    return text if len(text) <= _MOST_OF_A_VALUE else f"{text[:_MOST_OF_A_VALUE]} …"
