"""Migrations of existing texts: folded, and tags that differ only in case are merged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests._sync._compat import Started, until_waiting
from tests.factories import Factory
from vrooli_data import Database, mend_search, migrate
from vrooli_data._domain.formats import language_tag
from vrooli_data._migrate import rollback_to

BEFORE = "0007_search_with_pg_trgm"
Admin = psycopg.Connection[Any]

TAGS = (
    *("en", "EN", "pt-br", "PT-BR", "zh-hant-tw", "ZH-HANT", "sl-ROZAJ-BISKE", "de-1996", "es-419"),
    *("de-DE-U-CO-PHONEBK", "en-X-US-LATN", "az-latn-x-LATN", "sr-latn-RS", "de-ch-1901"),
    *("aa-Latn-a-BB-Cccc", "fr-ca-T-de-LATN", "abcd-EFGH", "en-1994", "hy-arevela-IT", "en-abcd1"),
)


@pytest.fixture
def before(database_url: str) -> Iterator[Admin]:
    """Return to the schema before texts were folded."""
    rollback_to(database_url, BEFORE)
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def test_texts_are_folded(before: Admin, database_url: str) -> None:
    make = Factory(before)
    names = ("Ada", "Straße", "Cafe\u0301", "ΟΔΟΣ", "oﬃce", "İstanbul")
    users = [make.user(name=name) for name in names]
    resources = [make.resource() for _ in names]
    for id, name in zip(resources, names, strict=True):
        make.translation(id, "en", name="Plain", description=name)
    migrate(database_url)
    folded = before.execute("SELECT name_folded FROM users ORDER BY id").fetchall()
    assert folded == [(None,), ("strasse",), ("caf\u00e9",), ("οδοσ",), ("office",), folded[-1]]
    with Database.connect(database_url) as db:
        for text, place in (("ADA", 0), ("STRASSE", 1), ("CAFÉ", 2), ("οδος", 3), ("ﬃ", 4)):
            assert [user.id for user in db.users.search(text)] == [users[place]]
            assert [found.id for found in db.resources.search(text)] == [resources[place]]
        mend_search(database_url)
        assert [user.id for user in db.users.search("istanbul")] == [users[5]]
        assert [found.id for found in db.resources.search("ISTANBUL")] == [resources[5]]


def test_tags_are_written_as_python_writes_them(before: Admin, database_url: str) -> None:
    make = Factory(before)
    resources = [make.resource() for _ in TAGS]
    for id, tag in zip(resources, TAGS, strict=True):
        make.translation(id, tag)
    migrate(database_url)
    found = before.execute("SELECT language FROM resource_translations ORDER BY resource_id")
    assert [tag for (tag,) in found] == [language_tag(tag) for tag in TAGS]


def test_of_translations_that_differ_in_case_alone_one_stays(
    before: Admin, database_url: str
) -> None:
    make = Factory(before)
    proper, newest, alone = make.resource(), make.resource(), make.resource()
    make.translation(proper, "pt-BR", name="kept", updated_at="2020-01-01Z")
    make.translation(proper, "pt-br", name="newer", updated_at="2021-01-01Z")
    make.translation(proper, "pt", name="other")
    make.translation(newest, "PT-br", name="older", updated_at="2020-01-01Z")
    make.translation(newest, "pt-br", name="kept", updated_at="2022-01-01Z")
    make.translation(newest, "PT-BR", name="old", updated_at="2021-01-01Z")
    make.translation(alone, "EN", name="kept", updated_at="2020-01-01Z")
    migrate(database_url)
    found = before.execute(
        "SELECT resource_id, language, name, updated_at::date::text FROM resource_translations "
        "WHERE name <> 'other' ORDER BY resource_id"
    ).fetchall()
    assert found == [
        (proper, "pt-BR", "kept", "2020-01-01"),
        (newest, "pt-BR", "kept", "2022-01-01"),
        (alone, "en", "kept", "2020-01-01"),
    ]


def test_languages_of_users_stay_in_their_order(before: Admin, database_url: str) -> None:
    make = Factory(before)
    make.user(languages=["de", "pt-br", "EN", "pt-BR", "DE", "fr"])
    make.user(languages=["en", "en"])
    make.user(languages=[])
    migrate(database_url)
    found = before.execute("SELECT languages FROM users ORDER BY id").fetchall()
    assert found == [(["de", "pt-BR", "en", "fr"],), (["en"],), ([],)]


def test_a_migration_that_was_cut_short_starts_over(before: Admin, database_url: str) -> None:
    make = Factory(before)
    make.user(name="Straße", languages=["EN"])
    migrate(database_url)
    rollback_to(database_url, "0008_folded_texts")
    before.execute("UPDATE users SET name_folded = NULL")
    assert migrate(database_url).applied[0] == "0009_texts_that_are_there"
    assert before.execute("SELECT name_folded FROM users").fetchall() == [("strasse",)]


def test_many_rows_are_folded_in_batches(before: Admin, database_url: str) -> None:
    before.execute(
        "INSERT INTO users (public_id, name) "
        "SELECT lpad(n::text, 12, '0'), 'Ü' || n FROM generate_series(1, 12000) AS n"
    )
    before.execute("UPDATE users SET id = -id WHERE id < 10")
    migrate(database_url)
    (wrong,) = before.execute(
        "SELECT count(*) FROM users WHERE name_folded IS DISTINCT FROM lower(name)"
    ).fetchall()
    assert wrong == (0,)
    # Each batch is a transaction of its own.
    writers = before.execute("SELECT count(DISTINCT xmin::text) FROM users").fetchall()
    assert writers == [(3,)]


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ("UPDATE users SET name = 'Neu', name_folded = 'neu'", ("neu", ["EN"])),
        ("UPDATE users SET languages = '{de}'", ("weiss", ["de"])),
    ],
)
def test_mending_overwrites_nothing_that_changes_meanwhile(
    admin: Admin, database_url: str, change: str, kept: tuple[str, list[str]]
) -> None:
    Factory(admin).user(name="Weiß", languages=["EN"])
    with psycopg.connect(database_url) as other:
        other.execute(change.encode())
        mending = Started(lambda: mend_search(database_url))
        until_waiting(admin)
        other.commit()
    mending.result()
    (found,) = admin.execute("SELECT name_folded, languages FROM users").fetchall()
    assert found in (kept, (kept[0], ["en"]))
    mend_search(database_url)
    assert mend_search(database_url).mended_users == 0
