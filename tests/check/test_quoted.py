"""Colons that are no parameters: the query is loaded, checked, explained, run, and read by psql."""

from __future__ import annotations

import html
import re
from pathlib import Path

import psycopg
import pytest
from psycopg import RawCursor

from tests.check.broken import QUERIES, RECORDS
from tests.check.copies import append, findings
from tests.psql import psql
from vrooli_data._explain.examples import package_examples
from vrooli_data._explain.highlight import highlight
from vrooli_data._explain.running import Explainer
from vrooli_data._queries import load_folder

#: By what it is: how it stands in the statement, and the text that it is.
QUOTED = {
    "a quoted text": ("'a:id b'", "a:id b"),
    "a doubled quote": ("'a'':id'", "a':id"),
    "a quote behind a comment": ("-- don't :id\n    'x'", "x"),
    "a text over lines": ("'a\n  -- :id\n  b  \n\n:id'", "a\n  -- :id\n  b  \n\n:id"),
    "a text that goes on": ("'a' -- ':id\n    ':id'", "a:id"),
    "an escape string": (r"E'it\'s :id'", "it's :id"),
    "an escape string that goes on": ("e'a'\n    '\\':id'", "a':id"),
    "a text with a backslash": (r"'\' || ':id'", r"\:id"),
    "a text in Unicode escapes": (r"U&'\0061:id'", "a:id"),
    "a dollar-quoted text": ("$$:id's$$", ":id's"),
    "a tagged text": ("$b$ $$ :id /* $b$", " $$ :id /* "),
    "a comment": ("/* :id ' */ 'x'", "x"),
    "a nested comment": ("/* a /* :id */ ' :id */ 'x'", "x"),
    "a comment between words": ("'x'/**/::text/* :id */", "x"),
    "a hint": ("/*+ Leading(:id ' ) */ 'x'", "x"),
    "a comment behind": ("'x' -- :id '", "x"),
    "a slice": ("coalesce(((ARRAY['x', 'y'])[1:2])[1], '')", "x"),
    "a quoted name": ("""coalesce((SELECT ":id" FROM (SELECT 'x' AS ":id") AS t), '')""", "x"),
    "casts": ("'1'::int::text::varchar", "1"),
}
_QUERY = """
-- name: find_quoted_{number}(id)^
-- Find a text, and none of :id, 'id, and /* what looks like parameters.
-- Record: Quoted, or no row
-- Index:  {table}_pkey
-- Locks:  none
SELECT
    id,
    {text}
    AS quoted -- :id "
FROM {table}
WHERE id = :id::bigint;
"""
_RECORD = """

class Quoted(msgspec.Struct, frozen=True):
    id: int
    quoted: str
"""


#: psql forgets at the end of a line that backslashes escape.
NOT_IN_PSQL = "an escape string that goes on"


def queries(table: str, *without: str) -> str:
    return "".join(
        _QUERY.format(number=number, text=text, table=table)
        for number, (name, (text, _)) in enumerate(QUOTED.items())
        if name not in without
    )


def folder(path: Path, table: str) -> Path:
    (path / table).mkdir()
    (path / table / "read.sql").write_text(queries(table))
    return path / table


def test_they_pass_the_check(shop_url: str, shop: Path) -> None:
    append(shop, RECORDS, _RECORD)
    append(shop, QUERIES, queries("orders"))
    assert findings(shop_url, shop) == []


def test_they_are_run_unchanged(shop_url: str, tmp_path: Path) -> None:
    sources = load_folder(folder(tmp_path, "orders"))
    with psycopg.connect(shop_url) as connection:
        found = [
            RawCursor(connection).execute(source.statement, (1,)).fetchall()
            for source in sources.values()
        ]
    assert found == [[(1, value)] for _, value in QUOTED.values()]


def test_psql_reads_the_same(shop_url: str, tmp_path: Path) -> None:
    file = tmp_path / "read.sql"
    file.write_text(queries("orders", NOT_IN_PSQL))
    found = psql(f"psql '{shop_url}' -X -At -R ';' -v id=1 -f {file}")
    values = [value for name, (_, value) in QUOTED.items() if name != NOT_IN_PSQL]
    assert found == "".join(f"1|{value}\n" for value in values)


@pytest.mark.slow("the command line")
def test_they_are_explained(package_url: str, tmp_path: Path) -> None:
    with psycopg.connect(package_url) as connection:
        explainer = Explainer(connection, package_examples())
        explained = [
            explainer.explain(source) for source in load_folder(folder(tmp_path, "users")).values()
        ]
    assert [each.note for each in explained] == [None] * len(QUOTED)
    assert {tuple(each.values) for each in explained} == {("id",)}


def test_the_page_marks_one_parameter_and_changes_no_text(tmp_path: Path) -> None:
    for source in load_folder(folder(tmp_path, "orders")).values():
        marked = highlight(source.written)
        assert html.unescape(re.sub(r"<[^>]+>", "", marked)) == source.written
        assert re.findall(r'sql-parameter">([^<]+)<', marked) == [":id"]
