# Generated from tests/_async/conftest.py by tools/unasync.py. Do not edit.
"""The database of a test, through the layer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vrooli_data import Database


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """Open the test's database."""
    with Database.connect(database_url, max_size=4) as database:
        yield database


@pytest.fixture
def unopened() -> Database:
    """Describe a database that no statement can reach."""
    return Database.connect("host=/nowhere")
