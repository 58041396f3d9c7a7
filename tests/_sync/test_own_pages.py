# Generated from tests/_async/test_own_pages.py by tools/unasync.py. Do not edit.
"""Pages in every order that an application may have: types of keys, composite ties, directions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from vrooli_data import Database, InvalidCursor, Listing, Page, Repository, queries
from vrooli_data._pages import Position

pytestmark = pytest.mark.slow("pages in every order")

EXAMPLES = settings(
    deadline=None,
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
HEADER = """\
-- List the things of one shelf.
-- Record: Thing
-- Index:  none: of a test
-- Locks:  none
"""
COLUMNS = "id, part, code, shelf, word, number, amount, share, flag, day, moment"


class Thing(msgspec.Struct, frozen=True):
    id: int
    part: int
    code: UUID
    shelf: int
    word: str
    number: int
    amount: Decimal
    share: float
    flag: bool
    day: date
    moment: datetime


class Order(NamedTuple):
    """An order: the field before the ties, with the type that its queries cast it to."""

    key: str | None
    tie: tuple[str, ...]


CASTS = {
    "id": "bigint",
    "part": "integer",
    "code": "uuid",
    "word": "text",
    "number": "bigint",
    "amount": "numeric",
    "share": "double precision",
    "flag": "boolean",
    "day": "date",
    "moment": "timestamptz",
}
ORDERS = [
    *(Order(key, ("id",)) for key in ("word", "number", "amount", "share", "flag")),
    *(Order(key, ("code",)) for key in ("day", "moment", "word")),
    Order("flag", ("part", "id")),
    Order("flag", ("part", "word", "id")),
    Order(None, ("code",)),
    Order(None, ("id",)),
    Order(None, ("part", "code")),
]
#: Few of each, so that most rows tie, with the ends of what the type holds among them.
things = st.builds(
    Thing,
    id=st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9),
    part=st.sampled_from((-(2**31), 0, 1, 2**31 - 1)),
    code=st.uuids() | st.sampled_from((UUID(int=0), UUID(int=2**128 - 1))),
    shelf=st.sampled_from((1, 1, 1, 2)),
    word=st.sampled_from(("", "a", "A", "ä", "\U0001f600", "x" * 2000)) | st.text(max_size=3),
    number=st.sampled_from((-(2**63), -1, 0, 2**63 - 1)),
    amount=st.sampled_from(tuple(map(Decimal, ("-1.50", "0", "0.000", "1E-20", "123456", "NaN")))),
    share=st.sampled_from((-math.inf, -1.5, -0.0, 0.0, 5e-324, 0.1, math.inf, math.nan)),
    flag=st.booleans(),
    day=st.sampled_from((date.min, date(2026, 1, 1), date.max)),
    moment=st.sampled_from((datetime(1, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 1, UTC))),
).filter(lambda thing: "\0" not in thing.word)


def rank(value: Any) -> Any:
    """Return what sorts as PostgreSQL sorts a value: NaN is the greatest number."""
    if isinstance(value, float | Decimal):
        return (1, 0) if math.isnan(value) else (0, value)
    return value.encode() if isinstance(value, str) else value


def written(order: Order, *, ascending: bool) -> str:
    """Return the three queries of an order."""
    fields = [*([order.key] if order.key else []), *order.tie]
    up, down = ("ASC", "DESC") if ascending else ("DESC", "ASC")
    after, before = (">", "<") if ascending else ("<", ">")
    texts = []
    for suffix, sign, way in (("", "", up), ("_after", after, up), ("_before", before, down)):
        names = [f"{suffix[1:]}_{field}" for field in fields] if suffix else []
        place = ""
        if suffix:
            given_place = ", ".join(
                f":{name}::{CASTS[field]}" for name, field in zip(names, fields, strict=True)
            )
            place = f" AND ({', '.join(fields)}) {sign} ({given_place})"
        ordered = ", ".join(f"{field} {way}" for field in fields)
        texts.append(
            f"-- name: all{suffix}({', '.join(['shelf', *names, 'max_rows'])})\n{HEADER}"
            f"SELECT {COLUMNS} FROM things WHERE shelf = :shelf::integer{place}"
            f" ORDER BY {ordered} LIMIT :max_rows::integer;\n"
        )
    return "".join(texts)


def orders() -> Iterator[Any]:
    """Yield each order in each direction; some of each kind are quick tests."""
    for number, order in enumerate(ORDERS):
        for ascending in (False, True):
            name = f"{order.key}-{'-'.join(order.tie)}-{'up' if ascending else 'down'}"
            marks = [pytest.mark.core] if number % 5 == int(ascending) else []
            yield pytest.param((order, ascending), id=name, marks=marks)


@pytest.fixture(params=orders())
def order(request: pytest.FixtureRequest) -> tuple[Order, bool]:
    found: tuple[Order, bool] = request.param
    return found


@pytest.fixture
def listing(order: tuple[Order, bool], tmp_path: Path) -> Listing[Thing]:
    (key, tie), ascending = order
    folder = tmp_path / "things"
    folder.mkdir()
    (folder / "all.sql").write_text(written(order[0], ascending=ascending))
    return queries(folder).listing("all", Thing, key=key, tie=tie, ascending=ascending)


@pytest.fixture
def table(admin: Connection[Any]) -> Connection[Any]:
    admin.execute(
        "CREATE TABLE things (id bigint, part integer, code uuid, shelf integer,"
        ' word text COLLATE "C", number bigint, amount numeric, share double precision,'
        " flag boolean, day date, moment timestamptz)"
    )
    return admin


def fill(table: Connection[Any], rows: list[Thing]) -> None:
    table.execute("TRUNCATE things")
    with table.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO things ({COLUMNS}) VALUES ({', '.join(['%s'] * 11)})",
            [msgspec.structs.astuple(row) for row in rows],
        )


def walk(
    db: Database, listing: Listing[Thing], start: str | None, *, backward: bool = False
) -> list[Page[Thing]]:
    """Return the pages from a cursor on, in one direction."""
    pages: list[Page[Thing]] = []
    cursor = start
    while not pages or cursor is not None:
        page = Repository(db).page(listing, 1, cursor=cursor, limit=2)
        pages.append(page)
        assert len(pages) < 20, "the walk does not end"
        cursor = page.previous_cursor if backward else page.next_cursor
    return pages


@EXAMPLES
@given(rows=st.lists(things, max_size=9, unique_by=(lambda row: row.id, lambda row: row.code)))
def test_all_pages_forward_and_back_are_those_of_the_sorted_rows(
    db: Database,
    table: Connection[Any],
    order: tuple[Order, bool],
    listing: Listing[Thing],
    rows: list[Thing],
) -> None:
    fill(table, rows)
    fields = listing.fields
    expected = sorted(
        (row for row in rows if row.shelf == 1),
        key=lambda row: tuple(rank(getattr(row, field)) for field in fields),
        reverse=not order[1],
    )
    pages = walk(db, listing, None)
    assert [item.id for page in pages for item in page] == [row.id for row in expected]
    assert len(pages) == max(1, -(-len(expected) // 2))
    if len(pages) > 1:
        back = walk(db, listing, pages[-1].previous_cursor, backward=True)
        ids = [[item.id for item in page] for page in reversed(back)]
        assert ids == [[item.id for item in page] for page in pages[:-1]]


@EXAMPLES
@given(
    rows=st.lists(things, max_size=9, unique_by=(lambda row: row.id, lambda row: row.code)),
    size=st.integers(1, 10),
)
def test_an_iteration_is_the_pages_and_the_sorted_rows(  # noqa: PLR0917 (fixtures and an example)
    db: Database,
    table: Connection[Any],
    order: tuple[Order, bool],
    listing: Listing[Thing],
    rows: list[Thing],
    size: int,
) -> None:
    fill(table, rows)
    expected = sorted(
        (row for row in rows if row.shelf == 1),
        key=lambda row: tuple(rank(getattr(row, field)) for field in listing.fields),
        reverse=not order[1],
    )
    iteration = Repository(db).iterate(listing, shelf=1, batch_size=size)
    found = [item.id for item in iteration]
    assert found == [row.id for row in expected]
    pages = walk(db, listing, None)
    assert found == [item.id for page in pages for item in page]


@EXAMPLES
@given(
    rows=st.lists(
        things, min_size=1, max_size=6, unique_by=(lambda row: row.id, lambda row: row.code)
    )
)
def test_a_page_that_was_emptied_leads_back_and_loses_nothing(
    db: Database,
    table: Connection[Any],
    order: tuple[Order, bool],
    listing: Listing[Thing],
    rows: list[Thing],
) -> None:
    rows = [msgspec.structs.replace(row, shelf=1) for row in rows]
    fill(table, rows)
    pages = walk(db, listing, None)
    ids = [item.id for page in pages for item in page]
    step = 1 if order[1] else -1
    salt = listing.select((1,), {}, None, 2).salt
    for end, direction in ((pages[-1].items[-1], "after"), (pages[0].items[0], "before")):
        place = tuple(getattr(end, field) for field in listing.fields)
        position = Position(direction, place)  # type: ignore[arg-type]  # one of the two
        page = Repository(db).page(listing, 1, cursor=listing.cursor(position, salt), limit=2)
        assert page.items == []
        back = page.previous_cursor if direction == "after" else page.next_cursor
        beside = Repository(db).page(listing, 1, cursor=back, limit=2)
        # Only an integer can be stepped over, and only where another one lies beside it.
        can_step = listing.types[-1] is int and -(2**63) <= place[-1] + step < 2**63
        if direction == "before" or not can_step:
            assert [item.id for item in beside] == ids[:2]
        else:
            assert [item.id for item in beside] == ids[-2:]
        # What follows that page is all the rest.
        onward = walk(db, listing, back)
        start = ids.index(beside.items[0].id)
        assert [item.id for page in onward for item in page] == ids[start:]


def test_a_cursor_of_another_shelf_is_refused(
    db: Database, table: Connection[Any], listing: Listing[Thing]
) -> None:
    row = Thing(
        *(1, 1, UUID(int=1), 1, "a", 1, Decimal(1), 1.0, True),
        *(date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)),
    )
    fill(table, [row, msgspec.structs.replace(row, id=2, code=UUID(int=2))])
    page = Repository(db).page(listing, 1, limit=1)
    with pytest.raises(InvalidCursor):
        Repository(db).page(listing, 2, cursor=page.next_cursor, limit=1)
    assert Repository(db).page(listing, shelf=1, cursor=page.next_cursor)
