"""A query keeps the plan that was made for it once, or has one made on each call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from psycopg import AsyncConnection

from tests.factories import Factory
from tests.introspection import methods, required_arguments
from vrooli_data import AsyncDatabase, DatabaseError, VrooliDataError
from vrooli_data._bound import Query
from vrooli_data._queries import load_folder, sql_folder

from ._compat import finished
from .probe import make_world

#: By query: how often it was planned for one call, and how often the kept plan was used.
PLANNED = """
SELECT substring(statement, 'vrooli_data:([a-z_.]+)'), custom_plans, generic_plans
FROM pg_prepared_statements
WHERE statement LIKE '/* vrooli_data:%' AND statement NOT LIKE '/* vrooli_data:setup%'
"""
QUERIES = """\
-- name: share(part, whole)$
-- Divide two numbers.
-- Record: int
-- Index:  none: reads no table
-- Plan:   custom (part = 6, whole = 2), to try it
-- Locks:  none
SELECT :part::integer / :whole::integer AS share;
"""


class UndoneError(Exception):
    """Raised to undo a savepoint."""


class Share(msgspec.Struct, frozen=True):
    share: int


@pytest.fixture
def share(tmp_path: Path) -> Query[..., Share]:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "queries.sql").write_text(QUERIES)
    return Query(load_folder(folder)["shop.share"], Share)


async def plans(connection: AsyncConnection[Any]) -> dict[str, tuple[int, int]]:
    cursor = await connection.execute(PLANNED)
    return {name: (custom, generic) for name, custom, generic in await cursor.fetchall()}


async def mode(connection: AsyncConnection[Any]) -> str:
    cursor = await connection.execute("SELECT current_setting('plan_cache_mode')")
    ((found,),) = await cursor.fetchall()
    return str(found)


async def test_no_call_of_any_method_is_planned_anew(db: AsyncDatabase, make: Factory) -> None:
    make_world(make)
    found: dict[str, tuple[int, int]] = {}
    async with db.transaction() as tx:
        for repository, name, _ in methods():
            # What it wrote is undone, and with that psycopg forgets what it prepared.
            with pytest.raises((UndoneError, VrooliDataError)):
                async with tx.savepoint():
                    method = getattr(getattr(tx, repository), name)
                    await finished(method(**required_arguments(repository, name)))
                    found |= await plans(tx.connection)
                    raise UndoneError
    assert len(found) > 60
    asking = {
        source.name
        for folder in filter(Path.is_dir, sql_folder().iterdir())
        for source in load_folder(folder).values()
        if source.is_planned_anew
    }
    assert {name for name, each in found.items() if each[0]} <= asking


async def test_a_query_that_asks_for_it_is_planned_for_each_call(
    db: AsyncDatabase, share: Query[..., Share]
) -> None:
    async with db.connection() as held:
        for _ in range(7):
            assert await held._runner.rows(share, (6, 2)) == [(3,)]
            assert await held.users.find_by_id(1) is None
        found = await plans(held.connection)
        assert found == {"shop.share": (7, 0), "users.find_by_id": (0, 7)}
        assert await mode(held.connection) == "force_generic_plan"


async def test_in_a_transaction_its_setting_ends_with_it(
    db: AsyncDatabase, share: Query[..., Share]
) -> None:
    async with db.transaction() as tx:
        for _ in range(3):
            assert await tx._runner.rows(share, (6, 2)) == [(3,)]
            assert await tx.users.find_by_id(1) is None
        found = await plans(tx.connection)
        assert found == {"shop.share": (3, 0), "users.find_by_id": (0, 3)}
        assert await mode(tx.connection) == "force_generic_plan"


async def test_its_failure_leaves_nothing_behind(
    db: AsyncDatabase, share: Query[..., Share]
) -> None:
    async with db.connection() as held:
        for _ in range(2):
            with pytest.raises(DatabaseError, match=r"shop\.share: .*22012"):
                await held._runner.rows(share, (6, 0))
            assert await mode(held.connection) == "force_generic_plan"
            assert await held._runner.rows(share, (6, 3)) == [(2,)]
    async with db.transaction() as tx:
        for _ in range(2):
            with pytest.raises(DatabaseError, match=r"shop\.share: .*22012"):
                async with tx.savepoint():
                    await tx._runner.rows(share, (6, 0))
            assert await mode(tx.connection) == "force_generic_plan"
            assert await tx._runner.rows(share, (6, 3)) == [(2,)]


async def test_without_preparing_it_works_as_well(
    database_url: str, share: Query[..., Share]
) -> None:
    async with AsyncDatabase.connect(database_url, prepare=False) as db, db.connection() as held:
        for _ in range(7):
            assert await held._runner.rows(share, (6, 2)) == [(3,)]
        assert await plans(held.connection) == {}
