"""Checks of arguments and inputs before any SQL runs; each failure is an `InvalidInput`.

Its ``field`` names the argument, or the field of the input.
"""

from __future__ import annotations

import inspect
import math
import re
import types
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from typing import (
    Annotated,
    Any,
    NamedTuple,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from msgspec import UNSET, UnsetType

from .errors import InvalidInput
from .records.shared import JsonValue

T = TypeVar("T")

MAX_INTEGER = 2**31 - 1
MAX_BIGINT = 2**63 - 1
MAX_PAGE = 500
#: Rows that one call may ask for by their ids.
MAX_MANY = 10_000
#: The longest time limit that the server accepts, in seconds (2^31 ms).
_MAX_SECONDS = 2_147_483
_MAX_KEY = 128
_MIN_TIME = datetime(1, 1, 2, tzinfo=UTC)
_MAX_TIME = datetime(9999, 12, 30, tzinfo=UTC)
_MAX_AGE = timedelta(days=36_500)

_PUBLIC_ID = re.compile(r"[0-9a-z]{12}")
_TEXTS = (str, bytes, bytearray, memoryview)

#: Deeper nesting is not real data, and would overflow the stack of its readers.
MAX_DEPTH = 100
#: Bytes of the encoded value.
MAX_SIZE = 16 * 2**20
_MAX_INT = 2**64 - 1
_MIN_INT = -(2**63)
#: Above it, a float cannot represent every integer.
_MAX_FLOAT = 2.0**53


_encode = msgspec.json.Encoder().encode


def check_id(field: str, value: int) -> None:
    """Refuse a value that is not an id: an int from 1 to 2^63 - 1."""
    check_int(field, value, 1, MAX_BIGINT)


def check_int(field: str, value: int, low: int, high: int) -> None:
    """Refuse a value that is not an int from *low* to *high*; a bool is not an int here."""
    if type(value) is not int:
        raise _wrong_type(field, value, "an int")
    if not low <= value <= high:
        raise InvalidInput(field, f"must be from {low} to {high}")


def check_limit(value: int) -> None:
    """Refuse a page size that is out of range."""
    check_int("limit", value, 1, MAX_PAGE)


def check_batch_size(value: int) -> None:
    """Refuse a batch size of an iteration that is out of range."""
    check_int("batch_size", value, 1, MAX_MANY)


def check_revision(field: str, value: int | None) -> None:
    """Refuse a value that is not an expected revision; None accepts any revision."""
    if value is not None:
        check_int(field, value, 0, MAX_INTEGER)


def check_flag(field: str, value: bool) -> None:
    """Refuse a value that is not True or False."""
    if type(value) is not bool:
        raise _wrong_type(field, value, "a bool")


def check_callable(field: str, value: object) -> None:
    """Refuse a value that cannot be called."""
    if not callable(value):
        raise _wrong_type(field, value, "a function")


def check_hook(field: str, value: object) -> None:
    """Refuse a value that cannot be called, or a function with a result to await."""
    check_callable(field, value)
    if is_asynchronous(value):
        raise InvalidInput(field, "must be a plain function: its result is not awaited")


def is_asynchronous(function: object) -> bool:
    """Return whether a call returns a coroutine or an asynchronous generator."""
    return any(
        inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each)
        for each in (function, type(function).__call__)
    )


def check_text(field: str, value: str, max_length: int, min_length: int = 0) -> None:
    """Refuse text that PostgreSQL cannot store, or that is too long or too short."""
    if type(value) is not str:
        raise _wrong_type(field, value, "a str")
    if len(value) > max_length:
        raise InvalidInput(field, f"must have at most {max_length} characters")
    if len(value) < min_length:
        characters = "character" if min_length == 1 else "characters"
        raise InvalidInput(field, f"must have at least {min_length} {characters}")
    if value.isascii() and "\0" not in value:
        return
    check_characters(field, value)


def check_characters(field: str, value: str) -> None:
    """Refuse NUL and lone surrogates, which PostgreSQL's text cannot store."""
    if "\0" in value:
        raise InvalidInput(field, "must not hold the character NUL")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(field, "must not hold a lone surrogate") from None


def check_key(field: str, value: str) -> None:
    """Refuse text that is too long for an identifier, or that PostgreSQL cannot store."""
    check_text(field, value, _MAX_KEY)


def check_public_id(field: str, value: str) -> None:
    """Refuse a value that is not a public id."""
    check_pattern(field, value, _PUBLIC_ID, "must be 12 characters of [0-9a-z]")


def check_list(
    field: str, value: Iterable[T], max_items: int, check: Callable[[str, T], None]
) -> list[T]:
    """Return a sequence as a list; refuse a long one, or an item that *check* refuses."""
    # A text is a sequence too, but a caller who passes one does not mean its characters.
    if not isinstance(value, Sequence) or isinstance(value, _TEXTS):
        raise _wrong_type(field, value, "a list")
    # A copy, which the caller cannot change any more; a range may be too long for len().
    items = list(islice(value, max_items + 1))
    if len(items) > max_items:
        raise InvalidInput(field, f"must have at most {max_items} items")
    for item in items:
        check(field, item)
    return items


def check_choice(field: str, value: str, choices: Collection[str]) -> None:
    """Refuse a value that is not one of a closed set."""
    if type(value) is not str or value not in choices:
        raise InvalidInput(field, f"must be one of {', '.join(choices)}")


def check_type(field: str, value: object, kind: type[Any]) -> None:
    """Refuse a value that is not of exactly this class."""
    if type(value) is not kind:
        # The article follows the pronunciation: an Event, but a UUID and a User.
        is_an = kind.__name__[0] in "AEIOU" and not kind.__name__.startswith(("UUID", "User"))
        article = "an" if is_an else "a"
        raise _wrong_type(field, value, f"{article} {kind.__name__}")


def check_ratio(field: str, value: float) -> None:
    """Refuse a value that is not a number from 0 to 1."""
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise InvalidInput(field, "must be a number from 0 to 1")


def check_distinct(field: str, values: Iterable[int], suffix: str = "") -> None:
    """Refuse equal values; *suffix* is the path from an item of *field* to its value."""
    places: dict[int, int] = {}
    for place, value in enumerate(values):
        first = places.setdefault(value, place)
        if first != place:
            raise InvalidInput(
                f"{field}[{place}]{suffix}", f"must not be the same as {field}[{first}]{suffix}"
            )


def check_seconds(field: str, value: float) -> None:
    """Refuse a value that is not a positive, finite number of seconds."""
    if type(value) not in (int, float):
        raise _wrong_type(field, value, "a number of seconds")
    if not 0 < value < _MAX_SECONDS:
        raise InvalidInput(field, f"must be more than 0 and less than {_MAX_SECONDS} seconds")


def check_time(field: str, value: datetime) -> None:
    """Refuse what is no time with a time zone, or one that the tables do not hold."""
    if type(value) is not datetime:
        raise _wrong_type(field, value, "a datetime")
    if value.utcoffset() is None:
        raise InvalidInput(field, "must have a time zone")
    if not _MIN_TIME <= value <= _MAX_TIME:
        raise InvalidInput(field, "must be from 0001-01-02 to 9999-12-30")


def check_span(start: str, since: datetime, end: str, until: datetime) -> None:
    """Refuse two times of which the second is before the first."""
    check_time(start, since)
    check_time(end, until)
    if until < since:
        raise InvalidInput(end, f"must not be before {start}")


def check_age(field: str, value: timedelta) -> None:
    """Refuse what is no length of time from 0 to 36 500 days."""
    check_type(field, value, timedelta)
    if not timedelta(0) <= value <= _MAX_AGE:
        raise InvalidInput(field, f"must be from 0 to {_MAX_AGE.days} days")


def check_pattern(field: str, value: str, pattern: re.Pattern[str], problem: str) -> None:
    """Refuse text that a pattern does not match as a whole; *problem* is the message."""
    if type(value) is not str:
        raise _wrong_type(field, value, "a str")
    if not pattern.fullmatch(value):
        raise InvalidInput(field, problem)


def check_json(field: str, value: Any) -> None:
    """Refuse a value that jsonb cannot store, or would return changed."""
    _check(field, value, 0)
    if len(_encode(value)) > MAX_SIZE:
        raise InvalidInput(field, f"must take at most {MAX_SIZE} bytes as JSON")


def check_json_object(field: str, value: Any) -> None:
    """Refuse a value that is not a JSON object."""
    if type(value) is not dict:
        raise InvalidInput(field, f"must be a dict, not {type(value).__name__}")
    check_json(field, value)


def json_text(value: Any) -> str:
    """Return the JSON text of a value that has been checked."""
    return _encode(value).decode()


def _check(field: str, value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidInput(field, f"must be nested at most {MAX_DEPTH} deep")
    kind = type(value)
    if kind is str:
        check_characters(field, value)
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise InvalidInput(field, "must have str as keys of every object")
            check_characters(field, key)
            _check(field, item, depth + 1)
    elif kind is list:
        for item in value:
            _check(field, item, depth + 1)
    elif kind is float:
        _check_float(field, value)
    elif kind is int:
        if not _MIN_INT <= value <= _MAX_INT:
            raise InvalidInput(field, "must hold integers of at most 64 bits")
    elif value is not None and kind is not bool:
        raise InvalidInput(field, f"must be JSON; it holds a {kind.__name__}")


def _check_float(field: str, value: float) -> None:
    if not math.isfinite(value):
        raise InvalidInput(field, "must hold only finite numbers")
    if abs(value) > _MAX_FLOAT:
        # jsonb returns its digits, which are read as an int that may differ from it.
        raise InvalidInput(field, "must hold floats of at most 2^53; an int may be larger")


class Kind(NamedTuple):
    """How the values of an input's field are checked, and how they are stored.

    It annotates the type of the field: ``Annotated[str, text(255)]``.
    """

    name: str
    check: Callable[[str, Any], Any]

    def __repr__(self) -> str:
        """Return the name, which ``help()`` shows for each field of an input."""
        return self.name


def kind_of(name: str, refuse: Callable[[str, Any], None]) -> Kind:
    """Return a kind that stores values unchanged; *refuse* raises `InvalidInput`."""

    def check(field: str, value: Any) -> Any:
        refuse(field, value)
        return value

    return Kind(name, check)


def text(max_length: int, min_length: int = 1) -> Kind:
    """Return the kind of a text with *min_length* to *max_length* characters."""
    return kind_of(
        f"text({min_length}..{max_length})",
        lambda field, value: check_text(field, value, max_length, min_length),
    )


def integer(low: int, high: int) -> Kind:
    """Return the kind of an int from *low* to *high*."""
    return kind_of(f"int({low}..{high})", lambda field, value: check_int(field, value, low, high))


def choice(choices: tuple[str, ...]) -> Kind:
    """Return the kind of a text from a closed set."""
    return kind_of("choice", lambda field, value: check_choice(field, value, choices))


#: 12 characters of [0-9a-z].
PublicId: TypeAlias = Annotated[str, kind_of("public_id", check_public_id)]
Id: TypeAlias = Annotated[int, integer(1, MAX_BIGINT)]
Flag: TypeAlias = Annotated[bool, kind_of("flag", check_flag)]
#: A count that the schema stores as an integer.
Count: TypeAlias = Annotated[int, integer(0, MAX_INTEGER)]
#: Milliseconds.
Milliseconds: TypeAlias = Annotated[int, integer(0, MAX_BIGINT)]
Json: TypeAlias = Annotated[JsonValue, kind_of("json", check_json)]
JsonObject: TypeAlias = Annotated[dict[str, JsonValue], kind_of("json_object", check_json_object)]


class _Field(NamedTuple):
    name: str
    kind: Kind
    nullable: bool


def checked(
    argument: str, value: Any, kind: type[msgspec.Struct], *, prefix: str = ""
) -> dict[str, Any]:
    """Check an input, and return the stored value of each field; `UNSET` fields are left out.

    Raises `InvalidInput` with the name of the field. *prefix* precedes that name, if the input is
    one of several.
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


def checked_items(
    argument: str, values: Sequence[Any], kind: type[msgspec.Struct]
) -> list[dict[str, Any]]:
    """Check at most 10 000 inputs, and return the stored values of each; see `checked`."""
    stored: list[dict[str, Any]] = []

    def check_item(field: str, item: Any) -> None:
        place = f"{field}[{len(stored)}]"
        stored.append(checked(place, item, kind, prefix=f"{place}."))

    check_list(argument, values, MAX_MANY, check_item)
    return stored


def checked_changes(changes: Any, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Check the changes of an update, which must have a field, and return their stored values."""
    values = checked("changes", changes, kind)
    if not values:
        raise InvalidInput("changes", "must hold at least one field")
    return values


@cache
def fields(kind: type[msgspec.Struct]) -> tuple[_Field, ...]:
    """Return the fields of an input with their kinds, which are read once from its annotations."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(_field(name, hints[name]) for name in kind.__struct_fields__)


def _field(name: str, hint: Any) -> _Field:
    parts = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    given = [part for part in parts if part not in (type(None), UnsetType)]
    kinds = (
        extra
        for part in given
        if get_origin(part) is Annotated
        for extra in part.__metadata__
        if isinstance(extra, Kind)
    )
    kind = next(kinds, None) or _kind_of_type(Union[tuple(given)])  # noqa: UP007 (made at run time)
    return _Field(name, kind, type(None) in parts)


def _kind_of_type(hint: Any) -> Kind:
    """Return the kind of a field without one: msgspec checks it, and PostgreSQL can store it."""

    def check(field: str, value: Any) -> Any:
        try:
            taken = msgspec.convert(value, hint)
            _check_storable(field, taken)
        except msgspec.ValidationError as error:
            # The rest of the message may contain the value.
            problem = str(error).partition(" - at")[0].partition(" '")[0]
            raise InvalidInput(field, problem[:1].lower() + problem[1:]) from None
        except (RecursionError, ValueError):
            # A surrogate where msgspec wants UTF-8, a signaling NaN, a structure without end.
            raise InvalidInput(field, f"cannot be read as {_named(hint)}") from None
        return taken

    return Kind(str(hint), check)


def _named(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint)


def _check_storable(field: str, value: Any, depth: int = 1) -> None:
    """Refuse texts and numbers that PostgreSQL cannot store."""
    if isinstance(value, str):
        check_characters(field, value)
    elif isinstance(value, dict):
        check_json_object(field, value)
    elif isinstance(value, list | tuple | set | frozenset):
        if depth > MAX_DEPTH:
            raise InvalidInput(field, f"must be nested at most {MAX_DEPTH} deep")
        for item in value:
            _check_storable(field, item, depth + 1)
    elif type(value) is int:
        check_int(field, value, -MAX_BIGINT - 1, MAX_BIGINT)


def _wrong_type(field: str, value: Any, wanted: str) -> InvalidInput:
    return InvalidInput(field, f"must be {wanted}, not {type(value).__name__}")
