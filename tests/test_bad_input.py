"""Bad input to every public method, found by introspection: refused before any SQL, or taken."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
import pytest
from msgspec import UnsetType

from vrooli_data import Database, InvalidInput, Unavailable

#: Opened by nobody: what is not refused as input fails with `Unavailable`, and runs no statement.
UNOPENED = Database.connect("host=/nowhere")
REPOSITORIES = {
    name: repository for name, repository in vars(UNOPENED).items() if not name.startswith("_")
}

DEEP: list[Any] = []
for _ in range(10_000):
    DEEP = [DEEP]
LONG = "x" * 20_000
BAD_INTS: tuple[Any, ...] = (
    -(2**63) - 1,
    2**63,
    2**100,
    True,
    1.0,
    1.5,
    float("nan"),
    float("inf"),
    "1",
    b"1",
    [],
)
BAD_TEXTS: tuple[Any, ...] = (LONG, "nul\0", "\ud800", b"bytes", 5, True, [], {})
BAD_JSON: tuple[Any, ...] = (
    DEEP,
    float("nan"),
    float("inf"),
    1e300,
    2**64,
    -(2**63) - 1,
    "\0",
    "\ud800",
    {1: 2},
    {"\0": 1},
    ["\ud800"],
    {"x": float("-inf")},
    {1, 2},
    b"bytes",
    datetime(2026, 1, 1, tzinfo=UTC),
)
BAD_FLAGS: tuple[Any, ...] = (0, 1, "true", 1.0)
BAD_TIMES: tuple[Any, ...] = (
    datetime(2026, 1, 1),  # noqa: DTZ001 (a naive one is the point)
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, tzinfo=UTC),
    "infinity",
    0,
)


class Argument(NamedTuple):
    """One argument of one public method."""

    repository: str
    method: str
    name: str
    annotation: Any

    def __str__(self) -> str:
        return f"{self.repository}.{self.method}-{self.name}"


def methods() -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Yield every public method of every repository."""
    for repository, bound in REPOSITORIES.items():
        for name, method in inspect.getmembers(bound, inspect.ismethod):
            if not name.startswith("_"):
                yield repository, name, method


@cache
def annotations_of(kind: Any) -> dict[str, Any]:
    """Return the annotations of a method's arguments, or of an input's fields."""
    found = get_type_hints(kind, include_extras=True)
    found.pop("return", None)
    return found


ARGUMENTS = [
    Argument(repository, name, argument, annotation)
    for repository, name, method in methods()
    for argument, annotation in annotations_of(method).items()
]


def parts(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the annotation alone."""
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def core(annotation: Any) -> Any:
    """Return what is to be given, without None, UNSET and what is noted beside it."""
    (given,) = [part for part in parts(annotation) if part not in (type(None), UnsetType)]
    return get_args(given)[0] if get_origin(given) is Annotated else given


def is_json(annotation: Any) -> bool:
    return core(annotation) is Any


def is_object(annotation: Any) -> bool:
    return get_origin(core(annotation)) is dict


def valid(name: str, annotation: Any) -> Any:  # noqa: PLR0911 (one for each kind)
    """Return a value that is taken."""
    kind = core(annotation)
    if kind is int:
        return 1
    if kind is bool:
        return True
    if kind is datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)
    if kind is str:
        return {"language": "en", "handle": "ada", "email": "a@b", "public_id": "a" * 12}.get(
            name, "text"
        )
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if get_origin(kind) is list:
        return [valid(name, get_args(kind)[0])]
    if is_object(annotation) or is_json(annotation):
        return {}
    return struct(kind)


def struct(kind: type[msgspec.Struct], **given: Any) -> msgspec.Struct:
    """Return an input whose fields are all taken but those given."""
    values = {name: valid(name, annotation) for name, annotation in annotations_of(kind).items()}
    return kind(**(values | given))


def named(name: str, values: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield values that belong to one field."""
    return ((name, value) for value in values)


def bad(name: str, annotation: Any) -> Iterator[tuple[str, Any]]:  # noqa: PLR0912 (as there)
    """Yield values that have to be refused, each with the field that the refusal names."""
    kind = core(annotation)
    if type(None) not in parts(annotation):
        yield name, None
    if kind is int:
        yield from named(name, (*BAD_INTS, -1))
    elif kind is bool:
        yield from named(name, BAD_FLAGS)
    elif kind is datetime:
        yield from named(name, BAD_TIMES)
    elif kind is str:
        yield from named(name, BAD_TEXTS)
    elif get_origin(kind) is Literal:
        yield from named(name, ("nonsense", LONG, "\0", 0, True, [], 2**63))
    elif get_origin(kind) is list:
        (item,) = get_args(kind)
        yield from named(name, ("text", 5, {}, [valid(name, item)] * 10_001))
        for field, value in bad(name, item):
            yield field, [valid(name, item), value]
    elif is_json(annotation):
        yield from named(name, BAD_JSON)
    elif is_object(annotation):
        yield from named(name, ([], "text", 5))
        yield from named(name, [{"key": value} for value in BAD_JSON])
    else:
        yield from named(name, ({}, "text", 5))
        for field, inner in annotations_of(kind).items():
            for deeper, value in bad(field, inner):
                yield deeper, struct(kind, **{field: value})


def call(argument: Argument, value: Any) -> None:
    method = getattr(REPOSITORIES[argument.repository], argument.method)
    values = {name: valid(name, annotation) for name, annotation in annotations_of(method).items()}
    values.pop("cursor", None)
    if argument.name != "time_elapsed":
        # It goes with some statuses alone.
        values.pop("time_elapsed", None)
    elif "status" in values:
        values["status"] = "Completed"
    method(**(values | {argument.name: value}))


def test_there_are_methods_to_try() -> None:
    assert len(REPOSITORIES) >= 7
    assert len(ARGUMENTS) >= 100


@pytest.mark.parametrize("argument", ARGUMENTS, ids=str)
def test_what_is_valid_is_taken(argument: Argument) -> None:
    with pytest.raises(Unavailable, match="not open"):
        call(
            argument,
            valid(argument.name, argument.annotation) if argument.name != "cursor" else None,
        )


@pytest.mark.parametrize("argument", ARGUMENTS, ids=str)
def test_what_is_bad_is_refused_by_name_and_runs_no_statement(argument: Argument) -> None:
    tried = 0
    for field, value in bad(argument.name, argument.annotation):
        tried += 1
        with pytest.raises(InvalidInput) as caught:
            call(argument, value)
            pytest.fail(f"{argument}: {value!r:.60} was taken")
        # In a list the field is behind its place: steps[1].name.
        assert field in caught.value.field, f"{value!r:.60}"
        assert LONG not in str(caught.value)
        assert len(str(caught.value)) < 400
    assert tried >= 5
