"""The worked example of docs/contract.md, as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.check.broken import METHODS, QUERIES, RECORDS
from tests.check.copies import replace
from tests.cli import run

PAGE = Path(__file__).parents[2] / "docs/contract.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the wheel has no docs")


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def without_times(text: str) -> str:
    return re.sub(r"in \d+\.\d s", "in 0.1 s", text)


def test_the_files_of_the_example_are_those_that_are_checked_here(shop: Path) -> None:
    assert blocks("sql") == [(shop / QUERIES).read_text()]
    assert blocks("python") == [(shop / RECORDS).read_text(), (shop / METHODS).read_text()]


@pytest.mark.slow("the documents' programs")
def test_the_commands_of_the_example_print_what_the_page_shows(
    shop: Path, shop_url: str, server_version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server_version < 16:
        pytest.skip("parse trees are read from PostgreSQL 16 on")
    monkeypatch.chdir(shop)
    shown = [block for block in blocks("console") if "--sql" in block]
    changes = [re.fullmatch(r"-(.*)\n\+(.*)\n", block) for block in blocks("diff")]
    assert len(shown) == 1 + len(changes)
    for block, change, file in zip(
        shown, [None, *changes], [QUERIES, QUERIES, METHODS], strict=True
    ):
        before = (shop / file).read_text()
        if change is not None:
            replace(shop, file, change[1], change[2])
        command, _, expected = block.partition("\n")
        arguments = command.removeprefix("$ vrooli-data ").split()
        done = run(*arguments, DATABASE_URL=shop_url)
        assert done.stderr == ""
        assert without_times(done.stdout) == without_times(expected)
        assert done.returncode == ("no finding" not in expected)
        # Each change is made alone.
        (shop / file).write_text(before)


@pytest.mark.slow("types")
def test_the_example_is_typed(shop: Path, tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="the type checker belongs to the group lint")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--no-incremental"),
            *("--config-file", "", "--cache-dir", tmp_path, "--follow-imports=silent", METHODS),
        ],
        cwd=shop,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "Success: no issues found in 1 source file\n")


PROGRAM = """
import os
from shop_orders import Orders
from vrooli_data import Database

with Database.connect(os.environ["DATABASE_URL"], check_migrations=False) as db:
    orders = Orders(db)
    found = orders.find_by_id(1)
    print(found.id, found.customer.name, [each.id for each in orders.list_by_customer(2, 3)])
    print(orders.total_of_customer(2), orders.set_note(20_001, None))
    try:
        with db.transaction() as tx:
            print(Orders(tx).set_note(1, "Leave it at the door").note)
            raise ZeroDivisionError
    except ZeroDivisionError:
        print(orders.find_by_id(1).note)
"""


def test_the_methods_of_the_example_run(shop: Path, shop_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM.replace("shop_orders", METHODS[:-3])],
        cwd=shop,
        env=os.environ | {"DATABASE_URL": shop_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.stdout.splitlines()) == (
        "",
        [
            "1 Customer 2 [18001, 16001, 14001]",
            "10 None",
            "Leave it at the door",
            "None",
        ],
    )
