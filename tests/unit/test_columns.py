"""The writer of new fields into lists of columns; a file of queries stays as it is otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, TypeVar

import msgspec
import pytest

from tools.columns import main

R = TypeVar("R")


class Team(msgspec.Struct):
    """A record; *motto* is new."""

    id: int
    motto: str
    name: str


class TeamOfUser(Team):
    """A record with a field that another table has."""

    is_admin: bool


class Changed(msgspec.Struct, Generic[R]):
    """A record that holds another, as JSON."""

    revision: int
    updated: R | None


class TeamWithMembers(msgspec.Struct):
    """A record that holds several."""

    id: int
    members: list[Team]


class First(msgspec.Struct):
    """A record whose new fields are the first, and the last."""

    order: int
    name: str
    city: str
    street: str


def file(folder: Path, statement: str, record: str) -> Path:
    """Write one query, with one ahead of it that nothing is missing in."""
    path = folder / "sql" / "teams" / "read.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"{HEADER.format(name='other', record='int')}SELECT 1 AS id;\n\n"
        f"{HEADER.format(name='find', record=record)}{statement};\n",
        encoding="utf-8",
    )
    return path


HEADER = """-- name: {name}()^
-- Find what is là.
-- Record: {record}
-- Index:  teams_pkey
-- Locks:  none
"""


def written(folder: Path, statement: str, record: str = "Team") -> str:
    """Return what becomes of a statement; a second run changes nothing."""
    path = file(folder, statement, record)
    head = path.read_text().removesuffix(f"{statement};\n")
    options = ["--sql", str(folder / "sql"), "--records", __name__]
    assert main([*options, "--check"]) == 1
    assert main(options) == 0
    text = path.read_text()
    assert main([*options, "--check"]) == main(options) == 0
    assert path.read_text() == text
    assert text.startswith(head)
    return text.removeprefix(head).removesuffix(";\n")


@pytest.mark.parametrize(
    ("statement", "record"),
    [
        pytest.param("SELECT\n    id,[\n    motto,]\n    name\nFROM teams", "Team", id="lines"),
        pytest.param("SELECT id,[ motto,] name FROM teams", "Team", id="one line"),
        pytest.param(
            "SELECT\n    teams.id,[\n    teams.motto,]\n    teams.name\nFROM teams\n"
            "INNER JOIN members ON TRUE",
            "Team",
            id="of a table",
        ),
        pytest.param(
            'SELECT "Ä".id,[ "Ä".motto,] "Ä".name FROM teams AS "Ä" WHERE a = \'ä\'',
            "Team",
            id="quoted",
        ),
        pytest.param(
            "UPDATE teams\nSET a = 1\nRETURNING\n    id,[\n    motto,]\n    name",
            "Team",
            id="RETURNING",
        ),
        pytest.param(
            "SELECT\n    -- The key, of course.\n    id,[\n    motto,]\n    -- What it is called.\n"
            "    name\nFROM teams",
            "Team",
            id="comments above",
        ),
        pytest.param(
            "SELECT\n    id, -- the key\n[    motto,\n]    name -- what it is called\nFROM teams",
            "Team",
            id="comments behind",
        ),
        pytest.param(
            "SELECT id,[ motto,] name FROM teams\nUNION ALL\nSELECT id,[ motto,] name FROM old",
            "Team",
            id="UNION",
        ),
        pytest.param(
            "WITH own AS (\n    SELECT\n        id,[\n        motto,]\n        name\n"
            "    FROM teams\n)\n\nSELECT own.id,[ own.motto,] own.name FROM own, b",
            "Team",
            id="CTE",
        ),
        pytest.param(
            "SELECT found.id,[ found.motto,] found.name FROM a INNER JOIN LATERAL (\n"
            "    SELECT teams.id,[ teams.motto,] teams.name FROM teams WHERE teams.id = a.id\n"
            ") AS found ON TRUE",
            "Team",
            id="LATERAL",
        ),
        pytest.param(
            "SELECT id,[ motto,] name FROM (SELECT id,[ motto,] name, b FROM teams) AS a",
            "Team",
            id="sub-select",
        ),
        pytest.param(
            "SELECT teams.id,[ teams.motto,] teams.name, members.is_admin FROM teams, members",
            "TeamOfUser",
            id="the fields of its class",
        ),
        pytest.param(
            "SELECT id,[ motto,] name, (a IS DISTINCT FROM b) OR c IS DISTINCT FROM d AS is_admin"
            " FROM teams",
            "TeamOfUser",
            id="an expression behind it",
        ),
        pytest.param(
            "WITH updated AS (UPDATE teams SET a = 1 RETURNING teams.id,[ teams.motto,] teams.name)"
            "\nSELECT cur.revision, to_json(updated) AS updated FROM cur LEFT JOIN updated ON TRUE",
            "Changed[Team]",
            id="to_json",
        ),
        pytest.param(
            "SELECT\n    a.revision,\n    CASE\n        WHEN a.id IS NOT NULL\n"
            "            THEN json_build_object(\n                'id', a.id,[\n"
            "                'motto', a.motto,]\n                'name', a.name\n            )\n"
            "    END AS updated\nFROM a",
            "Changed[Team]",
            id="JSON",
        ),
        pytest.param(
            "SELECT id, (SELECT coalesce(json_agg(json_build_object('id', t.id,[ 'motto', t.motto,]"
            " 'name', t.name) ORDER BY t.id), '[[]]') FROM teams AS t) AS members FROM users",
            "TeamWithMembers",
            id="JSON of many",
        ),
        pytest.param(
            "WITH t AS (SELECT id,[ motto,] name FROM teams)\n"
            "SELECT id, (SELECT json_agg(t ORDER BY t.id) FROM t) AS members FROM users",
            "TeamWithMembers",
            id="rows of a CTE as JSON",
        ),
        pytest.param(
            "WITH t AS (SELECT id, json_agg(json_build_object('id', 1,[ 'motto', a.motto,] 'name',"
            " a.name)) AS members FROM a)\nSELECT t.id, t.members FROM t",
            "TeamWithMembers",
            id="JSON that a CTE builds",
        ),
        pytest.param(
            "WITH cur AS (SELECT teams.id,[ teams.motto,] teams.name, teams AS base FROM teams),\n"
            "old AS (SELECT id FROM teams), own AS (SELECT id, 1 AS b, name FROM teams)\n"
            "SELECT cur.revision, to_jsonb(cur) - 'base' AS before, to_jsonb(old), to_jsonb(own),\n"
            "json_build_object('id', cur.id,[ 'motto', cur.motto,] 'name', cur.name) AS updated\n"
            "FROM cur, old, own",
            "Changed[Team]",
            id="a whole row as JSON",
        ),
        pytest.param(
            'SELECT\n    ["order",\n    ]name[,\n    city,\n    street]\nFROM teams',
            "First",
            id="first and last",
        ),
        pytest.param(
            'SELECT\n    ["order",\n    ]name[,] -- it\n[    city,\n    street\n]FROM teams',
            "First",
            id="last, with a comment behind",
        ),
    ],
)
def test_a_field_is_written_where_it_is_missing(
    tmp_path: Path, statement: str, record: str
) -> None:
    """What is in brackets is written; [[ and ]] are brackets."""
    masked = statement.replace("[[", "\1").replace("]]", "\2")
    parts = [part.split("]") for part in masked.split("[")]
    before = "".join(part[-1] for part in parts).replace("\1", "[").replace("\2", "]")
    after = "".join("".join(part) for part in parts).replace("\1", "[").replace("\2", "]")
    assert written(tmp_path, before, record) == after


@pytest.mark.parametrize(
    ("statement", "record", "refusal"),
    [
        ("SELECT a.id, b.name FROM a, b", "Team", "motto is missing, and the fields that it"),
        ("SELECT 1 AS id, upper(b) AS name FROM a", "Team", "motto is missing, and the fields"),
        ("SELECT id, name FROM a, b", "Team", "motto is missing, and comes from one of several"),
        (
            "SELECT a.id, a.name FROM json_to_recordset('[]') AS a (id int, name text)",
            "Team",
            "motto is missing, and comes from a; write it yourself",
        ),
        (
            "SELECT a.id, a.name FROM (VALUES (1, 'b')) AS a (id, name)",
            "Team",
            "motto is missing, and comes from a; write it yourself",
        ),
        ("SELECT revision FROM a", "Changed[Team]", "updated is missing; write how its JSON"),
    ],
)
def test_what_cannot_be_decided_is_reported_with_file_and_line(
    tmp_path: Path, statement: str, record: str, refusal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file(tmp_path, statement, record)
    text = path.read_text()
    assert main(["--sql", str(tmp_path / "sql"), "--records", __name__]) == 1
    assert capsys.readouterr().out.startswith(f"{path}:13: teams.find: {refusal}")
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("statement", "record"),
    [
        ("SELECT name, id, motto FROM teams", "Team"),
        ("SELECT * FROM teams", "Team"),
        ("DELETE FROM teams", "none"),
        (
            "SELECT a.id, (pg_control_system()).motto, (b()).name FROM a",
            "Team",
        ),
    ],
)
def test_what_lacks_nothing_is_left_alone(tmp_path: Path, statement: str, record: str) -> None:
    path = file(tmp_path, statement, record)
    text = path.read_text()
    assert main(["--sql", str(tmp_path / "sql"), "--records", __name__]) == 0
    assert path.read_text() == text


def test_a_file_keeps_the_line_ends_that_it_has(tmp_path: Path) -> None:
    path = file(tmp_path, "SELECT\n    id,\n    name\nFROM teams", "Team")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert main(["--sql", str(tmp_path / "sql"), "--records", __name__]) == 0
    text = path.read_bytes()
    assert b"    id,\r\n    motto,\r\n    name\r\n" in text
    assert text.count(b"\n") == text.count(b"\r\n")


def test_a_record_that_is_not_there_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file(tmp_path, "SELECT 1 AS id", "Nothing")
    assert main(["--sql", str(tmp_path / "sql"), "--records", __name__]) == 1
    assert capsys.readouterr().out == f"{path}:8: teams.find: there is no record Nothing\n"


def test_no_field_is_missing_in_the_queries_of_the_package() -> None:
    assert main(["--check"]) == 0
