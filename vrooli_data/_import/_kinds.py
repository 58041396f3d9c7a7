"""The kinds of rows that are imported, and the formats that their lines may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from . import _exported_resource, _resource_line, _run_line, _user_line
from ._format import Format
from ._json import LineDecoder, WrongLine

Kind: TypeAlias = Literal["users", "resources", "runs"]

#: By what the field ``format`` of a line says; None is a line without it.
_FORMATS: Final[Mapping[Kind, Mapping[str | None, Format]]] = {
    "users": {"user/2": _user_line.FORMAT},
    "resources": {None: _resource_line.FORMAT, "resource/2": _exported_resource.FORMAT},
    "runs": {"run/2": _run_line.FORMAT},
}


class _Tagged(msgspec.Struct):
    """What is read of a line to tell its format."""

    format: str | None = None


_TAGGED = LineDecoder(_Tagged)


def format_of(kind: Kind, line: bytes) -> Format:
    """Return the format of a line, or raise `WrongLine`."""
    formats = _FORMATS[kind]
    # Most lines without a format hold no such word, and are not decoded twice.
    is_tagged = b'"format"' in line or None not in formats
    found = formats.get(_TAGGED.decode(line).format if is_tagged else None)
    if found is None:
        raise WrongLine(f"must be {' or '.join(filter(None, formats)) or 'left out'}", "format")
    return found
