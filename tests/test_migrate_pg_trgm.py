"""The migration that is left out where pg_trgm cannot be had; needs a server that brings it."""

from __future__ import annotations

import secrets

import psycopg
import pytest
from psycopg import conninfo

from tests.test_migrate import EVERY, REQUIRED, column
from vrooli_data._domain.text_search import has_trigram
from vrooli_data._migrate import migrate

TRIGRAMS = [migration for migration in EVERY if migration not in REQUIRED]


@pytest.fixture(autouse=True)
def pg_trgm(empty_database_url: str) -> None:
    if not column(
        empty_database_url, "SELECT name FROM pg_available_extensions WHERE name = 'pg_trgm'"
    ):
        pytest.skip("this server does not bring pg_trgm")


def test_the_trigram_indexes_serve_substring_search_where_they_can_be(
    empty_database_url: str,
) -> None:
    assert migrate(empty_database_url).applied == tuple(EVERY)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT FROM users WHERE coalesce(name_folded, lower(name)) LIKE '%dalove%'"
        )
        assert any("users_name_folded_idx" in line for (line,) in plan)


def test_pg_trgm_in_a_schema_of_its_own_is_found(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions")
    assert migrate(empty_database_url).applied == tuple(EVERY)


def test_a_role_that_may_not_create_pg_trgm_leaves_its_indexes_to_one_that_may(
    empty_database_url: str,
) -> None:
    # Its name is new, because roles are the whole server's.
    role = f"plain_migrator_{secrets.token_hex(4)}"
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN".encode())
        connection.execute(f"GRANT CREATE, USAGE ON SCHEMA public TO {role}".encode())
        try:
            plain = conninfo.make_conninfo(empty_database_url, options=f"-c role={role}")
            report = migrate(plain)
            assert report.applied == tuple(REQUIRED)
            assert report.not_applicable == dict.fromkeys(
                TRIGRAMS, "pg_trgm cannot be created here"
            )
            assert migrate(empty_database_url).applied == tuple(TRIGRAMS)
        finally:
            connection.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())


@pytest.mark.parametrize(
    "text",
    ["abc", "a1b", "\u00dcbe", "\u65e5\u672c\u8a9e", "\u0939\u093f\u0928", "ab!", "a!!", "..."],
)
def test_pg_trgm_finds_trigrams_where_searching_expects_them(
    empty_database_url: str, text: str
) -> None:
    migrate(empty_database_url)
    trigrams = column(empty_database_url, "SELECT unnest(show_trgm(%s))", text)
    # A word of three: itself, and three with the blanks around it, which no substring search has.
    assert (len(trigrams) == 4) == has_trigram(text)
