"""The public names of each object are those in its documentation; none ends a transaction."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.introspection import REPOSITORIES
from vrooli_data import AsyncDatabase, Database

PAGE = Path(__file__).parents[1] / "docs" / "transactions.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the wheel has no docs")


def documented(subject: str) -> set[str]:
    """Return the names in the table's line of one object."""
    line = next(line for line in PAGE.read_text().splitlines() if line.startswith(f"| {subject} |"))
    return set(re.findall(r"`(\w+)`", line.split("|")[2]))


def test_the_repositories_are_those_that_are_documented() -> None:
    listed = re.search(r"have the repositories (.*?)\. `listen`", PAGE.read_text(), re.DOTALL)
    assert listed is not None
    assert set(re.findall(r"`(\w+)`", listed[1])) == REPOSITORIES.keys()


def test_the_readme_names_every_page() -> None:
    readme = (PAGE.parents[1] / "README.md").read_text()
    assert [page.name for page in PAGE.parent.glob("*.md") if page.name not in readme] == []


def public(thing: Any) -> set[str]:
    """Return the names of an object that a user may take for an offer."""
    return {name for name in dir(thing) if not name.startswith("_")}


def test_the_synchronous_face_shows_what_is_documented(database_url: str) -> None:
    with Database.connect(database_url) as db:
        assert public(db) == documented("`db`") | REPOSITORIES.keys()
        with db.connection() as held:
            assert public(held) == documented("`db.connection()`") | REPOSITORIES.keys()
        attempts = db.retrying()
        assert public(attempts) == documented("`db.retrying()`")
        for attempt in attempts:
            assert public(attempt) == documented("an attempt")
            with attempt, db.transaction() as tx:
                assert public(tx) == documented("`db.transaction()`") | REPOSITORIES.keys()


@pytest.mark.anyio
async def test_the_asynchronous_face_shows_what_is_documented(database_url: str) -> None:
    async with AsyncDatabase.connect(database_url) as db:
        assert public(db) == documented("`db`") | REPOSITORIES.keys()
        async with db.connection() as held:
            assert public(held) == documented("`db.connection()`") | REPOSITORIES.keys()
        attempts = db.retrying()
        assert public(attempts) == documented("`db.retrying()`")
        async for attempt in attempts:
            assert public(attempt) == documented("an attempt")
            async with attempt, db.transaction() as tx:
                assert public(tx) == documented("`db.transaction()`") | REPOSITORIES.keys()
