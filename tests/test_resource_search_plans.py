"""The indexes in the server's plans of searches for resources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection, RawCursor, conninfo

from vrooli_data import migrate
from vrooli_data._contract.scratch import scratch_database
from vrooli_data._migrations import has_trigrams
from vrooli_data._plans import PlanTree
from vrooli_data._queries import load_folder, sql_folder

_FILL = """
WITH made AS (
    INSERT INTO resources (public_id, resource_type, score, has_complete_version)
    SELECT lpad(n::text, 12, '0'), CASE n % 3 WHEN 0 THEN 'Code' ELSE 'Note' END, n % 997, TRUE
    FROM generate_series(1, 20000) AS n
    RETURNING id
)

INSERT INTO resource_translations (resource_id, language, name, description)
SELECT
    id,
    'en',
    'Name ' || md5(id::text),
    'Description ' || md5((-id)::text) || CASE mod(id, 3) WHEN 0 THEN ' frequent' ELSE '' END
FROM made
"""
#: The best ones, of which none holds the text, and the others, which all do, unlisted for the most.
_FILL_ADVERSELY = """
WITH made AS (
    INSERT INTO resources (public_id, resource_type, score, is_private, has_complete_version)
    SELECT
        lpad(n::text, 12, '0'),
        'Code',
        CASE WHEN n <= 20000 THEN 1 ELSE 0 END,
        n > 20010,
        TRUE
    FROM generate_series(1, 26000) AS n
    RETURNING id, score
)

INSERT INTO resource_translations (resource_id, language, name)
SELECT id, 'en', CASE score WHEN 0 THEN 'A crowd' ELSE 'Alone' END FROM made
"""
_INDEXES = {
    "any_type": "resources_score_id_idx",
    "one_type": "resources_resource_type_score_id_idx",
}
_TYPES = {"pattern": "text", "resource_type": "text", "max_rows": "integer"}
_VALUES = {"pattern": "'%c0ffee%'", "resource_type": "'Code'", "max_rows": "20"}
_FREQUENT = {**_VALUES, "pattern": "'%frequent%'"}


@pytest.fixture(scope="module")
def filled(postgresql_server: Any) -> Iterator[Connection[Any]]:
    """Fill a database, which no test changes, with resources enough for the planner to care."""
    server = conninfo.make_conninfo(
        host=postgresql_server.host,
        port=postgresql_server.port,
        user=postgresql_server.user,
        password=postgresql_server.password or None,
        dbname="postgres",
    )
    with scratch_database(server) as url:
        migrate(url)
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
            connection.execute(_FILL)
            # VACUUM also moves what was inserted into the main part of the trigram indexes.
            connection.execute("VACUUM (ANALYZE) resources, resource_translations")
            yield connection


def plan(
    connection: Connection[Any], name: str, mode: str, given: dict[str, str] = _VALUES
) -> tuple[PlanTree, str]:
    """Return the plan of a query, as a tree and as text."""
    source = load_folder(sql_folder() / "resources")[f"resources.{name}"]
    types = ", ".join(_TYPES[parameter] for parameter in source.parameters)
    values = ", ".join(given[parameter] for parameter in source.parameters)
    connection.execute(f"SET plan_cache_mode = {mode}")
    connection.execute(f"PREPARE searched ({types}) AS {source.sql}")
    row = connection.execute(f"EXPLAIN (FORMAT JSON) EXECUTE searched ({values})").fetchone()
    lines = connection.execute(f"EXPLAIN EXECUTE searched ({values})").fetchall()
    connection.execute("DEALLOCATE searched")
    assert row is not None
    return PlanTree(row[0][0]), "\n".join(line for (line,) in lines)


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("choice", _INDEXES)
def test_without_trigrams_the_walk_follows_the_sort_index(
    filled: Connection[Any], choice: str, mode: str
) -> None:
    summary, text = plan(filled, f"search__{choice}", mode)
    assert set(summary.indexes) == {_INDEXES[choice], "resource_translations_pkey"}
    assert summary.sequential_scans == []
    assert "Sort" not in text


@pytest.mark.slow("large tables")
@pytest.mark.parametrize("given", [_VALUES, _FREQUENT], ids=["rare", "frequent"])
@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("choice", _INDEXES)
def test_with_trigrams_the_hits_come_from_their_indexes(
    filled: Connection[Any], choice: str, mode: str, given: dict[str, str]
) -> None:
    applied = filled.execute("SELECT id FROM vrooli_data_migrations").fetchall()
    if not has_trigrams([id for (id,) in applied]):
        pytest.skip("this server does not bring pg_trgm")
    summary, text = plan(filled, f"search__{choice}_by_trigram", mode, given)
    assert set(summary.indexes) == {
        "resource_translations_name_folded_idx",
        "resource_translations_description_folded_idx",
        "resource_translations_pkey",
        "resources_pkey",
        _INDEXES[choice],
    }
    assert summary.sequential_scans == []
    for column in ("name", "description"):
        assert f"Bitmap Index Scan on resource_translations_{column}_folded_idx" in text


@pytest.mark.slow("large tables")
@pytest.mark.parametrize("choice", _INDEXES)
def test_a_walk_that_meets_no_hit_is_given_up_for_the_hits(
    admin: Connection[Any], choice: str
) -> None:
    admin.execute(_FILL_ADVERSELY)
    admin.execute("VACUUM (ANALYZE) resources, resource_translations")
    source = load_folder(sql_folder() / "resources")[f"resources.search__{choice}_by_trigram"]
    given = {"pattern": "%crowd%", "resource_type": "Code", "max_rows": 20}
    cursor = RawCursor(admin)
    cursor.execute(
        f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {source.sql}".encode(),
        [given[parameter] for parameter in source.parameters],
    )
    lines = [line for (line,) in cursor.fetchall()]
    (walk,) = (line for line in lines if f"using {_INDEXES[choice]} " in line)
    read = re.search(r"rows=(\d+)", walk)
    assert read is not None
    assert int(read[1]) == 10_000
    found = re.search(r"rows=(\d+)", lines[0])
    assert found is not None
    assert int(found[1]) == 10
