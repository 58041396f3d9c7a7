"""What one line of a file of resources may hold."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, NoReturn, get_args

import msgspec
from msgspec import Meta

from ..records.resources import ResourceType

#: Deeper than anything meant, and far from where decoders give up.
MAX_CONFIG_DEPTH = 100


class ResourceLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One resource with its translation and its first version; the limits are the schema's."""

    public_id: Annotated[str, Meta(pattern=r"^[0-9a-z]{12}\Z")]
    resource_type: ResourceType
    language: Annotated[str, Meta(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\Z")]
    name: Annotated[str, Meta(min_length=1, max_length=255)]
    description: Annotated[str, Meta(max_length=10_000)] | None
    version_label: Annotated[str, Meta(min_length=1, max_length=128)]
    is_complete: bool
    #: Kept as the text it is: decoded and encoded again, long numbers would lose digits.
    config: msgspec.Raw


class WrongLine(Exception):
    """A line is no resource; the message names fields and holds no values."""


_FIELDS = len(ResourceLine.__struct_fields__)
_TOO_DEEP = f"is nested more than {MAX_CONFIG_DEPTH} levels deep"
#: An escaped NUL; behind an odd number of backslashes the u is a letter.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

_decode_resource = msgspec.json.Decoder(ResourceLine).decode
_decode_config = msgspec.json.Decoder(dict[str, Any]).decode


def decode(line: bytes) -> tuple[ResourceLine, bytes]:
    """Return a line's resource and the text of its config, or raise `WrongLine`."""
    try:
        resource = _decode_resource(line)
        text = bytes(resource.config)
        config = _checked_config(text)
    except RecursionError:
        raise WrongLine(_TOO_DEEP) from None
    except msgspec.ValidationError as error:
        raise WrongLine(_without_value(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        _check_json(line)
        # Python's own parser took the line: it lets surrogates stand alone.
        raise WrongLine("holds half of a surrogate pair") from None
    # Every key has its colon. With one for each key that was decoded none can have been repeated;
    # with more, some stand in texts, or the keys have to be looked at.
    if line.count(b":") > _FIELDS + len(config):
        _check_json(line)
    if b"\\u0000" in line and _NUL.search(line):
        raise WrongLine("holds the character NUL, which PostgreSQL cannot store")
    return resource, text


def _checked_config(text: bytes) -> dict[str, Any]:
    """Refuse a config that could be stored and not be read again, as one with 1e400."""
    try:
        config = _decode_config(text)
    except msgspec.ValidationError as error:
        raise WrongLine(f"config: {error}") from None
    if text.count(b"[") + text.count(b"{") > MAX_CONFIG_DEPTH and _depth(config) > MAX_CONFIG_DEPTH:
        raise WrongLine(f"config: {_TOO_DEEP}")
    return config


def _check_json(line: bytes) -> None:
    """Refuse what msgspec explains badly, and keys that repeat, of which it keeps the last."""
    try:
        _STRICT.decode(line.decode())
    except UnicodeDecodeError as error:
        raise WrongLine(f"is not UTF-8 (byte {error.start + 1})") from None
    except json.JSONDecodeError as error:
        problem = f"{error.msg} (column {error.colno})" if line.strip() else "it is empty"
        raise WrongLine(f"is not JSON: {problem}") from None


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise WrongLine(f"has the key {name[:64]!a} twice in one object")
            seen.add(name)
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise WrongLine(f"is not JSON: {name} is no number of JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_refuse_repeats, parse_constant=_refuse_constant)


def _without_value(problem: str) -> str:
    """Drop the value that msgspec repeats from a field with a closed set of values."""
    if problem.startswith("Invalid enum value"):
        return f"resource_type: must be one of {', '.join(get_args(ResourceType))}"
    return problem


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
