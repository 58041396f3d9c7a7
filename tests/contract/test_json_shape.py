"""What the JSON that a statement builds looks like, as far as the statement shows it."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from psycopg import Connection

from tests.contract.analyses import analysis
from vrooli_data._contract.analysis import JsonShape
from vrooli_data._contract.analysis.json_shapes import Array, JsonMember, Object, SqlValue

_LEFT = "FROM person p LEFT JOIN team t ON t.id = p.team_id"


class Shown(NamedTuple):
    """A statement, and its one column: ``?`` can be null, ``~`` can be but for a condition."""

    statement: str
    column: str


_SHAPES = {
    "a column that is no JSON": Shown("SELECT id FROM person", "bigint"),
    "JSON that was stored": Shown("SELECT data FROM person", "jsonb"),
    "object": Shown(
        "SELECT json_build_object('id', id, 'bio', bio, 'tags', tags) FROM person",
        "{id: bigint, bio: text?, tags: text[]}",
    ),
    "object in an object": Shown(
        f"SELECT json_build_object('team', json_build_object('name', t.name)) {_LEFT}",
        "{team: {name: text?}}",
    ),
    "object guarded by CASE": Shown(
        "SELECT CASE WHEN t.id IS NOT NULL THEN json_build_object("
        f"'name', t.name, 'bio', t.bio) END {_LEFT}",
        "{name: text, bio: text?}",
    ),
    "array": Shown("SELECT json_agg(json_build_object('id', id)) FROM person", "[{id: bigint}]"),
    "array, empty if need be": Shown(
        "SELECT coalesce((SELECT json_agg(p.bio) FROM person p), '[]'::json)",
        "[text?]",
    ),
    "array that leaves padded rows out": Shown(
        f"SELECT json_agg(json_build_object('n', t.name)) FILTER (WHERE t.id IS NOT NULL) {_LEFT}",
        "[{n: text}]",
    ),
    "array of padded rows": Shown(f"SELECT json_agg(t.name) {_LEFT}", "[text?]"),
    "row of a table": Shown(
        "SELECT to_json(t) FROM team t",
        "{id: bigint, name: text, bio: text?}",
    ),
    "rows of a table": Shown(
        "SELECT jsonb_agg(t) FROM team t",
        "[{id: bigint, name: text, bio: text?}]",
    ),
    "row of a CTE in an outer join": Shown(
        "WITH x AS (UPDATE team SET bio = '' RETURNING id, bio) "
        "SELECT to_json(x) FROM person p LEFT JOIN x ON x.id = p.id",
        "{id: bigint, bio: text?}",
    ),
    "row of a subselect": Shown(
        "SELECT row_to_json(x) FROM (SELECT id, upper(name) AS big FROM team) x",
        "{id: bigint, big: text}",
    ),
    "through a CTE, a subquery and a cast": Shown(
        "WITH x AS (SELECT json_build_object('id', id)::jsonb AS made FROM team) "
        "SELECT y.made FROM (SELECT made FROM x) y",
        "{id: bigint}",
    ),
    "branches alike": Shown(
        "SELECT json_build_object('a', id) FROM team UNION ALL "
        "SELECT json_build_object('a', team_id) FROM person",
        "{a: bigint?}",
    ),
    "branches that differ": Shown(
        "SELECT CASE WHEN id = 1 THEN json_build_object('a', id) "
        "ELSE json_build_object('b', id) END FROM team",
        "unknown",
    ),
    "a condition": Shown(
        "SELECT json_build_object('bio', bio) FROM person WHERE bio IS NOT NULL",
        "{bio: text~}",
    ),
    "keys that are computed": Shown("SELECT json_build_object(handle, id) FROM person", "unknown"),
    "keys that are collected": Shown("SELECT json_object_agg(handle, id) FROM person", "unknown"),
    "text that is parsed": Shown("SELECT handle::json FROM person", "unknown"),
    "a function": Shown("SELECT jsonb_set(data, '{x}', '1') FROM person", "unknown"),
    "a part": Shown("SELECT data -> 'x' FROM person", "unknown"),
    "a constant": Shown("""SELECT '{"a": 1}'::jsonb""", "unknown"),
    "an empty array": Shown("SELECT '[]'::jsonb", "[]"),
    "an empty object": Shown("SELECT '{}'::json", "{}"),
    "a key that is not ASCII": Shown("SELECT json_build_object('größe', 1)", "{größe: integer}"),
    "a domain": Shown("SELECT to_jsonb(level) FROM person", "integer"),
}


@pytest.mark.parametrize("name", _SHAPES)
def test_shape_of(name: str, connection: Connection[Any]) -> None:
    (shape,) = analysis(connection, _SHAPES[name].statement).json_shapes()
    assert _written(shape) == _SHAPES[name].column, shape


def _written(shape: JsonShape) -> str:
    match shape:
        case SqlValue(kind):
            return kind
        case Object(members):
            return "{" + ", ".join(f"{key}: {_member(it)}" for key, it in members.items()) + "}"
        case Array(member):
            return f"[{_member(member) if member else ''}]"
        case _:
            return "unknown"


def _member(member: JsonMember) -> str:
    mark = "~" if member.null.narrowed else "?" if member.null.nullable else ""
    return _written(member.shape) + mark
