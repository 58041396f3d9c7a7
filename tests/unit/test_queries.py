"""Loading queries: what a file must have, and what each becomes."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from vrooli_data._binding import own_queries
from vrooli_data._bound import Query
from vrooli_data._queries import load_folder, sql_folder
from vrooli_data._query_files import read_folder
from vrooli_data.errors import InvalidFile, RecordMismatch

GOOD = """-- name: {name}({parameters}){suffix}
-- Do something.
-- Record: User
-- Index:  users_pkey
-- Locks:  none
{sql}
"""


def write(
    folder: Path, sql: str, name: str = "find", parameters: str = "id", file: str = "read"
) -> None:
    path = folder / "users" / f"{file}.sql"
    path.parent.mkdir(exist_ok=True)
    text = GOOD.format(name=name, parameters=parameters, suffix="^", sql=sql)
    path.write_text((path.read_text() if path.exists() else "") + text)


def test_every_query_of_the_package_loads() -> None:
    for folder in sorted(sql_folder().iterdir()):
        if folder.is_dir():
            text = "".join(path.read_text() for path in folder.glob("*.sql"))
            assert len(load_folder(folder)) == len(re.findall("^-- name:", text, re.MULTILINE))


def test_parameters_are_numbered_in_the_order_of_the_name_line(tmp_path: Path) -> None:
    write(tmp_path, "SELECT :b::text, :a::text, :b::text;", parameters="a, b")
    source = load_folder(tmp_path / "users")["users.find"]
    assert source.sql == "SELECT $2::text, $1::text, $2::text"
    assert source.parameters == ("a", "b")


def test_the_statement_carries_its_name(tmp_path: Path) -> None:
    write(tmp_path, "SELECT :id::bigint;")
    source = load_folder(tmp_path / "users")["users.find"]
    assert source.statement == b"/* vrooli_data:users.find */ SELECT $1::bigint"


def test_text_literals_and_casts_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "SELECT ':id', \":id\", now()::date, :id::bigint;")
    source = load_folder(tmp_path / "users")["users.find"]
    assert source.sql == "SELECT ':id', \":id\", now()::date, $1::bigint"


def test_file_and_line_are_known(tmp_path: Path) -> None:
    write(tmp_path, "SELECT :id::bigint;", name="one")
    write(tmp_path, "SELECT :id::bigint;", name="two")
    source = load_folder(tmp_path / "users")["users.two"]
    assert (source.path.name, source.line) == ("read.sql", 7)


def test_the_header_is_read_and_inner_comments_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "users"
    folder.mkdir()
    (folder / "read.sql").write_text(
        "-- name: find()\n-- First line\n-- and second.\n-- Record: User, or no row\n"
        "-- Index:  users_pkey,\n--         teams_pkey\n-- Index (pg_trgm): other_idx\n"
        "-- Locks:  none\n-- Null: name, the join may miss\n"
        "SELECT\n    -- Index:  not a header.\n    1;\n"
    )
    assert load_folder(folder)["users.find"].header == {
        "Purpose": "First line and second.",
        "Record": "User, or no row",
        "Index": "users_pkey, teams_pkey",
        "Index (pg_trgm)": "other_idx",
        "Locks": "none",
        "Null": "name, the join may miss",
    }


@pytest.mark.parametrize("field", ["Record", "Index", "Locks"])
def test_a_missing_header_line_is_refused(tmp_path: Path, field: str) -> None:
    write(tmp_path, "SELECT :id::bigint;")
    path = tmp_path / "users" / "read.sql"
    path.write_text(re.sub(rf"-- {field}:.*\n", "", path.read_text()))
    with pytest.raises(InvalidFile, match=rf"read.sql:1: users.find has no {field} line") as caught:
        load_folder(tmp_path / "users")
    assert caught.value.line == 1


def test_a_missing_purpose_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "SELECT :id::bigint;")
    path = tmp_path / "users" / "read.sql"
    path.write_text(path.read_text().replace("-- Do something.\n", ""))
    with pytest.raises(InvalidFile, match="has no Purpose line"):
        load_folder(tmp_path / "users")


def test_a_header_line_that_comes_twice_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "SELECT :id::bigint;")
    path = tmp_path / "users" / "read.sql"
    path.write_text(path.read_text().replace("-- Locks:", "-- Locks:  row: users\n-- Locks:"))
    with pytest.raises(InvalidFile, match=r"users\.find has more than one Locks line"):
        load_folder(tmp_path / "users")


def test_a_name_used_twice_in_one_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "SELECT :id::bigint;")
    write(tmp_path, "SELECT :id::integer;")
    with pytest.raises(InvalidFile, match=r"read\.sql"):
        load_folder(tmp_path / "users")


def test_a_name_used_in_two_files_of_a_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "SELECT :id::bigint;")
    write(tmp_path, "SELECT :id::integer;", file="write")
    with pytest.raises(
        InvalidFile, match=r"write\.sql:1: users\.find is also defined in read\.sql:1"
    ):
        load_folder(tmp_path / "users")


@pytest.mark.parametrize(
    ("sql", "parameters"), [("SELECT :id::bigint, :other::text;", "id"), ("SELECT 1;", "id")]
)
def test_parameters_that_do_not_match_the_name_line_are_refused(
    tmp_path: Path, sql: str, parameters: str
) -> None:
    write(tmp_path, sql, parameters=parameters)
    with pytest.raises(InvalidFile, match="parameter"):
        load_folder(tmp_path / "users")


@pytest.mark.parametrize("name", ["available_queries", "find_cursor", "find-by-id"])
def test_a_name_may_be_any_word(tmp_path: Path, name: str) -> None:
    write(tmp_path, "SELECT :id::bigint;", name=name)
    assert list(load_folder(tmp_path / "users")) == [f"users.{name.replace('-', '_')}"]


def test_what_follows_the_parameters_is_known(tmp_path: Path) -> None:
    write(tmp_path, "SELECT :id::bigint;")
    assert load_folder(tmp_path / "users")["users.find"].suffix == "^"


def test_a_slice_of_an_array_takes_no_parameter(tmp_path: Path) -> None:
    write(tmp_path, "SELECT (ARRAY[1, 2])[1:2], :id::bigint;")
    assert load_folder(tmp_path / "users")["users.find"].sql == (
        "SELECT (ARRAY[1, 2])[1:2], $1::bigint"
    )


@pytest.mark.parametrize("sql", ["VALUES (:id::bigint);", "TABLE users ORDER BY :id::bigint;"])
def test_nothing_is_logged_of_rows_without_a_select(
    tmp_path: Path, sql: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, sql)
    assert load_folder(tmp_path / "users")
    assert caplog.records == []


def test_a_mark_at_the_beginning_of_a_file_is_no_part_of_it(tmp_path: Path) -> None:
    write(tmp_path, "SELECT :id::bigint;")
    path = tmp_path / "users" / "read.sql"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert list(load_folder(tmp_path / "users")) == ["users.find"]


def test_a_name_line_inside_a_line_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "SELECT :id::bigint; -- name: other()\nSELECT 1;")
    with pytest.raises(InvalidFile, match=r"users\.find has `-- name:` after other text"):
        load_folder(tmp_path / "users")


def test_all_that_is_wrong_in_a_folder_is_reported_at_once(tmp_path: Path) -> None:
    write(tmp_path, "SELECT 1;", name="one")
    write(tmp_path, "SELECT :id::bigint;", name="two")
    write(tmp_path, "SELECT 1;", name="three")
    write(tmp_path, "SELECT 1;", file="write")
    sources, unreadable = read_folder(tmp_path / "users")
    assert list(sources) == ["users.two"]
    assert [(found.path.name, found.line, found.name) for found in unreadable] == [
        ("read.sql", 1, "users.one"),
        ("read.sql", 13, "users.three"),
        ("write.sql", 1, "users.find"),
    ]


def test_a_query_that_there_is_not_is_reported_with_its_folder() -> None:
    with pytest.raises(InvalidFile, match=r"sql/users: there is no query no_such"):
        own_queries("users").bind("no_such", Child)


class Values(msgspec.Struct):
    amount: Decimal
    day: date
    takes: timedelta | None
    content: bytes
    counts: list[int]


def test_values_that_arrive_ready_to_use_are_not_decoded(tmp_path: Path) -> None:
    write(tmp_path, "SELECT :id::bigint;")
    row = (Decimal("1.5"), date(2026, 1, 1), timedelta(1), b"x", [1, 2])
    assert Query(load_folder(tmp_path / "users")["users.find"], Values).record_of(row) == Values(
        *row
    )


class Child(msgspec.Struct):
    name: str


class Parent(msgspec.Struct):
    id: int
    child: Child | None
    children: list[Child]


def test_nested_records_are_decoded_and_null_stays_none(tmp_path: Path) -> None:
    write(tmp_path, "SELECT :id::bigint;")
    query: Query[..., Parent] = Query(load_folder(tmp_path / "users")["users.find"], Parent)
    assert query.record_of((1, None, b"[]")) == Parent(1, None, [])
    assert query.records([(1, b'{"name":"a"}', b'[{"name":"b"}]')]) == [
        Parent(1, Child("a"), [Child("b")])
    ]


def test_columns_in_another_order_are_a_mismatch(tmp_path: Path) -> None:
    write(tmp_path, "SELECT :id::bigint;")
    query: Query[..., Parent] = Query(load_folder(tmp_path / "users")["users.find"], Parent)
    query.check_columns(("id", "child", "children"))
    with pytest.raises(RecordMismatch, match=r"\(child, id, children\).*\(id, child, children\)"):
        query.check_columns(("child", "id", "children"))
