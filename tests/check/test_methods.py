"""What the check finds between methods and queries."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.check.broken import QUERIES, RECORDS
from tests.check.copies import imported, replace
from vrooli_data._contract.check import check
from vrooli_data._contract.findings import Finding

REPOSITORY = """
from __future__ import annotations

import sys
from pathlib import Path

from vrooli_data import AsyncRepository, queries
from vrooli_data.validation import check_id, check_limit

records = sys.modules[RECORDS_MODULE]
sql = queries(Path(__file__).parent / "sql/orders")
FIND_BY_ID = sql.bind("find_by_id", records.OrderWithCustomer)
LIST = sql.bind("list_by_customer", records.Order)
SET_NOTE = sql.bind("set_note", records.Order)


class Orders(AsyncRepository):
    async def find_by_id(self, id: int):
        check_id("id", id)
        return await self.find_one(FIND_BY_ID, id)

    async def list_by_customer(self, customer_id: int, *, limit: int = 20):
        check_id("customer_id", customer_id)
        check_limit(limit)
        return await self.find_all(LIST, customer_id, limit)

    async def set_note(self, id: int, note: str | None):
        check_id("id", id)
        return await self.find_one(SET_NOTE, id, note)
"""
RENAMED = """\
        return await self.find_one(SET_NOTE, id, 'x')

    async def find_order(self, id: int):
        return await self.find_one(FIND_BY_ID, id)
"""
#: No repository runs it.
REPORT = """
from pathlib import Path

from vrooli_data._queries import load_folder

sources = load_folder(Path(__file__).parent / "sql/orders")
TOTAL = sources["orders.total_of_customer"].statement
"""


@pytest.fixture
def shop_with_methods(shop: Path) -> Path:
    (shop / "repository.py").write_text(REPOSITORY)
    (shop / "report.py").write_text(REPORT)
    return shop


def findings(url: str, shop: Path) -> list[Finding]:
    records = imported(shop / RECORDS)
    replace(shop, "repository.py", "RECORDS_MODULE", repr(records))
    repositories = [imported(shop / "repository.py"), imported(shop / "report.py")]
    return check(url, sql=shop / "sql", records=records, repositories=repositories).findings


def test_methods_and_queries_that_agree_have_no_finding(
    shop_url: str, shop_with_methods: Path
) -> None:
    assert findings(shop_url, shop_with_methods) == []


@pytest.mark.parametrize(
    ("code", "query", "file", "old", "new", "told"),
    [
        (
            "parameters",
            "set_note",
            "repository.py",
            "self.find_one(SET_NOTE, id, note)",
            "self.find_one(SET_NOTE, note, id)",
            "passes a str, which cannot be sent as bigint for :id",
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
            "find_by_id",
            "repository.py",
            "self.find_one(FIND_BY_ID, id)",
            "self.find_one(FIND_BY_ID, id - 1)",
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
            "unused-query",
            "total_of_customer",
            "report.py",
            "TOTAL = ",
            "TOTAL = 'of ' if True else ",
            "no method runs this query",
        ),
        (
            "unused-query",
            "set_note",
            "repository.py",
            "return await self.find_one(SET_NOTE, id, note)",
            "return await self.find_one(FIND_BY_ID, id)",
            "no method runs this query",
        ),
        (
            "unused-query",
            "find_by_id",
            "repository.py",
            "        return await self.find_one(FIND_BY_ID, id)\n",
            RENAMED,
            "Orders.find_by_id has the name of this query, but does not run it",
        ),
        (
            "record",
            "find_by_id",
            "repository.py",
            '"find_by_id", records.OrderWithCustomer',
            '"find_by_id", records.Order',
            "the rows become Order, but the header says OrderWithCustomer",
        ),
        (
            "record",
            "set_note",
            QUERIES,
            "-- Record: Order, or no row\n",
            "-- Record: Order\n",
            "Orders.set_note goes on without a row",
        ),
        (
            "record",
            "set_note",
            "repository.py",
            "await self.find_one(SET_NOTE, id, note)",
            "(await self.find_all(SET_NOTE, id, note))[0]",
            "Orders.set_note fails on no row, but the header says `or no row`",
        ),
    ],
)
def test_a_method_that_does_not_fit_its_query_is_found(  # noqa: PLR0917 (one table)
    shop_url: str,
    shop_with_methods: Path,
    code: str,
    query: str,
    file: str,
    old: str,
    new: str,
    told: str,
) -> None:
    replace(shop_with_methods, file, old, new)
    (finding,) = [
        finding for finding in findings(shop_url, shop_with_methods) if told in finding.what
    ]
    assert (finding.code, finding.query) == (code, f"orders.{query}")
    assert finding.path == (shop_with_methods / QUERIES).as_posix()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("        return id\n", "runs no query"),
        ("        raise TypeError('no such luck')\n", "cannot be called: it raises TypeError"),
        (
            "        return await self.find_one(SET_NOTE, id)\n",
            "it raises InvalidInput: note: must be given to orders.set_note",
        ),
    ],
)
def test_a_method_that_runs_no_query_is_found(
    shop_url: str, shop_with_methods: Path, body: str, told: str
) -> None:
    path = shop_with_methods / "repository.py"
    path.write_text(f"{path.read_text()}\n    async def idle(self, id: int):\n{body}")
    (finding,) = findings(shop_url, shop_with_methods)
    assert (finding.code, finding.query) == ("method", "Orders.idle")
    assert told in finding.what
    line = path.read_text().splitlines()[finding.line - 1]
    assert "async def idle" in line


def test_an_argument_of_which_nothing_is_known_is_told(
    shop_url: str, shop_with_methods: Path
) -> None:
    replace(shop_with_methods, "repository.py", "id: int, note: str | None", "id: int, note: Path")
    told = [finding.what for finding in findings(shop_url, shop_with_methods)]
    assert any("of which no example is known" in what for what in told)
