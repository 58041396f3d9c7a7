# Generated from tests/_async/test_resource_search.py by tools/unasync.py. Do not edit.
"""Searching resources, with the query of the trigram indexes and with the one that needs none.

Both are right on every server: without the indexes, the first is only slow.
"""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import Database, InvalidInput, Resource

_CROWD = """
WITH made AS (
    INSERT INTO resources (public_id, resource_type, score, is_private, has_complete_version)
    SELECT
        lpad('c' || n, 12, '0'),
        CASE mod(n, 3) WHEN 0 THEN 'Code' ELSE 'Note' END,
        mod(n, 7),
        mod(n, 5) = 0,
        mod(n, 2) = 0
    FROM generate_series(1, %s) AS n
    RETURNING id
)

INSERT INTO resource_translations (resource_id, language, name)
SELECT id, 'en', 'A crowd' FROM made
"""
_BETTER = """
WITH made AS (
    INSERT INTO resources (public_id, resource_type, score, has_complete_version)
    SELECT lpad('b' || n, 12, '0'), 'Code', 10, TRUE FROM generate_series(1, %s) AS n
    RETURNING id
)

INSERT INTO resource_translations (resource_id, language, name)
SELECT id, 'en', 'Alone' FROM made
"""
_ORACLE = """
SELECT id
FROM resources
WHERE NOT is_private AND NOT is_deleted AND has_complete_version
    AND resource_type = ANY(%s)
    AND id IN (SELECT resource_id FROM resource_translations WHERE name = 'A crowd')
ORDER BY score DESC, id DESC
LIMIT 20
"""


@pytest.fixture(params=[False, True], ids=["walk", "trigrams"])
def searching(db: Database, request: pytest.FixtureRequest) -> Database:
    """Search by one of the two queries."""
    db._runner.extensions = {"pg_trgm"} if request.param else ()
    return db


def ids(found: list[Resource]) -> list[int]:
    return [item.id for item in found]


def test_names_and_descriptions_of_any_language_match_whatever_their_case(
    searching: Database, make: Factory
) -> None:
    named, described, other = make.resource(score=1), make.resource(score=2), make.resource()
    make.translation(named, "en", name="Something else")
    make.translation(named, "de", name="Ein Übersetzer")
    make.translation(described, "en", name="Tool", description="ÜBERSETZER für alle")
    make.translation(other, "en", name="Tool", description=None)
    assert ids(searching.resources.search("übersetz")) == [described, named]
    assert ids(searching.resources.search("TOOL")) == [described, other]
    assert searching.resources.search("absent") == []


def test_the_best_score_comes_first_then_the_highest_id(searching: Database, make: Factory) -> None:
    scores = [1, 3, 2, 3, -1]
    made = [make.resource(score=score) for score in scores]
    for resource_id in made:
        make.translation(resource_id, name="wanted")
    expected = [made[3], made[1], made[2], made[0], made[4]]
    assert ids(searching.resources.search("wanted")) == expected
    assert ids(searching.resources.search("wanted", limit=2)) == expected[:2]


def test_a_resource_with_many_matching_translations_is_found_once(
    searching: Database, make: Factory
) -> None:
    resource_id = make.resource()
    for language in ("de", "en", "fr"):
        make.translation(resource_id, language, name="wanted", description="wanted")
    assert ids(searching.resources.search("wanted")) == [resource_id]


def test_listed_resources_of_the_type_alone_are_found(searching: Database, make: Factory) -> None:
    code, note = make.resource(resource_type="Code"), make.resource(resource_type="Note")
    hidden = (
        make.resource(is_private=True),
        make.resource(is_deleted=True, deleted_at="2026-01-01Z"),
        make.resource(has_complete_version=False),
    )
    for resource_id in (code, note, *hidden):
        make.translation(resource_id, name="wanted")
    assert ids(searching.resources.search("wanted")) == [note, code]
    assert ids(searching.resources.search("wanted", resource_type="Code")) == [code]
    assert searching.resources.search("wanted", resource_type="Prompt") == []


@pytest.mark.parametrize("wildcard", ["%", "_", "\\", "a%b", "100%_\\"])
def test_wildcards_match_themselves(searching: Database, make: Factory, wildcard: str) -> None:
    plain, named, described = make.resource(), make.resource(), make.resource()
    make.translation(plain, name="axb 100", description="axxb 1000")
    make.translation(named, name=f"<{wildcard}>")
    make.translation(described, description=f"<{wildcard}>")
    assert ids(searching.resources.search(wildcard)) == [described, named]


@pytest.mark.slow("large tables")
@pytest.mark.parametrize(
    ("count", "better"), [(5000, 1), (5001, 1), (6000, 1), (6000, 9990), (6000, 10_001)]
)
def test_a_text_of_very_many_hits_finds_the_best_of_all(
    searching: Database, admin: Connection[Any], count: int, better: int
) -> None:
    admin.execute(_CROWD, (count,))
    admin.execute(_BETTER, (better,))
    everything, code = (
        [id for (id,) in admin.execute(_ORACLE, (types,)).fetchall()]
        for types in (["Code", "Note"], ["Code"])
    )
    assert len(everything) == len(code) == 20
    assert ids(searching.resources.search("CROWD")) == everything
    assert ids(searching.resources.search("CROWD", resource_type="Code")) == code


def test_texts_without_a_trigram_are_walked_for(database_url: str) -> None:
    names: list[str] = []
    with Database.connect(database_url, on_query=lambda event: names.append(event.name)) as db:
        db._runner.extensions = {"pg_trgm"}
        names.clear()
        for text in ("a!!", "abc"):
            db.resources.search(text)
            db.resources.search(text, resource_type="Note")
            db.users.search(text)
            db.users.search(text, match_email="substring")
    walked = [
        "resources.search__any_type",
        "resources.search__one_type",
        "users.search__exact",
        "users.search__substring",
    ]
    assert names == [*walked, *(f"{name}_by_trigram" for name in walked)]


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    search = unopened.resources.search
    with pytest.raises(InvalidInput, match="query: must have at least 1"):
        search("")
    with pytest.raises(InvalidInput, match="query: must have at most 255"):
        search("x" * 256)
    with pytest.raises(InvalidInput, match="query: must not hold the character NUL"):
        search("a\0b")
    with pytest.raises(InvalidInput, match="resource_type: must be one of Api, Code"):
        search("a", resource_type="")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="limit: must be from 1 to 500"):
        search("a", limit=501)
