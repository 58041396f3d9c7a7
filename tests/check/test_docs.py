"""The worked example of docs/contract.md, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.check.broken import QUERIES, RECORDS
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
    assert blocks("python") == [(shop / RECORDS).read_text()]


@pytest.mark.slow("the documents' programs")
def test_the_commands_of_the_example_print_what_stands_there(
    shop: Path, shop_url: str, server_version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server_version < 16:
        pytest.skip("parse trees are read from PostgreSQL 16 on")
    monkeypatch.chdir(shop)
    (change,) = blocks("diff")
    old, new = re.fullmatch(r"-(.*)\n\+(.*)\n", change).groups()  # type: ignore[union-attr]
    before, after = [block for block in blocks("console") if "--sql" in block]
    for block in (before, after):
        command, _, expected = block.partition("\n")
        arguments = command.removeprefix("$ vrooli-data ").split()
        done = run(*arguments, DATABASE_URL=shop_url)
        assert done.stderr == ""
        assert without_times(done.stdout) == without_times(expected)
        assert done.returncode == ("no finding" not in expected)
        if block is before:
            replace(shop, QUERIES, old, new)
