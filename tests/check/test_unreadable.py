"""Files, records and plans that cannot be read: each is a finding, and none ends in a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.check.broken import QUERIES, RECORDS
from tests.check.copies import append, findings, replace
from vrooli_data import InvalidFile, InvalidInput
from vrooli_data._contract import plan_files

_FOLDER = "sql/orders"
_PLANS = "sql/orders/plans.txt"
_GIFTS = """\
-- name: delete_staged()!
-- Delete the staged gifts.
-- Utility: reads a temporary table.
-- Record: none
-- Index:  none: a small table
-- Locks:  none
DELETE FROM staged WHERE id > 0;
"""


def _nested(shop: Path) -> None:
    (shop / "sql/orders/old").mkdir()
    (shop / "sql/orders/old/q.sql").write_text("-- name: find()\n")


FILES: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "text that is not UTF-8": (
        "sql/orders/latin.sql",
        "the file is not UTF-8",
        lambda shop: (shop / "sql/orders/latin.sql").write_bytes(b"-- name: caf\xe9()\n"),
    ),
    "folder with the name of a file": (
        "sql/orders/d.sql",
        "the file cannot be read: Is a directory",
        lambda shop: (shop / "sql/orders/d.sql").mkdir(),
    ),
    "link to nothing": (
        "sql/orders/gone.sql",
        "the file cannot be read: No such file",
        lambda shop: (shop / "sql/orders/gone.sql").symlink_to("nowhere"),
    ),
    "file without a query": (
        "sql/orders/schema.sql",
        "the file has no query",
        lambda shop: (shop / "sql/orders/schema.sql").write_text("SELECT 1;\n"),
    ),
    "folder in a folder": ("sql/orders/old/q.sql", "the file lies too deep", _nested),
    "plans that are not UTF-8": (
        _PLANS,
        "the file is not text in UTF-8",
        lambda shop: (shop / _PLANS).write_bytes(b"\xe9"),
    ),
    "plans that are a folder": (
        _PLANS,
        "the file is not text in UTF-8",
        lambda shop: (shop / _PLANS).mkdir(),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_read_is_found(shop_url: str, shop: Path, name: str) -> None:
    path, told, make = FILES[name]
    make(shop)
    (finding,) = findings(shop_url, shop)
    assert finding.path == (shop / path).as_posix()
    assert finding.code == ("plan" if path == _PLANS else "file")
    assert told in finding.what


def test_a_folder_without_queries_is_refused(shop_url: str, shop: Path) -> None:
    (shop / QUERIES).unlink()
    with pytest.raises(InvalidInput, match=r"sql contains no \.sql file"):
        findings(shop_url, shop)


def test_plans_are_kept_for_every_folder_or_for_none(
    shop_url: str, shop: Path, server_version: int
) -> None:
    if server_version != plan_files.MAJOR:
        pytest.skip(f"the reviewed plans are those of PostgreSQL {plan_files.MAJOR}")
    (shop / "sql/gifts").mkdir()
    plan_files.write(shop / "sql/gifts", {})
    (shop / "sql/gifts/read.sql").write_text(_GIFTS)
    (finding,) = findings(shop_url, shop)
    assert (finding.code, finding.path) == ("plan", (shop / _PLANS).as_posix())
    assert finding.what == "the plans of this folder were not written"


def test_plans_that_cannot_be_written_are_reported(shop: Path) -> None:
    (shop / _PLANS).mkdir()
    with pytest.raises(InvalidFile, match=r"plans\.txt: it cannot be written"):
        plan_files.write(shop / _FOLDER, {"orders.set_note": "Result"})


@pytest.mark.parametrize(
    "expression", ["Order[int]", "int[str]", "None | None", "Order[", "Order()", "'Order'"]
)
def test_a_record_line_that_names_no_type_is_found(
    shop_url: str, shop: Path, expression: str
) -> None:
    replace(shop, QUERIES, "-- Record: Order\n", f"-- Record: {expression}\n")
    (finding,) = findings(shop_url, shop)
    assert (finding.code, finding.query) == ("record", "orders.list_by_customer")
    assert finding.what.endswith("is no record, scalar or none")


def test_a_record_whose_annotation_names_nothing_is_found(shop_url: str, shop: Path) -> None:
    replace(shop, RECORDS, "name: str | None", "name: str | Nothing")
    found = findings(shop_url, shop)
    assert {(finding.code, finding.query) for finding in found} == {
        ("record", "Customer"),
        ("record", "OrderWithCustomer"),
        ("record", "orders.find_by_id"),
    }
    assert all("name 'Nothing' is not defined" in finding.what for finding in found)


def test_a_record_without_source_is_placed_in_its_module(shop_url: str, shop: Path) -> None:
    made = "\nParcel = msgspec.defstruct('Parcel', [('id', int)], module=__name__)\n"
    append(shop, RECORDS, made)
    (finding,) = findings(shop_url, shop)
    assert (finding.code, finding.query, finding.line) == ("unused-record", "Parcel", 1)
