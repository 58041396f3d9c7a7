"""Decode one line of JSON, and say what is wrong with it without its values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import (
    Any,
    Final,
    Generic,
    Literal,
    NoReturn,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from ..validation import MAX_DEPTH

S = TypeVar("S", bound=msgspec.Struct)

#: PostgreSQL's numeric, and so jsonb, holds no more digits behind the point.
_MAX_SCALE: Final = 16_383
_TOO_DEEP: Final = f"is nested more than {MAX_DEPTH} levels deep"
#: Characters of a name or a message that are repeated.
_MOST_SHOWN: Final = 64
#: An escaped NUL; behind an odd number of backslashes the u is a letter.
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
#: What a number has that may be too small for numeric.
_SMALL: Final = re.compile(rb"[eE]-0*[0-9]{4}|\.[0-9]{9000}")
_AT: Final = re.compile(r"(?P<problem>.*?)(?: - at `\$\.?(?P<field>.*)`)?", re.DOTALL)
_INDEX: Final = re.compile(r"\[\d+\]")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)

_decode_any = msgspec.json.Decoder().decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class WrongLine(Exception):
    """A line cannot be imported; the reason names fields and holds no values."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


class LineDecoder(Generic[S]):
    """Decodes lines as a struct."""

    def __init__(self, kind: type[S]) -> None:
        self._decode = msgspec.json.Decoder(kind).decode
        #: By field; msgspec's own message holds the value.
        self._choices = dict(_choices(kind, ""))

    def decode(self, line: bytes) -> S:
        """Return the struct of a line, or raise `WrongLine`."""
        try:
            return self._decode(line)
        except RecursionError:
            raise WrongLine(_TOO_DEEP) from None
        except msgspec.ValidationError as error:
            raise self._explained(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _undecodable(line) from None

    def _explained(self, message: str) -> WrongLine:
        found = _AT.fullmatch(message)
        problem, field = (message, None) if found is None else (found["problem"], found["field"])
        if problem.startswith("Invalid enum value"):
            return WrongLine(f"must be one of {self._choices[_INDEX.sub('', field or '')]}", field)
        if unknown := _UNKNOWN.fullmatch(problem):
            return WrongLine(f"has the unknown field {_shown(unknown['name'])}", field)
        return WrongLine(problem[:1].lower() + problem[1:], field)


def _choices(kind: type[msgspec.Struct], path: str) -> Iterator[tuple[str, str]]:
    """Yield the fields that have a closed set of texts, and those of structs in lists."""
    for name, hint in get_type_hints(kind).items():
        if get_origin(hint) is Literal:
            yield f"{path}{name}", ", ".join(get_args(hint))
        elif get_origin(hint) is list and issubclass(get_args(hint)[0], msgspec.Struct):
            yield from _choices(get_args(hint)[0], f"{path}{name}.")


def checked_object(field: str, text: bytes) -> dict[str, Any]:
    """Return the object of a JSON text; see `checked_json`."""
    value: dict[str, Any] = checked_json(field, text, _decode_object)
    return value


def checked_json(field: str, text: bytes, decode: Callable[[bytes], Any] = _decode_any) -> Any:
    """Return the value of a JSON text; refuse one that jsonb cannot hold or give back."""
    try:
        value = decode(text)
        if _is_deep(text, value):
            raise WrongLine(_TOO_DEEP, field)
        if _SMALL.search(text):
            json.loads(text, parse_float=_refuse_small)
    except RecursionError:
        raise WrongLine(_TOO_DEEP, field) from None
    except msgspec.ValidationError as error:
        message = str(error)
        raise WrongLine(message[:1].lower() + message[1:], field) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _undecodable(text, field) from None
    except _TooSmall:
        problem = f"holds a number with more than {_MAX_SCALE} digits behind the point"
        raise WrongLine(problem, field) from None
    return value


def check_line(line: bytes, keys: int) -> None:
    """Refuse keys that repeat in one object, and NUL; *keys* have been decoded of the line."""
    # Every key has its colon. With one for each key that was decoded none can have been repeated;
    # with more, some stand in texts, or the keys have to be looked at.
    if line.count(b":") > keys:
        _check_json(line)
    if b"\\u0000" in line and _NUL.search(line):
        raise WrongLine("holds the character NUL, which PostgreSQL cannot store")


def _undecodable(text: bytes, field: str | None = None) -> WrongLine:
    """Return what is wrong with a text that msgspec does not take, or raise it."""
    _check_json(text, field)
    # Python's own parser took it: it lets surrogates stand alone.
    return WrongLine("holds half of a surrogate pair", field)


def _check_json(text: bytes, field: str | None = None) -> None:
    """Refuse what msgspec explains badly, and keys that repeat, of which it keeps the last."""
    try:
        _STRICT.decode(text.decode())
    except RecursionError:
        raise WrongLine(_TOO_DEEP, field) from None
    except UnicodeDecodeError as error:
        raise WrongLine(f"is not UTF-8 (byte {error.start + 1})", field) from None
    except json.JSONDecodeError as error:
        problem = f"{error.msg} (column {error.colno})" if text.strip() else "it is empty"
        raise WrongLine(f"is not JSON: {problem}", field) from None


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise WrongLine(f"has the key {_shown(name)} twice in one object")
            seen.add(name)
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise WrongLine(f"is not JSON: {name} is no number of JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_refuse_repeats, parse_constant=_refuse_constant)


class _TooSmall(Exception):
    """Numeric cannot hold a number."""


def _refuse_small(number: str) -> float:
    try:
        exponent = Decimal(number).as_tuple().exponent
    except InvalidOperation:
        raise _TooSmall from None
    if int(exponent) < -_MAX_SCALE:
        raise _TooSmall
    return 0.0


def _is_deep(text: bytes, value: Any) -> bool:
    # Each level has a bracket of its own.
    return text.count(b"[") + text.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _shown(name: str) -> str:
    return f"{name[:_MOST_SHOWN]!a}"
