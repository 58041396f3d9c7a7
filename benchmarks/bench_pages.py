"""Page 1 of a listing compared with a page 100 000 rows deep, in every order and both directions.

Both are calls of `resources.find_by_type` on a held connection, for the type with the most listed
resources. The deep page is read with the cursor of the row before it ("after") and with that of the
row after it ("before"). Both are checked to return the rows that OFFSET returns.

The table also has the buffers that the server touched for each page (EXPLAIN ANALYZE, second
execution). They do not depend on the machine or its load.

Bar: the deep page takes at most 1.3 times as long as page 1. It applies only when the listing is
deep enough; the title says how deep it went.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, get_args

import psycopg
from psycopg import Connection, RawCursor
from psycopg.rows import tuple_row

from vrooli_data import Database, HeldConnection, Resource, ResourceOrder
from vrooli_data._binding import own_queries
from vrooli_data._pages import Position

from ._measure import Effort, Table, Turns, alternate, compare, in_fresh_process
from ._patterns import PAGE, Call, Recorder, listed_types
from ._pinning import pin_backends, pin_client
from .bench_reads import our_turn

_DEPTH = 100_000
_BAR = 1.3


class Order(NamedTuple):
    """The pages of one order, by query."""

    name: str
    first: Call
    after: Call
    before: Call

    @property
    def calls(self) -> tuple[Call, Call, Call]:
        """All three pages, page 1 first."""
        return self.first, self.after, self.before


class Run(NamedTuple):
    """The result of one fresh process."""

    #: The turns of the three calls, by order.
    measured: dict[str, list[Turns]]
    pinning: str


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure the deep pages of every order; *advance* is called for each run."""
    with (
        Database.connect(url) as db,
        db.connection() as held,
        psycopg.connect(url) as beside,
    ):
        resource_type, count = listed_types(held)[0]
        depth = min(_DEPTH, count - PAGE - 1)
        orders = [_order(held, resource_type, order, depth) for order in get_args(ResourceOrder)]
        buffers = {call.query: _buffers(beside, call) for order in orders for call in order.calls}
    runs: list[Run] = []
    for number in range(effort.runs):
        advance(f"pages, run {number + 1} of {effort.runs}")
        runs.append(in_fresh_process(measure_orders, url, orders, effort))
    comparisons = [
        compare(
            call.query,
            [run.measured[order.name][0] for run in runs],
            [run.measured[order.name][place] for run in runs],
            bar=_BAR if depth == _DEPTH else None,
            counts={"buffers 1": buffers[order.first.query], "deep": buffers[call.query]},
        )
        for order in orders
        for place, call in enumerate(order.calls)
        if place > 0
    ]
    title = f"Pages of {PAGE}: page 1 against a page {depth:,} rows deep"
    note = f"{count:,} listed resources of type {resource_type}; {runs[0].pinning}"
    return [Table(title, "page 1", "deep", "µs", comparisons, note)]


def measure_orders(url: str, orders: Sequence[Order], effort: Effort) -> Run:
    """Measure the pages of each order. Runs in a process of its own."""
    pin_client()
    with Database.connect(url) as db, db.connection() as held:
        pinning = pin_backends(held.connection.info, [held.connection.info.backend_pid])
        measured = {
            order.name: alternate([our_turn(held, [call]) for call in order.calls], 1, effort)
            for order in orders
        }
    return Run(measured, pinning)


def _order(held: HeldConnection, resource_type: str, order: str, depth: int) -> Order:
    """Return the cursors of the rows around the page that begins at *depth*."""
    name = f"resources.find_by_type__{order}"
    listing = own_queries("resources").listing(f"find_by_type__{order}", Resource, key=order)
    salt = listing.select((resource_type,), {}, None, PAGE).salt
    expected = held.connection.execute(
        f"SELECT {order}, id FROM resources WHERE resource_type = %s"
        f" AND NOT is_private AND NOT is_deleted AND has_complete_version"
        f" ORDER BY {order} DESC, id DESC OFFSET %s LIMIT %s",
        (resource_type, depth - 1, PAGE + 2),
    ).fetchall()
    page_ids = [id for _, id in expected[1:-1]]
    call = Recorder(held).call

    def page(cursor: str | None) -> Call:
        return call(
            "resources.find_by_type", resource_type, order_by=order, cursor=cursor, limit=PAGE
        )

    calls = {
        "after": page(listing.cursor(Position("after", expected[0]), salt)),
        "before": page(listing.cursor(Position("before", expected[-1]), salt)),
    }
    for direction, deep in calls.items():
        if [resource.id for resource in deep.on(held)().items] != page_ids:
            raise AssertionError(f"{name}_{direction} at row {depth} is not what OFFSET finds")
    return Order(name, page(None), calls["after"], calls["before"])


def _buffers(connection: Connection[Any], call: Call) -> int:
    """Return the number of 8 kB buffers that a second execution of *call* touches."""
    cursor = RawCursor(connection, row_factory=tuple_row)
    explain = b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + call.statement
    plan: dict[str, int] = {}
    for _ in range(2):
        [([explained],)] = cursor.execute(explain, call.parameters).fetchall()
        plan = explained["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
