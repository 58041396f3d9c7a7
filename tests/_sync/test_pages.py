# Generated from tests/_async/test_pages.py by tools/unasync.py. Do not edit.
"""Pages of every listing in every order: whatever the rows, and whatever happens between pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import NoneType
from typing import Any, NamedTuple, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.factories import Factory
from tests.introspection import LISTINGS
from tests.listed_rows import KEYS, SOURCES
from vrooli_data import Database, Page, RunStatus
from vrooli_data._pages import Direction, Listing, Position
from vrooli_data.validation import json_text

#: One database serves all examples of a test: each begins by taking the rows of the last away.
EXAMPLES = settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
#: A walk of more pages than there can be rows goes in a circle.
MORE_THAN_ROWS = 40
LOWEST, HIGHEST = -(2**63), 2**63 - 1

pytestmark = pytest.mark.slow("pages in every order")


class Row(NamedTuple):
    """A row to come."""

    #: The place of its sort key among those of the listing, counted round and round.
    key: int
    listed: bool


ROWS = st.builds(Row, key=st.integers(0, 3), listed=st.sampled_from((True, True, True, False)))


class Reading(NamedTuple):
    """A walk over pages while rows come and go."""

    rows: list[Row]
    limit: int
    backward: bool
    #: What happens behind each page, the last first: a row comes, or the one at a place goes.
    changes: list[Row | int]


READINGS = st.builds(
    Reading,
    rows=st.lists(ROWS, min_size=5, max_size=12),
    limit=st.integers(1, 4),
    backward=st.booleans(),
    changes=st.lists(ROWS | st.integers(0, 99), max_size=8),
)


def key_of(listing: Listing[Any]) -> str | None:
    """Return the field that a listing is ordered by before its id."""
    return listing.fields[0] if len(listing.fields) > 1 else None


def key_type_of(listing: Listing[Any]) -> type:
    return NoneType if key_of(listing) is None else listing.types[0]


def filters_of(arguments: dict[str, Any]) -> tuple[Any, ...]:
    """Return the parameters that a method makes of its arguments."""
    statuses = [each for each in get_args(RunStatus) if each in arguments.get("statuses", ())]
    others = [
        json_text(value) if isinstance(value, list) else value
        for name, value in arguments.items()
        if name not in ("statuses", "order_by")
    ]
    return (*others, *([json_text(statuses)] if statuses else ()))


class Table:
    """The rows of a listing, and their order as plain sorting has it."""

    def __init__(self, listing: Listing[Any], make: Factory) -> None:
        self._source = SOURCES[listing.name]
        self._make = make
        self._listing = listing
        #: The sort key of each row by its id; None for those that are not listed.
        self._rows: dict[int, tuple[Any, int] | None] = {}
        self._count = 0
        for _ in range(2):
            make.user(is_private=True)
            make.team(is_private=True)
            make.chat(is_private=True)
            make.resource(is_private=True)

    def replace(self, rows: list[Row]) -> None:
        """Hold certain rows and no others."""
        for id in list(self._rows):
            self._delete(id)
        for row in rows:
            self.insert(row)

    def insert(self, row: Row) -> None:
        """Insert a row, whose id lies anywhere among those that are there."""
        self._count += 1
        id = 1000 + self._count * 7919 % 10_007
        field = key_of(self._listing)
        values = KEYS[field]
        value = values[row.key % len(values)]
        key = {} if field is None else {field: value}
        self._source.insert(self._make, id, key, row.listed)
        self._rows[id] = (value or 0, id) if row.listed else None

    def delete(self, place: int) -> None:
        """Delete the row at a place, counted round and round."""
        if self._rows:
            self._delete(list(self._rows)[place % len(self._rows)])

    def ids(self) -> list[int]:
        """Return the ids in the order of the listing."""
        return [id for _, id in sorted(filter(None, self._rows.values()), reverse=True)]

    def _delete(self, id: int) -> None:
        del self._rows[id]
        statement = sql.SQL("DELETE FROM {} WHERE {} = %s").format(
            sql.Identifier(self._source.table), sql.Identifier(self._listing.fields[-1])
        )
        self._make.connection.execute(statement, (id,))


class Walker:
    """Reads the pages of a listing."""

    def __init__(self, listing: Listing[Any], db: Database) -> None:
        repository, method = listing.name.split("__")[0].split(".")
        self._method = getattr(getattr(db, repository), method)
        _, _, what = method.partition("_")
        self._iterate = getattr(getattr(db, repository), f"iter_{what}")
        self._arguments = SOURCES[listing.name].arguments
        self._tie = listing.fields[-1]
        filters = filters_of(self._arguments)
        self.salt = listing.select(filters, {}, None, 1).salt

    def ids(self, page: Page[Any]) -> list[int]:
        """Return the ids on a page."""
        return [getattr(item, self._tie) for item in page]

    def walk(
        self,
        limit: int,
        start: str | None = None,
        *,
        backward: bool = False,
        between: Callable[[], None] = lambda: None,
    ) -> list[Page[Any]]:
        """Return the pages from a cursor on, in one direction."""
        pages: list[Page[Any]] = []
        cursor = start
        while not pages or cursor is not None:
            page = self._method(**self._arguments, cursor=cursor, limit=limit)
            pages.append(page)
            assert len(pages) < MORE_THAN_ROWS, "the walk does not end"
            cursor = page.previous_cursor if backward else page.next_cursor
            between()
        return pages

    def iterate(self, size: int, *, between: Callable[[], None] = lambda: None) -> list[int]:
        """Return the ids that an iteration meets; something happens behind each row."""
        found: list[int] = []
        for item in self._iterate(**self._arguments, batch_size=size):
            found.append(getattr(item, self._tie))
            assert len(found) < MORE_THAN_ROWS, "the iteration does not end"
            between()
        return found


def listings() -> Iterator[Any]:
    """Yield each order of each listing; some are quick tests."""
    for number, (name, listing) in enumerate(sorted(LISTINGS.items())):
        yield pytest.param(listing, id=name, marks=[pytest.mark.core] if number % 5 == 0 else [])


@pytest.fixture(params=listings())
def listing(request: pytest.FixtureRequest) -> Listing[Any]:
    """One order of one listing."""
    found: Listing[Any] = request.param
    return found


@pytest.fixture
def table(listing: Listing[Any], make: Factory) -> Table:
    return Table(listing, make)


@pytest.fixture
def walker(listing: Listing[Any], db: Database) -> Walker:
    return Walker(listing, db)


@pytest.mark.core
def test_every_listing_is_walked() -> None:
    assert SOURCES.keys() == LISTINGS.keys()


@EXAMPLES
@given(rows=st.lists(ROWS, max_size=12), limit=st.integers(1, 5))
def test_all_pages_forward_and_back_are_those_of_the_sorted_rows(
    table: Table, walker: Walker, rows: list[Row], limit: int
) -> None:
    table.replace(rows)
    expected = table.ids()
    pages = walker.walk(limit)
    for number, page in enumerate(pages):
        assert walker.ids(page) == expected[number * limit : (number + 1) * limit]
    assert len(pages) == max(1, -(-len(expected) // limit))
    if len(pages) > 1:
        back = walker.walk(limit, pages[-1].previous_cursor, backward=True)
        assert back[::-1] == pages[:-1]


@EXAMPLES
@given(rows=st.lists(ROWS, max_size=12), size=st.integers(1, 13))
def test_an_iteration_is_the_pages_and_the_sorted_rows(
    table: Table, walker: Walker, rows: list[Row], size: int
) -> None:
    table.replace(rows)
    found = walker.iterate(size)
    assert found == table.ids()
    pages = walker.walk(size)
    assert found == [id for page in pages for id in walker.ids(page)]


@pytest.mark.parametrize("direction", ["after", "before"])
def test_a_forged_cursor_beyond_all_rows_leads_back_to_them(
    table: Table, walker: Walker, listing: Listing[Any], direction: Direction
) -> None:
    table.replace([Row(0, listed=True)] * 2)
    keys: dict[type, tuple[Any, ...]] = {
        NoneType: (None,),
        int: (LOWEST, 0, HIGHEST),
        datetime: (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
    }
    first = key_type_of(listing)
    for key in keys[first]:
        for id in (LOWEST, -1, 0, HIGHEST):
            place = (id,) if first is NoneType else (key, id)
            start = listing.cursor(Position(direction, place), walker.salt)
            for backward in (False, True):
                pages = walker.walk(2, start, backward=backward)
                seen = [found for page in pages for found in walker.ids(page)]
                assert len(seen) == len(set(seen))
                assert set(seen) <= set(table.ids())


@EXAMPLES
@given(reading=READINGS)
def test_rows_that_stay_are_neither_missed_nor_repeated(
    table: Table, walker: Walker, reading: Reading
) -> None:
    rows, limit, backward, changes = reading
    table.replace(rows)
    before = table.ids()
    start = None
    if backward:
        last = (walker.walk(limit))[-1]
        start = last.previous_cursor
        before = before[: len(before) - len(last)]

    coming = list(changes)

    def change() -> None:
        what = coming.pop() if coming else None
        if isinstance(what, Row):
            table.insert(what)
        elif what is not None:
            table.delete(what)

    pages = walker.walk(limit, start, backward=backward, between=change)
    seen = [id for page in pages[:: -1 if backward else 1] for id in walker.ids(page)]
    assert len(seen) == len(set(seen))
    stayed = set(before) & set(table.ids())
    assert [id for id in seen if id in stayed] == [id for id in before if id in stayed]


@EXAMPLES
@given(reading=READINGS)
def test_an_iteration_neither_misses_nor_repeats_rows_that_stay(
    table: Table, walker: Walker, reading: Reading
) -> None:
    table.replace(reading.rows)
    before = table.ids()
    coming = list(reading.changes)

    def change() -> None:
        what = coming.pop() if coming else None
        if isinstance(what, Row):
            table.insert(what)
        elif what is not None:
            table.delete(what)

    seen = walker.iterate(reading.limit, between=change)
    assert len(seen) == len(set(seen))
    stayed = set(before) & set(table.ids())
    assert [id for id in seen if id in stayed] == [id for id in before if id in stayed]
