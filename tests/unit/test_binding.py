"""Binding queries: what is wrong is told at once, and not at the first call."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import msgspec
import pytest

from vrooli_data import InvalidFile, InvalidInput, InvalidUse, Queries, queries
from vrooli_data._binding import own_queries
from vrooli_data._bound import arranged

HEADER = "-- Do something.\n-- Record: Thing\n-- Index:  none: no table\n-- Locks:  {locks}\n"


class Thing(msgspec.Struct, frozen=True):
    id: int
    key: UUID
    note: str | None
    parts: list[int]
    colour: Literal["red", "green"]
    amount: Decimal


class Other(msgspec.Struct, frozen=True):
    id: int


def query(name: str, parameters: str = "", suffix: str = "", locks: str = "none") -> str:
    names = parameters.split(", ") if parameters else []
    selected = ", ".join(f":{each}::text AS {each}" for each in names) or "1 AS one"
    return (
        f"-- name: {name}({parameters}){suffix}\n{HEADER.format(locks=locks)}SELECT {selected};\n"
    )


def listing(name: str, order: str, filters: str = "") -> str:
    fields = order.split(", ")
    before = f"{filters}, " if filters else ""
    return "".join(
        query(
            f"{name}{suffix}",
            before + "".join(f"{direction}_{field}, " for field in fields if direction) + "rows",
        )
        for suffix, direction in (("", ""), ("_after", "after"), ("_before", "before"))
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "things"
    folder.mkdir()
    (folder / "all.sql").write_text(
        query("find", "id", "^")
        + query("find_two", "id, key", "^")
        + query("find_many", "ids")
        + query("write", "id", "^", "row: things")
        + query("count", "id", "$")
        + query("drop", "id", "!", "row: things")
        + query("all", "max_rows")
        + listing("by_key", "key, id", "note")
        + listing("by_note", "note, id")
        + listing("by_parts", "parts, id")
        + listing("by_colour", "colour, amount, id")
        + listing("by_nothing", "nothing, id")
    )
    return folder


@pytest.fixture
def sql(folder: Path) -> Queries:
    return queries(folder)


def test_a_folder_may_be_given_as_text(folder: Path) -> None:
    assert queries(str(folder)).bind("find", Thing).name == "things.find"


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="there is no such folder"):
        queries(tmp_path / "nothing")


def test_a_folder_without_queries_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"there is no \.sql file in it"):
        queries(tmp_path)


def test_a_folder_whose_name_would_end_the_comment_of_a_tag_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    with pytest.raises(InvalidFile, match="the name of a folder"):
        queries(folder)


def test_what_is_wrong_in_a_file_is_reported_with_its_line(folder: Path) -> None:
    path = folder / "more.sql"
    path.write_text(query("more", "id") + "-- name: broken(\nSELECT 1;\n")
    with pytest.raises(InvalidFile, match=r"more\.sql:7: ") as caught:
        queries(folder)
    assert caught.value.line == 7


def test_a_query_that_is_not_there_is_reported(sql: Queries) -> None:
    with pytest.raises(InvalidFile, match=r"things: there is no query no_such"):
        sql.bind("no_such", Thing)


@pytest.mark.parametrize("record", [dict, int, Thing | None, "Thing", list[Thing]], ids=repr)
def test_a_record_is_a_struct(sql: Queries, record: Any) -> None:
    with pytest.raises(InvalidUse, match=r"things\.find: a record is a msgspec\.Struct, not "):
        sql.bind("find", record)


@pytest.mark.parametrize(
    ("name", "binder", "wanted"),
    [
        ("count", "bind", "scalar"),
        ("drop", "bind", "command"),
        ("find", "scalar", "bind"),
        ("drop", "scalar", "command"),
        ("count", "command", "scalar"),
        ("all", "command", "bind"),
    ],
)
def test_a_query_is_bound_as_its_name_line_says(
    sql: Queries, name: str, binder: str, wanted: str
) -> None:
    arguments = {"bind": (Thing,), "scalar": (int,), "command": ()}[binder]
    with pytest.raises(InvalidUse, match=f"things.{name} has .* bind it by `{wanted}`"):
        getattr(sql, binder)(name, *arguments)


def test_a_value_is_of_a_type_that_can_be_read(sql: Queries) -> None:
    with pytest.raises(InvalidUse, match=r"things\.count: "):
        sql.scalar("count", Queries)


class Named(msgspec.Struct):
    id: int
    key: str


def takes_both(id: int, key: str) -> None: ...
def takes_turned(key: str, id: int) -> None: ...
def takes_named(*, key: str, id: int) -> None: ...
def takes_one(id: int) -> None: ...
def takes_more(id: int, key: str, other: int) -> None: ...
def takes_default(id: int, key: str = "") -> None: ...
def takes_any(*args: int) -> None: ...
def takes_struct(values: Other, *, key: str) -> None: ...


@pytest.mark.parametrize("takes", [takes_both, takes_named, takes_struct, Named])
def test_takes_has_the_parameters_of_the_query(sql: Queries, takes: Any) -> None:
    assert sql.bind("find_two", Thing, takes=takes).parameters == ("id", "key")


@pytest.mark.parametrize(
    ("takes", "told"),
    [
        (takes_turned, "another order"),
        (takes_one, "other parameters"),
        (takes_more, "other parameters"),
        (takes_default, "a default for key"),
        (Other, "other parameters"),
        (takes_any, "other parameters"),
    ],
)
def test_takes_of_other_parameters_is_refused(sql: Queries, takes: Any, told: str) -> None:
    with pytest.raises(InvalidUse, match=told):
        sql.bind("find_two", Thing, takes=takes)


@pytest.mark.parametrize(
    ("name", "many", "key", "told"),
    [
        ("find_two", "find_many", "id", r"things\.find_two: many goes with"),
        ("write", "find_many", "id", r"things\.write: many goes with"),
        ("find", "find_two", "id", r"things\.find_two: many goes with"),
        ("find", "find_many", "no_such", "many goes with a key"),
        ("find", "find_many", "", "many goes with a key"),
        ("find", "find_many", "note", "many goes with a key"),
        ("find", "find_many", "amount", "many goes with a key"),
    ],
)
def test_reads_that_cannot_be_merged_are_refused(
    sql: Queries, name: str, many: str, key: str, told: str
) -> None:
    with pytest.raises(InvalidUse, match=told):
        sql.bind(name, Thing, many=many, key=key)


def test_only_a_key_of_the_field_s_type_is_merged() -> None:
    users = own_queries("users")
    find = users.bind("find_by_id", Thing, many="find_many_by_id", key="id")
    assert [find.is_mergeable(key) for key in (1, 2**63 - 1, 2**63, True, "1", None)] == [
        *(True, True),
        *(False, False, False, False),
    ]
    by_note = users.bind("find_by_public_id", Other, many="find_many_by_public_id", key="id")
    assert not by_note.is_mergeable("a")


@pytest.mark.parametrize(
    ("name", "key", "tie", "told"),
    [
        ("by_note", "note", "id", r"Thing\.note can be None"),
        ("by_parts", "parts", "id", r"Thing\.parts has the type list\[int\], which has no order"),
        ("by_nothing", "nothing", "id", r"Thing\.nothing does not exist"),
        (
            "by_key",
            "key",
            "amount",
            r"by_key_after takes \(note, after_key, after_id, rows\)",
        ),
        ("by_key", None, "id", r"it has to take \(note, after_id, rows\)"),
    ],
)
def test_an_order_that_pages_cannot_have_is_refused(
    sql: Queries, name: str, key: str | None, tie: str, told: str
) -> None:
    with pytest.raises(InvalidUse, match=told):
        sql.listing(name, Thing, key=key, tie=tie)


def test_a_listing_has_a_query_of_the_rows_after_one(sql: Queries) -> None:
    with pytest.raises(InvalidFile, match="there is no query all_after"):
        sql.listing("all", Thing)


def test_a_listing_without_rows_before_one_has_no_pages(folder: Path) -> None:
    path = folder / "more.sql"
    path.write_text(query("more", "rows") + query("more_after", "after_id, rows"))
    found = queries(folder).listing("more", Thing)
    assert [each.name for each in found.queries] == ["things.more", "things.more_after"]
    told = r"things\.more has no query things\.more_before, which pages need"
    with pytest.raises(InvalidUse, match=told):
        found.select((), {}, None, 20)


def test_keys_and_ties_are_read_from_the_record(sql: Queries) -> None:
    assert sql.listing("by_key", Thing, key="key").types == (UUID, int)
    found = sql.listing("by_colour", Thing, key="colour", tie=("amount", "id"))
    assert found.types == (str, Decimal, int)


def test_parameters_are_named_where_they_are_wrong() -> None:
    with pytest.raises(InvalidInput, match=r"id: must be given to things\.find") as caught:
        arranged("things.find", ("id",), (msgspec.UNSET,), {})
    assert caught.value.field == "id"
    assert arranged("things.find", ("id", "key"), (), {"key": 2, "id": 1}) == (1, 2)
    assert arranged("things.find", ("id", "key"), (Other(1),), {"key": 2}) == (1, 2)
