"""The database of a test, through the layer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from vrooli_data import AsyncDatabase


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[AsyncDatabase]:
    """Open the test's database."""
    async with AsyncDatabase.connect(database_url, max_size=4) as database:
        yield database


@pytest.fixture
def unopened() -> AsyncDatabase:
    """Describe a database that no statement can reach."""
    return AsyncDatabase.connect("host=/nowhere")
