# Generated from tests/_async/test_resource_translations.py by tools/unasync.py. Do not edit.
"""Translations of resources: setting, listing and deleting them."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    Database,
    InvalidInput,
    NotFound,
    Resource,
    SetTranslation,
    mend_search,
)

from ._compat import Started, gather, until_waiting


def stored(db: Database, id: int) -> Resource:
    """Return a resource that is there."""
    resource = db.resources.find_by_id(id)
    assert resource is not None
    return resource


def test_set_translation_inserts_and_then_replaces(db: Database, make: Factory) -> None:
    resource_id = make.resource()
    first = db.resources.set_translation(
        resource_id, "pt-BR", SetTranslation(name="Olá", description="Descrição")
    )
    assert (first.resource_id, first.language) == (resource_id, "pt-BR")
    assert (first.name, first.description) == ("Olá", "Descrição")
    second = db.resources.set_translation(resource_id, "pt-BR", SetTranslation(name="Oi"))
    assert (second.name, second.description) == ("Oi", None)
    assert second.created_at == first.created_at
    assert second.updated_at > first.updated_at
    assert db.resources.find_translations(resource_id) == [second]


def test_the_case_of_a_tag_makes_no_difference(db: Database, make: Factory) -> None:
    resource_id = make.resource()
    for tag, name in (("pt-br", "a"), ("PT-BR", "b"), ("pt-BR", "c"), ("ZH-hant-tw", "d")):
        stored = db.resources.set_translation(resource_id, tag, SetTranslation(name=name))
        assert stored.name == name
    translations = db.resources.find_translations(resource_id)
    assert [(each.language, each.name) for each in translations] == [
        ("pt-BR", "c"),
        ("zh-Hant-TW", "d"),
    ]
    assert db.resources.delete_translation(resource_id, "pT-bR") is True
    assert db.resources.delete_translation(resource_id, "zh-Hant-tw") is True
    assert db.resources.find_translations(resource_id) == []


def test_tags_that_others_wrote_are_mended(db: Database, make: Factory, database_url: str) -> None:
    resource_id = make.resource()
    make.translation(resource_id, "pt-br", name="older", updated_at="2020-01-01Z")
    make.translation(resource_id, "PT-br", name="newer", updated_at="2021-01-01Z")
    make.translation(resource_id, "DE", name="other", updated_at="2021-01-01Z")
    make.translation(resource_id, "de", name="proper", updated_at="2020-01-01Z")
    assert mend_search(database_url).mended_translations > 0
    translations = db.resources.find_translations(resource_id)
    assert [(each.language, each.name) for each in translations] == [
        ("de", "proper"),
        ("pt-BR", "newer"),
    ]
    assert mend_search(database_url).mended_translations == 0


def test_a_change_of_a_translation_is_one_of_the_resource(db: Database, make: Factory) -> None:
    resource_id = make.resource()
    before = stored(db, resource_id)
    db.resources.set_translation(resource_id, "en", SetTranslation(name="Name"))
    between = stored(db, resource_id)
    assert between.revision == before.revision + 1
    assert between.updated_at > before.updated_at
    assert db.resources.delete_translation(resource_id, "en") is True
    after = stored(db, resource_id)
    assert after.revision == before.revision + 2
    assert after.updated_at > between.updated_at


def test_find_translations_is_in_order_of_language(db: Database, make: Factory) -> None:
    resource_id, other = make.resource(), make.resource()
    make.translation(other, "aa")
    for language in ("pt", "en-GB", "en", "de"):
        make.translation(resource_id, language)
    found = db.resources.find_translations(resource_id)
    assert [each.language for each in found] == ["de", "en", "en-GB", "pt"]
    assert db.resources.find_translations(2**63 - 1) == []


def test_a_translation_of_an_absent_resource_is_not_found(db: Database) -> None:
    with pytest.raises(NotFound, match=r"resources\.set_translation: no such resource") as caught:
        db.resources.set_translation(1, "en", SetTranslation(name="Name"))
    assert caught.value.query == "resources.set_translation"


def test_an_absent_translation_is_not_deleted_and_changes_nothing(
    db: Database, make: Factory
) -> None:
    resource_id = make.resource()
    make.translation(resource_id, "en")
    before = stored(db, resource_id)
    assert db.resources.delete_translation(resource_id, "de") is False
    assert db.resources.delete_translation(2**63 - 1, "en") is False
    assert stored(db, resource_id) == before
    assert len(db.resources.find_translations(resource_id)) == 1


def test_a_second_set_translation_waits_and_replaces_what_the_first_inserted(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    resource_id = make.resource()
    with admin.transaction():
        admin.execute("UPDATE resources SET revision = revision + 1")
        make.translation(resource_id, "en", name="First", description="First")
        second = Started(
            lambda: db.resources.set_translation(resource_id, "en", SetTranslation(name="Second"))
        )
        until_waiting(admin)
    translation = second.result()
    assert (translation.name, translation.description) == ("Second", None)
    assert db.resources.find_translations(resource_id) == [translation]
    assert (stored(db, resource_id)).revision == 2


def test_eight_writers_of_one_translation_all_count(db: Database, make: Factory) -> None:
    resource_id = make.resource()

    def write() -> None:
        for _ in range(5):
            db.resources.set_translation(resource_id, "en", SetTranslation(name="Name"))

    gather(*[write] * 8)
    assert (stored(db, resource_id)).revision == 40


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    resources = unopened.resources
    name = SetTranslation(name="Name")
    with pytest.raises(InvalidInput, match="resource_id: must be from 1"):
        resources.set_translation(0, "en", name)
    with pytest.raises(InvalidInput, match="language: must be a language tag"):
        resources.set_translation(1, "english please", name)
    with pytest.raises(InvalidInput, match="translation: must be a SetTranslation, not str"):
        resources.set_translation(1, "en", "Name")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="name: must have at least 1"):
        resources.set_translation(1, "en", SetTranslation(name=""))
    with pytest.raises(InvalidInput, match="description: must have at most 10000"):
        resources.set_translation(1, "en", SetTranslation(name="Name", description="x" * 10_001))
    with pytest.raises(InvalidInput, match="name: must not hold a lone surrogate"):
        resources.set_translation(1, "en", SetTranslation(name="\ud800"))
    with pytest.raises(InvalidInput, match="resource_id: must be an int, not bool"):
        resources.find_translations(True)
    with pytest.raises(InvalidInput, match="language: must be a str, not NoneType"):
        resources.delete_translation(1, None)  # type: ignore[arg-type]
