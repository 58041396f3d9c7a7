"""The kinds of rows that are imported, and the formats that their lines may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from . import _exported_resource, _resource_line, _run_line, _user_line
from ._format import Format
from ._json import LineDecoder, WrongLine

Kind: TypeAlias = Literal["users", "resources", "runs"]


class _Formats(NamedTuple):
    """The formats of one kind."""

    #: The value of the field ``format``.
    name: str
    #: The format of lines with this value.
    named: Format
    #: The format of lines without the field; None if they are refused.
    unnamed: Format | None = None


_FORMATS: Final[Mapping[Kind, _Formats]] = {
    "users": _Formats("user/2", _user_line.FORMAT),
    "resources": _Formats("resource/2", _exported_resource.FORMAT, _resource_line.FORMAT),
    "runs": _Formats("run/2", _run_line.FORMAT),
}


class _Tagged(msgspec.Struct):
    """The format of a line, without its other fields."""

    format: str | None = None


_TAGGED = LineDecoder(_Tagged)


def staged(kind: Kind, line: bytes) -> tuple[Format, Any]:
    """Return the format of a line, and the row that is staged for it, or raise `WrongLine`."""
    name, named, unnamed = _FORMATS[kind]
    # Most lines without a format do not contain this word.
    if unnamed is not None and b'"format"' not in line:
        return unnamed, unnamed.stage(line)
    try:
        return named, named.stage(line)
    except WrongLine:
        # A wrong format is the first reason. Only a refused line is decoded twice for it.
        found = _TAGGED.decode(line).format
        if found == name:
            raise
    if found is not None or unnamed is None:
        raise WrongLine(f"must be {name}", "format")
    return unnamed, unnamed.stage(line)
