# Generated from tests/_async/test_layer_alone.py by tools/unasync.py. Do not edit.
"""The layer on a database that has none of the package's tables."""

from __future__ import annotations

import psycopg
import pytest

from tests.app import SCHEMA
from tests.app.records import NewComment
from vrooli_data import Database, InvalidInput, NotMigrated, Repository

from .comments import Comments


def test_a_database_of_an_application_alone_is_opened_where_that_is_asked_for(
    empty_database_url: str,
) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(SCHEMA.read_bytes().replace(b" REFERENCES users (id)", b""))
    with pytest.raises(NotMigrated):
        Database.connect(empty_database_url).open()
    with Database.connect(empty_database_url, check_migrations=False) as db:
        comments = Comments(db)
        created = comments.create(NewComment(slug="first", body="x"))
        assert list(comments.newest()) == [created]
        with db.transaction() as tx:
            assert Comments(tx).find_by_id(created.id) == created
        with db.connection() as held:
            assert Comments(held).delete(created.id)
        assert not Repository(db).has_extension("pg_trgm")


def test_an_extension_that_the_package_does_not_know_counts(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        if not connection.execute(
            "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'"
        ).fetchone():
            pytest.skip("the server has no contrib")
        connection.execute("CREATE EXTENSION pg_trgm")
    with Database.connect(empty_database_url, check_migrations=False) as db:
        assert Repository(db).has_extension("pg_trgm")
        with db.transaction() as tx:
            assert Repository(tx).has_extension("pg_trgm")
            assert not Repository(tx).has_extension("citext")


def test_an_extension_without_the_indexes_of_its_migrations_does_not_count(
    database_url: str,
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM vrooli_data_migrations WHERE id LIKE '%trgm%'")
    with Database.connect(database_url) as db:
        assert not Repository(db).has_extension("pg_trgm")


def test_check_migrations_is_true_or_false() -> None:
    with pytest.raises(InvalidInput, match="check_migrations"):
        Database.connect("host=/nowhere", check_migrations=1)  # type: ignore[arg-type]  # that is it
