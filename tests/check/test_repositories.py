"""What the check finds between repositories, on both faces, and their queries."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.check.broken import METHODS, QUERIES, RECORDS
from tests.check.copies import FACES, append, asynchronous, findings, replace, report
from vrooli_data import InvalidInput
from vrooli_data._contract.recording import _combinations

MODULE = METHODS.removesuffix(".py")
MORE_QUERIES = """
-- name: move(id, customer_id)!
-- Give an order to another customer.
-- Record: none
-- Index:  orders_pkey
-- Locks:  row: orders
UPDATE orders
SET customer_id = :customer_id::bigint
WHERE id = :id::bigint;

-- name: list_newest(customer_id, max_rows)
-- List the first page of the orders of one customer, newest first.
-- Record: Order
-- Index:  orders_customer_id_placed_at_id_idx, orders_customer_id_placed_at_id_idx (order)
-- Locks:  none
SELECT
    id,
    total,
    note,
    placed_at
FROM orders
WHERE customer_id = :customer_id::bigint
ORDER BY
    placed_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: list_newest_after(customer_id, after_placed_at, after_id, max_rows)
-- List the orders after one.
-- Record: Order
-- Index:  orders_customer_id_placed_at_id_idx, orders_customer_id_placed_at_id_idx (order)
-- Locks:  none
SELECT
    id,
    total,
    note,
    placed_at
FROM orders
WHERE
    customer_id = :customer_id::bigint
    AND (placed_at, id) < (:after_placed_at::timestamptz, :after_id::bigint)
ORDER BY
    placed_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: list_newest_before(customer_id, before_placed_at, before_id, max_rows)
-- List the orders before one, nearest first.
-- Record: Order
-- Index:  orders_customer_id_placed_at_id_idx, orders_customer_id_placed_at_id_idx (order)
-- Locks:  none
SELECT
    id,
    total,
    note,
    placed_at
FROM orders
WHERE
    customer_id = :customer_id::bigint
    AND (placed_at, id) > (:before_placed_at::timestamptz, :before_id::bigint)
ORDER BY
    placed_at ASC,
    id ASC
LIMIT :max_rows::integer;
"""
MORE_METHODS = """
    def move(self, id: int, customer_id: int) -> int:
        return self.execute(_SQL.command("move"), id, customer_id)

    def list_newest(self, customer_id: int, *, cursor: str | None = None, limit: int = 20):
        return self.page(_NEWEST, customer_id, cursor=cursor, limit=limit)


_NEWEST = _SQL.listing("list_newest", Order, key="placed_at")
"""
_PAGE = "return self.page(_NEWEST, customer_id, cursor=cursor, limit=limit)"
_ITERATION = "return self.iterate(_NEWEST, customer_id{})"
_RUN = "return self.find_one(_SET_NOTE, id, note)"
RENAMED = """\
        return self.find_one(_FIND_BY_ID, id - id)

    def find_order(self, id: int) -> OrderWithCustomer | None:
        return self.find_one(_FIND_BY_ID, id)
"""


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest) -> str:
    face: str = request.param
    return face


def finish(shop: Path, face: str) -> None:
    """Turn the finished shop into that of a face."""
    if face == "async":
        asynchronous(shop)


def line_of(shop: Path, start: str) -> int:
    """Return the line of the shop's repositories that begins so, on either face."""
    lines = (shop / METHODS).read_text().splitlines()
    (number,) = [n for n, line in enumerate(lines, 1) if re.match(rf" *(async )?{start}", line)]
    return number


@pytest.fixture
def larger(shop: Path) -> Path:
    append(shop, QUERIES, MORE_QUERIES)
    append(shop, METHODS, MORE_METHODS)
    return shop


def test_methods_and_queries_that_agree_have_no_finding(
    shop_url: str, larger: Path, face: str
) -> None:
    finish(larger, face)
    done = report(shop_url, larger, MODULE)
    assert (done.findings, done.queries) == ([], 8)


@pytest.mark.parametrize("size", ["", ", batch_size=10_000", ", batch_size=limit"])
def test_a_listing_that_is_iterated_over_needs_no_rows_before_one(
    shop_url: str, larger: Path, face: str, size: str
) -> None:
    replace(larger, METHODS, _PAGE, _ITERATION.format(size))
    finish(larger, face)
    (finding,) = findings(shop_url, larger, MODULE)
    assert (finding.code, finding.query) == ("unused-query", "orders.list_newest_before")
    text = (larger / QUERIES).read_text()
    (larger / QUERIES).write_text(text[: text.index("-- name: list_newest_before")])
    done = report(shop_url, larger, MODULE)
    assert (done.findings, done.queries) == ([], 7)
    replace(larger, QUERIES, ":after_placed_at::timestamptz", ":after_placed_at::text::timestamptz")
    found = [each for each in findings(shop_url, larger, MODULE) if each.code == "parameters"]
    assert [each.query for each in found] == ["orders.list_newest_after"]


def test_a_page_of_a_listing_without_rows_before_one_is_found(
    shop_url: str, larger: Path, face: str
) -> None:
    text = (larger / QUERIES).read_text()
    (larger / QUERIES).write_text(text[: text.index("-- name: list_newest_before")])
    finish(larger, face)
    told = "orders.list_newest has no query orders.list_newest_before"
    (finding,) = [each for each in findings(shop_url, larger, MODULE) if told in each.what]
    assert (finding.code, finding.query) == ("method", "Orders.list_newest")


@pytest.mark.parametrize("form", ["yield from {}", "return map(repr, {})", "return list({})"])
def test_what_is_made_of_an_iteration_is_gone_through(
    shop_url: str, larger: Path, form: str
) -> None:
    iteration = "self.iterate(_NEWEST, customer_id)"
    method = f"def iter_newest(self, customer_id: int):\n        {form.format(iteration)}"
    replace(larger, METHODS, "    def list_newest(", f"    {method}\n\n    def list_newest(")
    replace(larger, METHODS, _PAGE, "return self.find_by_id(customer_id)")
    found = {each.query for each in findings(shop_url, larger, MODULE)}
    assert found == {"orders.list_newest", "orders.list_newest_before"}


@pytest.mark.parametrize(
    ("code", "query", "file", "old", "new", "told"),
    [
        (
            "parameters",
            "set_note",
            METHODS,
            "_SET_NOTE, id, note)",
            "_SET_NOTE, id)",
            "Orders.set_note passes other parameters than the query takes: note: must be given",
        ),
        (
            "parameters",
            "set_note",
            METHODS,
            "_SET_NOTE, id, note)",
            "_SET_NOTE, id, note, 1)",
            "orders.set_note takes 2 (id, note), not 3",
        ),
        (
            "parameters",
            "set_note",
            METHODS,
            "_SET_NOTE, id, note)",
            "_SET_NOTE, id, text=note)",
            "text: is not a parameter of orders.set_note",
        ),
        (
            "parameters",
            "list_newest",
            METHODS,
            "_NEWEST, customer_id, cursor",
            "_NEWEST, cursor",
            "Orders.list_newest passes other parameters than the query takes: customer_id: must be",
        ),
        (
            "parameters",
            "set_note",
            METHODS,
            "_SET_NOTE, id, note",
            "_SET_NOTE, note, id",
            "Orders.set_note passes a str, which cannot be sent as bigint for :id",
        ),
        (
            "parameters",
            "set_note",
            METHODS,
            "_SET_NOTE, id, note",
            "_SET_NOTE, id=id, note=note is None",
            "Orders.set_note passes a bool, which cannot be sent as text for :note",
        ),
        (
            "parameters",
            "move",
            METHODS,
            '_SQL.command("move"), id, customer_id',
            '_SQL.command("move"), customer_id, id',
            "Orders.move passes something else than its id for :id",
        ),
        (
            "parameters",
            "move",
            QUERIES,
            "move(id, customer_id)",
            "move(customer_id, id)",
            "Orders.move passes something else than its id for :id",
        ),
        (
            "parameters",
            "list_by_customer",
            QUERIES,
            "list_by_customer(customer_id, max_rows)",
            "list_by_customer(max_rows, customer_id)",
            "too large for integer for :max_rows",
        ),
        (
            "parameters",
            "list_by_customer",
            METHODS,
            "min(limit, 100)",
            "limit",
            "too large for integer for :max_rows",
        ),
        (
            "parameters",
            "find_by_id",
            METHODS,
            "self.find_one(_FIND_BY_ID, id)",
            "self.find_one(_FIND_BY_ID, id - 1)",
            "passes something else than its id for :id",
        ),
        (
            "parameters",
            "find_by_id",
            QUERIES,
            "WHERE orders.id = :id::bigint",
            "WHERE orders.id = :id::integer",
            "too large for integer for :id",
        ),
        (
            "parameters",
            "list_newest_after",
            QUERIES,
            ":after_placed_at::timestamptz",
            ":after_placed_at::text::timestamptz",
            "passes a datetime, which cannot be sent as text for :after_placed_at",
        ),
        (
            "unused-query",
            "list_newest_after",
            METHODS,
            "customer_id, cursor=cursor, limit",
            "customer_id, limit",
            "no method runs this query",
        ),
        (
            "unused-query",
            "set_note",
            METHODS,
            "return self.find_one(_SET_NOTE, id, note)",
            "return self.find_one(_FIND_BY_ID, id)",
            "no method runs this query",
        ),
        (
            "unused-query",
            "find_by_id",
            METHODS,
            "        return self.find_one(_FIND_BY_ID, id)\n",
            RENAMED.replace("_FIND_BY_ID, id - id", "_SET_NOTE, id, ''"),
            "Orders.find_by_id has the name of this query, but does not run it",
        ),
        (
            "record",
            "find_by_id",
            METHODS,
            '_SQL.bind("find_by_id", OrderWithCustomer)',
            '_SQL.bind("find_by_id", Order)',
            "the rows become Order, but the header says OrderWithCustomer",
        ),
        (
            "record",
            "list_newest_before",
            QUERIES,
            "-- List the orders before one, nearest first.\n-- Record: Order\n",
            "-- List the orders before one, nearest first.\n-- Record: OrderWithCustomer\n",
            "the rows become Order, but the header says OrderWithCustomer",
        ),
        (
            "record",
            "total_of_customer",
            METHODS,
            '"total_of_customer", int)',
            '"total_of_customer", str)',
            "the rows become str, but the header says int",
        ),
        (
            "record",
            "set_note",
            QUERIES,
            "-- Record: Order, or no row\n",
            "-- Record: Order\n",
            "Orders.set_note accepts no row",
        ),
        (
            "record",
            "set_note",
            METHODS,
            "return self.find_one(_SET_NOTE, id, note)",
            "rows = self.find_all(_SET_NOTE, id, note)\n        return rows[0]",
            "Orders.set_note fails on no row, but the header says `or no row`",
        ),
    ],
)
def test_a_method_that_does_not_fit_its_query_is_found(  # noqa: PLR0917 (one table)
    shop_url: str,
    larger: Path,
    face: str,
    code: str,
    query: str,
    file: str,
    old: str,
    new: str,
    told: str,
) -> None:
    replace(larger, file, old, new)
    finish(larger, face)
    (finding,) = [
        finding
        for finding in findings(shop_url, larger, MODULE)
        if finding.query == f"orders.{query}" and told in finding.what
    ]
    assert (finding.code, finding.path) == (code, (larger / QUERIES).as_posix())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (_RUN, "return [][id]", "cannot be called: it raises IndexError"),
        (
            _RUN,
            f"order = {_RUN.removeprefix('return ')}\n        return order and order.amount",
            "cannot be called: it raises AttributeError",
        ),
        (
            _RUN,
            "raise ValueError('id must be even')",
            "cannot be called: it raises ValueError: id must be even",
        ),
        (
            "note: str | None",
            "note: complex",
            "cannot be called: no example is known for note, a <class 'complex'>",
        ),
        ("note: str | None", "note", "cannot be called: its parameter note has no annot"),
        (
            "note: str | None",
            "note: Note",
            "cannot be called: its annotations cannot be read: name 'Note' is not defined",
        ),
    ],
)
def test_a_method_that_cannot_be_called_is_found(  # noqa: PLR0917 (one table)
    shop_url: str, shop: Path, face: str, old: str, new: str, told: str
) -> None:
    replace(shop, METHODS, old, new)
    finish(shop, face)
    (finding,) = findings(shop_url, shop, MODULE)
    assert (finding.code, finding.query) == ("method", "Orders.set_note")
    assert told in finding.what
    assert finding.path == (shop / METHODS).as_posix()
    assert finding.line == line_of(shop, "def set_note")


def test_a_method_that_runs_no_query_is_found(shop_url: str, shop: Path, face: str) -> None:
    append(shop, METHODS, "\n    def idle(self, id: int) -> int:\n        return id\n")
    finish(shop, face)
    (finding,) = findings(shop_url, shop, MODULE)
    assert (finding.code, finding.query, finding.what) == ("method", "Orders.idle", "runs no query")
    assert finding.line == line_of(shop, "def idle")


@pytest.mark.parametrize(
    "method",
    [
        # It refuses most examples.
        """
    def set_note(self, id: int, note: str | None) -> Order | None:
        if id > 2**40:
            raise ValueError("too large an id")
        return self.find_one(_SET_NOTE, id, note)
""",
        # It raises an error of the application where there is no row.
        """
    def set_note(self, id: int, note: str | None) -> Order:
        order = self.find_one(_SET_NOTE, id, note)
        if order is None:
            raise NoOrder(id)
        return order


class NoOrder(Exception):
    pass
""",
        # It goes through all pages, which never end here.
        """
    def set_note(self, id: int, note: str | None) -> None:
        while self.find_one(_SET_NOTE, id, note):
            pass
""",
        # It takes more types, and parameters of every kind.
        """
    def set_note(
        self, id: "Annotated[OrderId, 1]", /, note: "Note", *ids: int, at: Path = Path(), **more
    ) -> None:
        self.find_one(_SET_NOTE, id, note.value)


from enum import Enum
from typing import Annotated, NewType

OrderId = NewType("OrderId", int)


class Note(Enum):
    YES = "yes"
    NO = None
""",
        # It takes a struct whose fields are the parameters.
        """
    def set_note(self, new: "Note") -> Order | None:
        return self.find_one(_SET_NOTE, new)


import msgspec


class Note(msgspec.Struct):
    id: int
    note: str | None
""",
        # Several queries that belong together.
        """
    def set_note(self, id: int, note: str | None) -> Order | None:
        def both(orders: Orders) -> Order | None:
            return orders.find_one(_SET_NOTE, id, note)

        return self.atomic(both)
""",
        # Properties, static methods and private ones are no methods that run queries.
        """
    def set_note(self, id: int, note: str | None) -> Order | None:
        return self.find_one(_SET_NOTE, id, note)

    @property
    def name(self) -> str:
        return "orders"

    @staticmethod
    def small(total: int) -> bool:
        return total < 10

    @classmethod
    def made(cls, executor: object) -> object:
        return cls(executor)
""",
    ],
)
def test_a_method_of_another_form_has_no_finding(
    shop_url: str, shop: Path, face: str, method: str
) -> None:
    text = (shop / METHODS).read_text()
    old = text[text.index("    def set_note") : text.index("    def total_of")]
    rest = text[text.index("    def total_of") :]
    (shop / METHODS).write_text(f"{text.removesuffix(old + rest)}{rest}{method}")
    finish(shop, face)
    assert findings(shop_url, shop, MODULE) == []


def test_what_a_method_generates_is_gone_through(shop_url: str, shop: Path, face: str) -> None:
    loop = (
        "for order in self.find_all(_LIST_BY_CUSTOMER, customer_id, 100):\n            yield order"
    )
    replace(
        shop,
        METHODS,
        "return self.find_all(_LIST_BY_CUSTOMER, customer_id, min(limit, 100))",
        f"while True:\n            {loop.replace('            ', '                ')}",
    )
    finish(shop, face)
    assert findings(shop_url, shop, MODULE) == []


def test_a_repository_that_takes_more_than_a_database_is_found(
    shop_url: str, shop: Path, face: str
) -> None:
    method = "    def __init__(self, executor: object, tenant: int) -> None:\n        pass\n\n"
    replace(shop, METHODS, "    def find_by_id", f"{method}    def find_by_id")
    finish(shop, face)
    (shop / METHODS).write_text((shop / METHODS).read_text().replace("async def __in", "def __in"))
    found = findings(shop_url, shop, MODULE)
    (finding,) = [finding for finding in found if finding.code == "method"]
    assert (finding.query, finding.line) == ("Orders", line_of(shop, "class Orders"))
    assert "cannot be made of a database alone: TypeError: " in finding.what


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (METHODS, '_SQL.bind("set_note"', '_SQL.bind("set_notes"', "there is no query set_notes"),
        (METHODS, 'bind("set_note", Order', 'bind("set_note", int', "a record is a msgspec.Str"),
        (METHODS, '_SQL.bind("set_note", Order)', '_SQL.scalar("set_note", int)', "bind it by `b"),
        (QUERIES, "-- Locks:  row: orders\n", "", "orders.set_note has no Locks line"),
    ],
)
def test_a_binding_that_is_refused_is_found_and_hides_no_query(  # noqa: PLR0917 (one table)
    shop_url: str, shop: Path, face: str, file: str, old: str, new: str, told: str
) -> None:
    replace(shop, file, old, new)
    replace(shop, QUERIES, "coalesce(sum(total), 0) AS total", "'none' AS total")
    finish(shop, face)
    found = findings(shop_url, shop, MODULE)
    (finding,) = [finding for finding in found if finding.code == "module"]
    assert told in finding.what
    assert (finding.query, finding.path) == (MODULE, (shop / METHODS).as_posix())
    line = (shop / METHODS).read_text().splitlines()[finding.line - 1]
    assert line.startswith(("_SQL = ", "_SET_NOTE = "))
    assert any(finding.query == "orders.total_of_customer" for finding in found)


def test_one_class_may_be_named(shop_url: str, shop: Path, face: str) -> None:
    append(
        shop, METHODS, "\n\nclass Others(Repository):\n    def idle(self) -> None:\n        pass\n"
    )
    finish(shop, face)
    assert findings(shop_url, shop, f"{MODULE}:Orders") == []
    (finding,) = findings(shop_url, shop, MODULE)
    assert (finding.query, finding.what) == ("Others.idle", "runs no query")


def test_the_base_of_several_repositories_is_called_through_them(
    shop_url: str, shop: Path, face: str
) -> None:
    replace(shop, METHODS, "class Orders(Repository)", "class Base(Repository)")
    append(shop, METHODS, "\n\nclass Orders(Base):\n    pass\n")
    finish(shop, face)
    assert findings(shop_url, shop, MODULE) == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere", "cannot be imported: ModuleNotFoundError"),
        (f"{MODULE}:Order", "shop_repositories has no Repository or AsyncRepository 'Order'"),
        (f"{MODULE}:", "shop_repositories has no Repository or AsyncRepository ''"),
        ("shop_records", "shop_records has no Repository, AsyncRepository or query"),
        ("", "must be the name of a module"),
    ],
)
def test_a_name_of_no_repository_is_refused(
    shop_url: str, shop: Path, name: str, told: str
) -> None:
    with pytest.raises(InvalidInput, match=told) as refused:
        findings(shop_url, shop, name)
    assert refused.value.field == "repositories"


def test_a_query_that_a_module_without_repository_holds_is_run_there(
    shop_url: str, larger: Path
) -> None:
    text = (larger / METHODS).read_text()
    start, end = text.index("    def list_newest("), text.index("_NEWEST = ")
    (larger / METHODS).write_text(text[:start])
    lines = [line for line in text.splitlines() if line.startswith(("from ", "_SQL = "))]
    (larger / "reports.py").write_text("\n".join([*lines, text[end:]]))
    assert findings(shop_url, larger, MODULE, "reports") == []
    assert {finding.query for finding in findings(shop_url, larger, MODULE)} == {
        "orders.list_newest",
        "orders.list_newest_after",
        "orders.list_newest_before",
    }


def test_a_query_of_another_folder_is_noted(shop_url: str, shop: Path) -> None:
    (shop / "other/orders").mkdir(parents=True)
    (shop / "other/orders/queries.sql").write_text((shop / QUERIES).read_text())
    replace(shop, METHODS, "sql/orders", "other/orders")
    text = (shop / QUERIES).read_text()
    (shop / QUERIES).write_text(text[: text.index("-- name: total_of_customer")])
    done = report(shop_url, shop, MODULE)
    assert done.findings == []
    (note,) = [note for note in done.notes if "total_of_customer" in note]
    assert note == (
        "orders.total_of_customer, which Orders.total_of_customer runs, was not checked: not in "
        f"{(shop / 'sql').as_posix()}"
    )


def test_records_that_cannot_be_imported_are_found(shop_url: str, shop: Path) -> None:
    text = (shop / METHODS).read_text().replace("from shop_records", "from shop_rows")
    (shop / RECORDS).rename(shop / "shop_rows.py")
    (shop / RECORDS).write_text(text.replace('bind("set_note"', 'bind("set_notes"'))
    done = report(shop_url, shop)
    (finding,) = done.findings
    assert (finding.code, finding.query) == ("module", "shop_records")
    assert finding.path == (shop / RECORDS).as_posix()
    assert "there is no query set_notes" in finding.what
    assert (done.queries, done.notes) == (
        0,
        ["nothing else was checked: the records cannot be imported"],
    )


def test_many_flags_are_tried_one_by_one() -> None:
    few = list(_combinations({name: [(False,), (True,)] for name in "abc"}))
    assert len(few) == 8
    many = list(_combinations({name: [(False,), (True,)] for name in "abcdefghijkl"}))
    assert len(many) == 13
    assert [sum(value == (True,) for value in each.values()) for each in many] == [0] + [1] * 12
