"""Pages of resources in every order: whatever the rows, and whatever happens between pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, get_args

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from vrooli_data import AsyncDatabase, Page, Resource, ResourceOrder

ORDERS: tuple[ResourceOrder, ...] = get_args(ResourceOrder)
#: One database serves all examples of a test: each starts by emptying it.
EXAMPLES = settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
#: A walk of more pages than there can be rows goes in a circle.
MORE_THAN_ROWS = 40
_INSERT = """
INSERT INTO resources (
    public_id, resource_type, has_complete_version, score, bookmarks, views, created_at, updated_at
)
SELECT lpad(number::text, 12, '0'), 'Note', TRUE, score, bookmarks, views, created_at, updated_at
FROM json_to_recordset(%s::json) AS input (
    number integer, score bigint, bookmarks bigint, views bigint,
    created_at timestamptz, updated_at timestamptz
)
"""
_DELETE = """
DELETE FROM resources
WHERE id = (
    SELECT id
    FROM resources
    ORDER BY id
    OFFSET mod(%s, (SELECT greatest(count(*), 1) FROM resources))
    LIMIT 1
)
"""


class Row(NamedTuple):
    """The sort keys of a resource."""

    score: int
    bookmarks: int
    views: int
    created_at: datetime
    updated_at: datetime


def few(*values: Any) -> st.SearchStrategy[Any]:
    """Choose among so few values that most rows tie."""
    return st.sampled_from(values)


TIMES = [datetime(2026, 1, 1, microsecond=n, tzinfo=UTC) for n in (0, 1, 999_999)]
ROWS = st.builds(
    Row,
    score=few(-(2**63), -1, 0, 2**63 - 1),
    bookmarks=few(0, 1),
    views=few(0, 1, 2**63 - 1),
    created_at=few(*TIMES),
    updated_at=few(*TIMES),
)


class Reading(NamedTuple):
    """A walk over pages while rows come and go."""

    rows: list[Row]
    limit: int
    order_by: ResourceOrder
    backward: bool
    #: What happens behind each page, the last first: a row comes, or the one at a place goes.
    changes: list[Row | int]


READINGS = st.builds(
    Reading,
    rows=st.lists(ROWS, min_size=5, max_size=14),
    limit=st.integers(1, 4),
    order_by=st.sampled_from(ORDERS),
    backward=st.booleans(),
    changes=st.lists(ROWS | st.integers(0, 99), max_size=8),
)


class Table:
    """The resources of one example."""

    def __init__(self, admin: Connection[Any], rows: list[Row]) -> None:
        self._admin = admin
        self._numbers = 0
        admin.execute("DELETE FROM resources")
        self.insert(rows)

    def insert(self, rows: list[Row]) -> None:
        """Insert listed notes."""
        values = []
        for row in rows:
            self._numbers += 1
            values.append({"number": self._numbers} | row._asdict())
        self._admin.execute(_INSERT, (msgspec.json.encode(values).decode(),))

    def delete(self, place: int) -> None:
        """Delete the row at a place, counted round and round."""
        self._admin.execute(_DELETE, (place,))

    def ids(self, order_by: ResourceOrder, limit: int | None = None, offset: int = 0) -> list[int]:
        """Return ids as a list by OFFSET has them."""
        rows = self._admin.execute(
            f"SELECT id FROM resources ORDER BY {order_by} DESC, id DESC LIMIT %s OFFSET %s",
            (limit, offset),
        )
        return [id for (id,) in rows.fetchall()]


def ids(page: Page[Resource]) -> list[int]:
    return [item.id for item in page.items]


async def walk(
    db: AsyncDatabase,
    order_by: ResourceOrder,
    limit: int,
    start: str | None = None,
    *,
    backward: bool = False,
    between: Callable[[], None] = lambda: None,
) -> list[Page[Resource]]:
    """Return the pages from a cursor on, in one direction."""
    pages: list[Page[Resource]] = []
    cursor = start
    while not pages or cursor is not None:
        page = await db.resources.find_by_type(
            "Note", order_by=order_by, cursor=cursor, limit=limit
        )
        pages.append(page)
        assert len(pages) < MORE_THAN_ROWS, "the walk does not end"
        cursor = page.previous_cursor if backward else page.next_cursor
        between()
    return pages


@EXAMPLES
@given(rows=st.lists(ROWS, max_size=14), limit=st.integers(1, 6))
async def test_all_pages_in_each_order_forward_and_back_are_those_of_offset(
    db: AsyncDatabase, admin: Connection[Any], rows: list[Row], limit: int
) -> None:
    table = Table(admin, rows)
    for order_by in ORDERS:
        pages = await walk(db, order_by, limit)
        for number, page in enumerate(pages):
            assert ids(page) == table.ids(order_by, limit, number * limit)
        assert len(pages) == max(1, -(-len(rows) // limit))
        if len(pages) > 1:
            back = await walk(db, order_by, limit, pages[-1].previous_cursor, backward=True)
            assert back[::-1] == pages[:-1]


@EXAMPLES
@given(reading=READINGS)
async def test_rows_that_stay_are_neither_missed_nor_repeated(
    db: AsyncDatabase, admin: Connection[Any], reading: Reading
) -> None:
    rows, limit, order_by, backward, changes = reading
    table = Table(admin, rows)
    before = table.ids(order_by)
    start = None
    if backward:
        last = (await walk(db, order_by, limit))[-1]
        start = last.previous_cursor
        before = before[: -len(last.items)]

    def change() -> None:
        what = changes.pop() if changes else None
        if isinstance(what, Row):
            table.insert([what])
        elif what is not None:
            table.delete(what)

    pages = await walk(db, order_by, limit, start, backward=backward, between=change)
    seen = [id for page in pages[:: -1 if backward else 1] for id in ids(page)]
    assert len(seen) == len(set(seen))
    stayed = set(before) & set(table.ids(order_by))
    assert [id for id in seen if id in stayed] == [id for id in before if id in stayed]
