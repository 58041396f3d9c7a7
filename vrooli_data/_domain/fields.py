"""The kinds of field that Vrooli's inputs are made of. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias, get_args

from ..errors import InvalidInput
from ..records import resources
from ..records.shared import JsonValue
from ..validation import (
    MAX_INTEGER,
    Kind,
    check_json_object,
    check_list,
    check_text,
    choice,
    integer,
    kind_of,
    text,
)
from .formats import new_email, new_handle, new_language, new_languages

_MAX_ENTITY_TYPE = 64
#: Locks of their rows order the events of these. events.record orders those of other entities.
_OWN_ENTITY_TYPES = frozenset({"resource", "run"})
_MAX_FIELD_NAMES = 1_000
#: Characters of the key of an input or output of a run.
_MAX_KEY = 255


def check_values(field: str, value: dict[str, Any]) -> None:
    """Refuse a value that is not the inputs or outputs of a run: JSON values by key."""
    check_json_object(field, value)
    if not all(1 <= len(key) <= _MAX_KEY for key in value):
        raise InvalidInput(field, f"must have keys of 1 to {_MAX_KEY} characters")


def _check_entity_type(field: str, value: str) -> None:
    check_text(field, value, _MAX_ENTITY_TYPE, 1)
    if value in _OWN_ENTITY_TYPES:
        raise InvalidInput(field, f"must not be {value}: the package writes the events of these")


def _new_field_names(field: str, value: Sequence[str]) -> list[str]:
    return check_list(
        field, value, _MAX_FIELD_NAMES, lambda name, item: check_text(name, item, 255, 1)
    )


Name: TypeAlias = Annotated[str, text(255)]
Description: TypeAlias = Annotated[str, text(10_000, 0)]
ResourceType: TypeAlias = Annotated[
    resources.ResourceType, choice(get_args(resources.ResourceType))
]
VersionLabel: TypeAlias = Annotated[str, text(128)]
Email: TypeAlias = Annotated[str, Kind("email", lambda _, value: new_email(value))]
Handle: TypeAlias = Annotated[str, Kind("handle", lambda _, value: new_handle(value))]
Language: TypeAlias = Annotated[str, Kind("language", new_language)]
Languages: TypeAlias = Annotated[Sequence[str], Kind("languages", new_languages)]
EntityType: TypeAlias = Annotated[str, kind_of("entity_type", _check_entity_type)]
ChangeType: TypeAlias = Annotated[str, text(64)]
FieldNames: TypeAlias = Annotated[Sequence[str], Kind("field_names", _new_field_names)]
#: Position of a step, from 1.
Step: TypeAlias = Annotated[int, integer(1, MAX_INTEGER)]
#: Any JSON by key.
Values: TypeAlias = Annotated[dict[str, JsonValue], kind_of("json_by_key", check_values)]
