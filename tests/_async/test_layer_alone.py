"""The layer on a database that has none of the package's tables."""

from __future__ import annotations

import psycopg
import pytest

from tests.app import SCHEMA
from tests.app.records import NewComment
from vrooli_data import AsyncDatabase, AsyncRepository, InvalidInput, NotMigrated

from .comments import AsyncComments


async def test_a_database_of_an_application_alone_is_opened_where_that_is_asked_for(
    empty_database_url: str,
) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(SCHEMA.read_bytes().replace(b" REFERENCES users (id)", b""))
    with pytest.raises(NotMigrated):
        await AsyncDatabase.connect(empty_database_url).open()
    async with AsyncDatabase.connect(empty_database_url, check_migrations=False) as db:
        comments = AsyncComments(db)
        created = await comments.create(NewComment(slug="first", body="x"))
        assert list(await comments.newest()) == [created]
        async with db.transaction() as tx:
            assert await AsyncComments(tx).find_by_id(created.id) == created
        async with db.connection() as held:
            assert await AsyncComments(held).delete(created.id)
        assert not AsyncRepository(db).has_extension("pg_trgm")


async def test_an_extension_that_the_package_does_not_know_counts(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        if not connection.execute(
            "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'"
        ).fetchone():
            pytest.skip("the server has no contrib")
        connection.execute("CREATE EXTENSION pg_trgm")
    async with AsyncDatabase.connect(empty_database_url, check_migrations=False) as db:
        assert AsyncRepository(db).has_extension("pg_trgm")
        async with db.transaction() as tx:
            assert AsyncRepository(tx).has_extension("pg_trgm")
            assert not AsyncRepository(tx).has_extension("citext")


async def test_an_extension_without_the_indexes_of_its_migrations_does_not_count(
    database_url: str,
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM vrooli_data_migrations WHERE id LIKE '%trgm%'")
    async with AsyncDatabase.connect(database_url) as db:
        assert not AsyncRepository(db).has_extension("pg_trgm")


async def test_check_migrations_is_true_or_false() -> None:
    with pytest.raises(InvalidInput, match="check_migrations"):
        AsyncDatabase.connect("host=/nowhere", check_migrations=1)  # type: ignore[arg-type]  # that is it
