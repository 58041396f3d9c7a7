"""The kinds of field that inputs are made of, and the check of a whole input. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeAlias, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET

from ._json import check_json, check_json_object
from ._validate import (
    MAX_BIGINT,
    MAX_INTEGER,
    check_choice,
    check_flag,
    check_int,
    check_public_id,
    check_text,
    check_type,
    new_email,
    new_handle,
    new_languages,
)
from .errors import InvalidInput
from .records import resources
from .records.shared import JsonValue

#: Characters of the key of an input or output of a run.
_MAX_KEY = 255


class Kind(NamedTuple):
    """How values of a field are checked, and what is stored for them."""

    name: str
    check: Callable[[str, Any], Any]

    def __repr__(self) -> str:
        """Return the name, which ``help()`` shows for each field of an input."""
        return self.name


def _kind(name: str, refuse: Callable[[str, Any], None]) -> Kind:
    """Return the kind whose values are stored as they are given."""

    def check(field: str, value: Any) -> Any:
        refuse(field, value)
        return value

    return Kind(name, check)


def _text(max_length: int, min_length: int = 1) -> Kind:
    return _kind(
        f"text({min_length}..{max_length})",
        lambda field, value: check_text(field, value, max_length, min_length),
    )


def _int(low: int, high: int) -> Kind:
    return _kind(f"int({low}..{high})", lambda field, value: check_int(field, value, low, high))


def _choice(choices: tuple[str, ...]) -> Kind:
    return _kind("choice", lambda field, value: check_choice(field, value, choices))


def _check_values(field: str, value: dict[str, Any]) -> None:
    check_json_object(field, value)
    if not all(1 <= len(key) <= _MAX_KEY for key in value):
        raise InvalidInput(field, f"must have keys of 1 to {_MAX_KEY} characters")


PublicId: TypeAlias = Annotated[str, _kind("public_id", check_public_id)]
Id: TypeAlias = Annotated[int, _int(1, MAX_BIGINT)]
Name: TypeAlias = Annotated[str, _text(255)]
Description: TypeAlias = Annotated[str, _text(10_000, 0)]
ResourceType: TypeAlias = Annotated[
    resources.ResourceType, _choice(get_args(resources.ResourceType))
]
VersionLabel: TypeAlias = Annotated[str, _text(128)]
Email: TypeAlias = Annotated[str, Kind("email", lambda _, value: new_email(value))]
Handle: TypeAlias = Annotated[str, Kind("handle", lambda _, value: new_handle(value))]
Languages: TypeAlias = Annotated[Sequence[str], Kind("languages", new_languages)]
Flag: TypeAlias = Annotated[bool, _kind("flag", check_flag)]
#: A count that the schema keeps as an integer.
Count: TypeAlias = Annotated[int, _int(0, MAX_INTEGER)]
#: Position of a step, from 1.
Step: TypeAlias = Annotated[int, _int(1, MAX_INTEGER)]
#: Milliseconds.
Milliseconds: TypeAlias = Annotated[int, _int(0, MAX_BIGINT)]
Json: TypeAlias = Annotated[JsonValue, _kind("json", check_json)]
JsonObject: TypeAlias = Annotated[dict[str, JsonValue], _kind("json_object", check_json_object)]
#: Any JSON by key.
Values: TypeAlias = Annotated[dict[str, JsonValue], _kind("json_by_key", _check_values)]


class _Field(NamedTuple):
    name: str
    kind: Kind
    nullable: bool


def checked(
    argument: str, value: Any, kind: type[msgspec.Struct], *, prefix: str = ""
) -> dict[str, Any]:
    """Return what is stored for each field given; `UNSET` is left out.

    Raises `InvalidInput`, naming the field, before any SQL runs; *prefix* says which of several
    values it is in.
    """
    check_type(argument, value, kind)
    stored: dict[str, Any] = {}
    for field in fields(kind):
        given = getattr(value, field.name)
        if given is UNSET:
            continue
        if given is None and field.nullable:
            stored[field.name] = None
        else:
            stored[field.name] = field.kind.check(prefix + field.name, given)
    return stored


def checked_changes(changes: Any, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return what an update stores for each field given, of which there has to be one."""
    values = checked("changes", changes, kind)
    if not values:
        raise InvalidInput("changes", "must hold at least one field")
    return values


@cache
def fields(kind: type[msgspec.Struct]) -> tuple[_Field, ...]:
    """Return the fields of an input with their kinds, read from its annotations once."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(_field(name, hints[name]) for name in kind.__struct_fields__)


def _field(name: str, hint: Any) -> _Field:
    parts = (hint,) if get_origin(hint) is Annotated else get_args(hint)
    kind = next(
        extra
        for part in parts
        if get_origin(part) is Annotated
        for extra in part.__metadata__
        if isinstance(extra, Kind)
    )
    return _Field(name, kind, type(None) in parts)
