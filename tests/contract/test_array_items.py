"""Which arrays can hold NULL, as far as the statement and the constraints of its tables show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection

from tests.contract.analyses import analysis

_SCHEMA = """
CREATE DOMAIN words AS text[] CHECK (array_position(value, NULL) IS NULL);
CREATE TABLE posts (
    id bigint PRIMARY KEY,
    note text,
    free text[] NOT NULL,
    full_words text[] NOT NULL CHECK (array_position(full_words, NULL) IS NULL),
    short_words text[] CHECK (
        cardinality(short_words) < 9 AND array_position(short_words, NULL) IS NULL
    ),
    either text[] CHECK (cardinality(either) < 9 OR array_position(either, NULL) IS NULL),
    other text[] CHECK (array_position(other, 'x') IS NULL),
    of_domain words NOT NULL,
    CONSTRAINT posts_free CHECK (id > 0)
);
CREATE VIEW shown AS SELECT free, full_words FROM posts;
CREATE TABLE ruled (full_words text[] CHECK (array_position(full_words, NULL) IS NULL));
CREATE RULE away AS ON UPDATE TO ruled DO INSTEAD
UPDATE posts SET id = id RETURNING free
"""
#: By statement: yes, no, or not known.
_SHAPES = {
    "SELECT ARRAY(SELECT note FROM posts)": "?",
    "SELECT ARRAY(SELECT id FROM posts)": "",
    "SELECT ARRAY(SELECT note FROM posts WHERE note IS NOT NULL)": "unknown",
    "SELECT array_agg(note) FROM posts": "?",
    "SELECT array_agg(id) FROM posts": "",
    "SELECT coalesce(array_agg(id), '{}') FROM posts": "",
    "SELECT coalesce(array_agg(id), '{1,NULL}') FROM posts": "unknown",
    "SELECT array_agg(note) FILTER (WHERE note IS NOT NULL) FROM posts": "",
    "SELECT array_agg(o.id) FROM posts p LEFT JOIN posts o ON o.id = p.id + 1": "?",
    "SELECT array_agg(DISTINCT o.id) FILTER (WHERE o.id IS NOT NULL) "
    "FROM posts p LEFT JOIN posts o ON o.id = p.id + 1": "",
    "SELECT ARRAY[id, 1] FROM posts": "",
    "SELECT ARRAY[note, 'x'] FROM posts": "?",
    "SELECT ARRAY[]::text[]": "",
    "SELECT CASE WHEN id > 1 THEN ARRAY[id] END FROM posts": "",
    "SELECT CASE WHEN id > 1 THEN ARRAY[note] ELSE '{}' END FROM posts": "?",
    "SELECT (SELECT array_agg(note) FROM posts)": "?",
    "WITH x AS (SELECT array_agg(note) AS a FROM posts) SELECT a FROM x": "?",
    "WITH RECURSIVE x AS (SELECT ARRAY[1] AS a UNION SELECT a FROM x) SELECT a FROM x": "unknown",
    "SELECT ARRAY[1] UNION ALL SELECT ARRAY[NULL::integer]": "?",
    "SELECT array_append(full_words, NULL) FROM posts": "unknown",
    "SELECT free FROM posts": "?",
    "SELECT full_words FROM posts": "",
    "SELECT short_words FROM posts": "",
    "SELECT either FROM posts": "unknown",
    "SELECT other FROM posts": "unknown",
    "SELECT of_domain FROM posts": "unknown",
    "SELECT free FROM shown": "?",
    "SELECT full_words FROM shown": "",
    "UPDATE posts SET note = '' RETURNING full_words": "",
    "UPDATE shown SET full_words = '{}' RETURNING full_words": "unknown",
    "UPDATE ruled SET full_words = '{}' RETURNING full_words": "unknown",
    "SELECT note FROM posts": "unknown",
}


@pytest.fixture(scope="module")
def posts(temporary: Connection[Any]) -> Iterator[Connection[Any]]:
    temporary.execute("CREATE SCHEMA array_items; SET search_path = array_items")
    temporary.execute(_SCHEMA)
    yield temporary
    temporary.execute("DROP SCHEMA array_items CASCADE; RESET search_path")


@pytest.mark.parametrize("statement", _SHAPES)
def test_items_of(posts: Connection[Any], statement: str) -> None:
    (null,) = analysis(posts, statement).array_items()
    found = "unknown" if null is None else "?" if null.nullable else ""
    assert found == _SHAPES[statement], null


def test_a_constraint_that_does_not_hold_for_all_rows_says_nothing(
    posts: Connection[Any],
) -> None:
    posts.execute("CREATE TABLE old (a text[])")
    posts.execute("ALTER TABLE old ADD CHECK (array_position(a, NULL) IS NULL) NOT VALID")
    assert analysis(posts, "SELECT a FROM old").array_items() == [None]
