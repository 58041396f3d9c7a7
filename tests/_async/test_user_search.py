"""Searching users, with the queries of the trigram indexes and with those that need none.

Both are right on every server: without the indexes, the first are only slow.
"""

from __future__ import annotations

from typing import Any, Literal

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import AsyncDatabase, InvalidInput, User

_CROWD = """
INSERT INTO users (public_id, name, is_private, created_at)
SELECT
    lpad('c' || n, 12, '0'),
    'A crowd',
    mod(n, 5) = 0,
    '2026-01-01Z'::timestamptz + mod(n, 7) * interval '1 day'
FROM generate_series(1, %s) AS n
"""
_NEWER = """
INSERT INTO users (public_id, name, created_at)
SELECT lpad('n' || n, 12, '0'), 'Alone', '2026-02-01Z' FROM generate_series(1, %s) AS n
"""
_ORACLE = """
SELECT id
FROM users
WHERE NOT is_private AND name = 'A crowd'
ORDER BY created_at DESC, id DESC
LIMIT 10
"""


@pytest.fixture(params=[False, True], ids=["walk", "trigrams"])
def searching(db: AsyncDatabase, request: pytest.FixtureRequest) -> AsyncDatabase:
    """Search by one of the two queries."""
    db._runner.extensions = {"pg_trgm"} if request.param else ()
    return db


def ids(found: list[User]) -> list[int]:
    return [user.id for user in found]


async def test_names_and_handles_match_whatever_their_case(
    searching: AsyncDatabase, make: Factory
) -> None:
    first = make.user(name="Ada Lovelace", created_at="2026-01-01Z")
    second = make.user(name="Somebody", handle="lovely", created_at="2026-01-02Z")
    make.user(name="Hidden Lovelace", is_private=True)
    assert ids(await searching.users.search("LOVEL")) == [second, first]
    assert ids(await searching.users.search("lovel", limit=1)) == [second]
    assert await searching.users.search("absent") == []


async def test_an_address_is_listed_only_to_who_knows_it(
    searching: AsyncDatabase, make: Factory
) -> None:
    user_id = make.user(name="Ada", email="countess@example.org")
    assert await searching.users.search("countess@") == []
    assert ids(await searching.users.search("Countess@Example.org")) == [user_id]
    assert ids(await searching.users.search("COUNTESS@", match_email="substring")) == [user_id]


@pytest.mark.parametrize("wildcard", ["%", "_", "\\", "a%b", "100%_\\"])
async def test_wildcards_match_themselves(
    searching: AsyncDatabase, make: Factory, wildcard: str
) -> None:
    make.user(name="axb 100 %% __ \\\\"[:3])
    user_id = make.user(name=f"<{wildcard}>")
    assert ids(await searching.users.search(wildcard)) == [user_id]


@pytest.mark.slow("large tables")
@pytest.mark.parametrize("match_email", ["exact", "substring"])
@pytest.mark.parametrize(
    ("count", "newer"), [(5000, 0), (6250, 0), (6255, 1), (7000, 9990), (7000, 10_001)]
)
async def test_a_text_of_very_many_hits_finds_the_newest_of_all(
    searching: AsyncDatabase,
    admin: Connection[Any],
    count: int,
    newer: int,
    match_email: Literal["exact", "substring"],
) -> None:
    admin.execute(_CROWD, (count,))
    admin.execute(_NEWER, (newer,))
    newest = [id for (id,) in admin.execute(_ORACLE).fetchall()]
    assert len(newest) == 10
    assert ids(await searching.users.search("CROWD", match_email=match_email)) == newest


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    search = unopened.users.search
    with pytest.raises(InvalidInput, match="query: must have at least 1"):
        await search("")
    with pytest.raises(InvalidInput, match="match_email: must be one of exact, substring"):
        await search("ada", match_email="prefix")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="limit: must be from 1 to 500"):
        await search("ada", limit=0)
