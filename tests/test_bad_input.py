"""Bad input to every public method, found by introspection: refused before any SQL, or taken."""

from __future__ import annotations

from collections import UserList
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_origin
from uuid import UUID

import pytest

from tests.introspection import (
    ARGUMENTS,
    REPOSITORIES,
    Argument,
    annotations_of,
    core,
    is_json,
    is_object,
    item,
    parts,
    struct,
    valid,
)
from vrooli_data import InvalidInput, InvalidUse

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
#: What lies just outside, beside what no int may be; an id, whatever it is called, is not 0.
BEYOND = {"batch_size": (0, 1_000_001), "limit": (0, 501), "days": (0, 365_001)}
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
BAD_UUIDS: tuple[Any, ...] = ("text", "\ud800", b"bytes", 5, True, [])
BAD_RATIOS: tuple[Any, ...] = (-0.1, 1.1, float("nan"), float("inf"), True, "0.5", [])
BAD_TIMES: tuple[Any, ...] = (
    datetime(2026, 1, 1),  # noqa: DTZ001 (a naive one is the point)
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, tzinfo=UTC),
    "infinity",
    0,
)
BAD_AGES: tuple[Any, ...] = (timedelta(seconds=-1), timedelta.max, 60, 1.5, "1 day", True)


#: Arguments that go with some statuses alone.
WITH_FINAL_STATUS = ("time_elapsed", "outputs", "keep_steps")


def named(name: str, values: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield values that belong to one field."""
    return ((name, value) for value in values)


def bad(name: str, annotation: Any) -> Iterator[tuple[str, Any]]:  # noqa: PLR0912 (as there)
    """Yield values that have to be refused, each with the field that the refusal names."""
    kind = core(annotation)
    if type(None) not in parts(annotation):
        yield name, None
    if kind is int:
        is_id = name == "id" or name.endswith(("_id", "_ids"))
        yield from named(name, (*BAD_INTS, -1, *BEYOND.get(name, (0,) if is_id else ())))
    elif kind is bool:
        yield from named(name, BAD_FLAGS)
    elif kind is UUID:
        yield from named(name, BAD_UUIDS)
    elif kind is float:
        yield from named(name, BAD_RATIOS)
    elif kind is datetime:
        yield from named(name, BAD_TIMES)
    elif kind is timedelta:
        yield from named(name, BAD_AGES)
    elif kind is str:
        yield from named(name, BAD_TEXTS)
    elif get_origin(kind) is Literal:
        yield from named(name, ("nonsense", LONG, "\0", 0, True, [], 2**63))
    elif item(kind) is not None:
        good = valid(name, item(kind))
        yield from named(name, ("text", b"bytes", 5, {}, {"set"}, iter([good]), [good] * 10_001))
        yield from named(name, (bytearray(b"x"), range(10**30)))
        for field, value in bad(name, item(kind)):
            yield field, [good, value]
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
    if "status" in values:
        if argument.name in WITH_FINAL_STATUS:
            values["status"] = "Completed"
        else:
            for name in WITH_FINAL_STATUS:
                values.pop(name, None)
    result = method(**(values | {argument.name: value}))
    if isinstance(result, Iterator):
        # The first row is asked for where nothing was refused.
        next(result, None)


def test_there_are_methods_to_try() -> None:
    assert len(REPOSITORIES) >= 7
    assert len(ARGUMENTS) >= 100


@pytest.mark.parametrize("argument", ARGUMENTS, ids=str)
def test_what_is_valid_is_taken(argument: Argument) -> None:
    with pytest.raises(InvalidUse, match="not open"):
        call(
            argument,
            valid(argument.name, argument.annotation) if argument.name != "cursor" else None,
        )


@pytest.mark.parametrize("argument", [each for each in ARGUMENTS if item(each.annotation)], ids=str)
def test_any_sequence_is_taken(argument: Argument) -> None:
    good = valid(argument.name, argument.annotation)
    for sequence in (tuple(good), UserList(good)):
        with pytest.raises(InvalidUse, match="not open"):
            call(argument, sequence)


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
