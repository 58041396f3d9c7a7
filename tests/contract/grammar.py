"""What random statements are made of: templates by the kind of their value.

In a template ``{i}``, ``{t}`` and ``{b}`` stand for an expression of that kind, ``{c}`` for a
column that stands twice and ``{row}`` for a whole row; ``{=from}`` for the FROM of a subselect, and
``{=i}`` and its like for what can name the columns of that as well.
"""

from __future__ import annotations

TABLES = ("one", "two", "three")
COLUMNS = (("a", "i"), ("b", "i"), ("s", "t"), ("f", "b"))
TYPES = {"i": "integer", "t": "text", "b": "boolean"}
LITERALS = {"i": ("0", "1", "2"), "t": ("''", "'x'", "'y'"), "b": ("TRUE", "FALSE")}

EXPRESSIONS = {
    "i": (
        "{i} + {i}",
        "abs({i} - {i})",
        "coalesce({i}, {i})",
        "greatest({i}, {i})",
        "least({i}, 1)",
        "nullif({i}, {i})",
        "length({t})",
        "{i}::bigint::integer",
        "CASE WHEN {b} THEN {i} END",
        "CASE WHEN {b} THEN {i} ELSE {i} END",
        "CASE WHEN {c} IS NOT NULL AND {b} THEN {c} ELSE 0 END",
        "CASE WHEN {c} IS NULL OR {b} THEN {i} ELSE {c} END",
        "CASE WHEN {c} > 0 OR {c} = 0 THEN {c} END",
        "CASE {i} WHEN {i} THEN {i} ELSE {i} END",
        "array_length(array_remove(ARRAY[{i}], 1), 1)",
        "cardinality(ARRAY[{i}, {i}])",
        "(ARRAY[{i}, {i}])[2]",
        "({i}::text)::integer",
        "(json_build_object('k', {i}) ->> 'k')::integer",
        "(SELECT {=i})",
        "(SELECT count(*) FROM {=from} WHERE {=b})::integer",
        "(SELECT max({=i}) FROM {=from})",
        "coalesce((SELECT {=i} FROM {=from} WHERE {=b} LIMIT 1), {i})",
        "(SELECT {=i} FROM {=from} ORDER BY 1 LIMIT 1)",
        "cardinality(ARRAY(SELECT {=i} FROM {=from}))",
    ),
    "t": (
        "{t} || {t}",
        "{i}::text",
        "upper({t})",
        "concat({t}, {i})",
        "coalesce({t}, 'none')",
        "nullif({t}, '')",
        "substring({t}, 'x')",
        "CASE WHEN {b} THEN {t} ELSE {t} END",
        "CASE WHEN {c} IS NOT NULL THEN {c} ELSE 'none' END",
        "json_build_object('k', {i})::text",
        "(SELECT string_agg({=t}, ',') FROM {=from})",
    ),
    "b": (
        "{i} = {i}",
        "{t} <> {t}",
        "{i} IS NULL",
        "{t} IS NOT NULL",
        "{b} AND {b}",
        "{b} OR {b}",
        "NOT {b}",
        "{b} IS TRUE",
        "{i} IS DISTINCT FROM {i}",
        "({i}, {t}) < ({i}, {t})",
        "({i}, {i}) = ({i}, {i})",
        "{i} IN ({i}, {i})",
        "{i} = ANY (ARRAY[{i}, {i}])",
        "{t} LIKE {t}",
        "EXISTS (SELECT FROM {=from} WHERE {=b})",
        "{i} IN (SELECT {=i} FROM {=from})",
        "{i} > ALL (SELECT {=i} FROM {=from} WHERE {=b})",
        "({i}, {t}) IN (SELECT {=i}, {=t} FROM {=from})",
    ),
}
AGGREGATES = {
    "i": ("count(*)::integer", "count({i})::integer", "sum({i})::integer", "max({i})", "min({i})"),
    "t": ("string_agg({t}, ',')", "max({t})", "min({t}) FILTER (WHERE {b})"),
    "b": ("bool_and({b})", "count(*) > 1", "every({b})"),
}
WINDOWS = (
    "row_number() OVER ()",
    "sum({i}) OVER (PARTITION BY {i})",
    "max({i}) OVER (ORDER BY {i} ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING)",
    "lag({i}) OVER (ORDER BY {i})",
    "first_value({i}) OVER (ORDER BY {i})",
    "ntile({i} * 0 + 2) OVER ()",
    "count({i}) OVER ()",
)
JSON = (
    "json_build_object('i', {i}, 't', {t}, 'deep', json_build_object('b', {b}))",
    "CASE WHEN {c} IS NOT NULL THEN json_build_object('c', {c}, 't', {t}) END",
    "to_json({row})",
    "(SELECT json_agg(json_build_object('i', {=i}, 't', {=t})) FROM {=from} WHERE {=b})",
    "coalesce((SELECT json_agg({=i}) FROM {=from}), '[]'::json)",
    "(SELECT json_agg({=row}) FILTER (WHERE {=b}) FROM {=from})",
    "coalesce(to_json({row}), json_build_object('i', {i}))",
)
GROUPINGS = (
    "ROLLUP ({}, {})",
    "CUBE ({}, {})",
    "GROUPING SETS (({}), ({}))",
    "GROUPING SETS (({}, {}), ())",
)
#: Not in a subselect: ``INSERT ... RETURNING old.a = ANY (SELECT 1)`` crashes PostgreSQL 18.4.
VERSIONS = (
    "old.a",
    "new.b",
    "old.id",
    "new.id",
    "coalesce(old.b, new.b)",
    "CASE WHEN old.b IS NOT NULL THEN old.b ELSE 0 END",
    "CASE WHEN old.b IS NOT NULL THEN new.b ELSE 0 END",
)
