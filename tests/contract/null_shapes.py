"""Statements of many shapes, each with the columns of it that can be NULL."""

from __future__ import annotations

from typing import NamedTuple


class Shape(NamedTuple):
    """A statement and what is to be told of it."""

    statement: str
    #: ``?`` can be NULL, ``~`` can be but for a condition.
    columns: str
    since: int = 16


RELATIONS = {
    # Outer joins: described columns say NOT NULL in all of them, and plans change sides.
    "column": Shape("SELECT id, handle, bio FROM person", "id handle bio?"),
    "inner join": Shape(
        "SELECT p.id, t.name, t.bio FROM person p JOIN team t ON t.id = p.team_id",
        "id name bio?",
    ),
    "left join": Shape(
        "SELECT p.id, t.id, t.name FROM person p LEFT JOIN team t ON t.id = p.team_id",
        "id id? name?",
    ),
    "left join, planned as a right join": Shape(
        "SELECT p.id, t.name FROM person p LEFT JOIN team t ON t.id = p.team_id WHERE p.id = $1",
        "id name?",
    ),
    "right join": Shape(
        "SELECT p.id, t.name FROM person p RIGHT JOIN team t ON t.id = p.team_id",
        "id? name",
    ),
    "full join": Shape(
        "SELECT p.id, t.name FROM person p FULL JOIN team t ON t.id = p.team_id",
        "id? name?",
    ),
    "join in an outer join": Shape(
        "SELECT p.id, t.name, o.id FROM person p LEFT JOIN "
        "(team t JOIN person o ON o.team_id = t.id) ON t.id = p.team_id",
        "id name? id?",
    ),
    "outer join in the kept side": Shape(
        "SELECT p.id, t.name, o.id FROM (person p LEFT JOIN team t ON t.id = p.team_id) "
        "JOIN person o ON o.id = p.id",
        "id name? id",
    ),
    "columns of a join by its name": Shape(
        "SELECT j.handle, j.name FROM (person LEFT JOIN team ON team.id = team_id) AS j (pid, "
        "handle, b, t, g, d, s, l, tid, name)",
        "handle name?",
    ),
    "merged column of a left join": Shape(
        "SELECT id, name FROM person LEFT JOIN team USING (id)",
        "id name?",
    ),
    "left join lateral": Shape(
        "SELECT p.id, o.id FROM person p LEFT JOIN LATERAL "
        "(SELECT t.id FROM team t WHERE t.id = p.team_id LIMIT 1) o ON TRUE",
        "id id?",
    ),
    "lateral that hands a padded column on": Shape(
        "SELECT s.name FROM person p LEFT JOIN team t ON t.id = p.team_id, "
        "LATERAL (SELECT t.name) s",
        "name?",
    ),
    "left join in a materialized CTE": Shape(
        "WITH x AS MATERIALIZED (SELECT p.id, t.name FROM person p LEFT JOIN team t "
        "ON t.id = p.team_id) SELECT x.id, x.name FROM x",
        "id name?",
    ),
    "left join in a view": Shape("SELECT id, team_name FROM people", "id team_name?"),
    "view in an outer join": Shape(
        "SELECT t.id, v.handle FROM team t LEFT JOIN people v ON v.id = t.id",
        "id handle?",
    ),
    # Grouping.
    "grouped": Shape("SELECT handle, max(id), max(bio) FROM person GROUP BY handle", "h max max?"),
    "rollup": Shape("SELECT handle, count(*) FROM person GROUP BY ROLLUP (handle)", "handle? n"),
    "grouping sets over an expression": Shape(
        "SELECT upper(handle), coalesce(upper(handle), 'all'), grouping(upper(handle)), "
        "sum(id) FROM person GROUP BY GROUPING SETS ((upper(handle)), ())",
        "u? all g sum?",
    ),
    "cube, outside of its query": Shape(
        "SELECT s.h FROM (SELECT handle AS h FROM person GROUP BY CUBE (handle, bio)) s",
        "h?",
    ),
    "aggregates over no rows": Shape(
        "SELECT count(*), count(bio), max(id), json_agg(id), sum(id) FROM person",
        "n n max? agg? sum?",
    ),
    "aggregate that is filtered": Shape(
        "SELECT handle, avg(id) FILTER (WHERE bio IS NULL), count(*) FILTER (WHERE id > 1) "
        "FROM person GROUP BY handle",
        "handle avg? n",
    ),
    "windows": Shape(
        "SELECT row_number() OVER w, sum(id) OVER w, lag(id) OVER w, "
        "max(id) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) "
        "FROM person WINDOW w AS (PARTITION BY handle ORDER BY id)",
        "n sum lag? max?",
    ),
    # Set operations, VALUES, functions in FROM.
    "union": Shape("SELECT id, handle FROM person UNION ALL SELECT id, bio FROM team", "id h?"),
    "union of columns not NULL": Shape("SELECT id FROM person UNION SELECT id FROM team", "id"),
    "except": Shape("SELECT handle FROM person EXCEPT SELECT bio FROM team", "handle"),
    "intersect": Shape("SELECT bio FROM person INTERSECT SELECT name FROM team", "bio?"),
    "values": Shape("SELECT x, y FROM (VALUES (1, NULL), (2, 'b')) v (x, y)", "x y?"),
    "sets": Shape(
        "SELECT n, o, e, t FROM generate_series(1, 2) WITH ORDINALITY AS g (n, o), "
        "jsonb_array_elements($1::jsonb) AS e, json_array_elements_text($2::json) AS t",
        "n o e t?",
    ),
    "sets side by side": Shape(
        "SELECT a, b, o FROM ROWS FROM (generate_series(1, 2), generate_series(1, 3)) "
        "WITH ORDINALITY AS g (a, b, o)",
        "a? b? o",
    ),
    "sets in the select list": Shape("SELECT id, generate_series(1, 2) FROM person", "id n?"),
    "record from JSON": Shape(
        "SELECT c.handle FROM person p, jsonb_populate_record(p, $1::jsonb) c",
        "handle?",
    ),
    # Recursion.
    "recursion": Shape(
        "WITH RECURSIVE t (n, m) AS (SELECT 1, NULL::integer UNION ALL "
        "SELECT n + 1, n FROM t WHERE n < 5) SELECT n, m FROM t",
        "n m?",
    ),
    "recursion that hands a NULL from column to column": Shape(
        "WITH RECURSIVE t (a, b, c) AS (SELECT 1, 2, NULL::integer UNION ALL "
        "SELECT b, c, 1 FROM t) SELECT a, b, c FROM t LIMIT 9",
        "a? b? c?",
    ),
    "recursion with a path": Shape(
        "WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) "
        "SEARCH BREADTH FIRST BY n SET ord CYCLE n SET again USING path SELECT n, again FROM t",
        "n again?",
    ),
    # Subselects.
    "subselect": Shape("SELECT (SELECT name FROM team WHERE id = team_id) FROM person", "name?"),
    "subselect with one row": Shape(
        "SELECT (SELECT count(*) FROM team), (SELECT max(id) FROM team), (SELECT handle), "
        "(SELECT count(*) FROM team LIMIT 0), (SELECT count(*) FROM team HAVING FALSE), "
        "(SELECT count(*) FROM team GROUP BY name) FROM person",
        "n max? handle n? n? n?",
    ),
    "tests": Shape(
        "SELECT EXISTS (SELECT FROM team), bio IS NULL, bio IS DISTINCT FROM $1, "
        "ARRAY(SELECT bio FROM team), (bio = 'x') IS TRUE FROM person",
        "e n d a t",
    ),
    "in a subselect": Shape(
        "SELECT id IN (SELECT id FROM team), id IN (SELECT team_id FROM person), "
        "team_id IN (SELECT id FROM team), id > ALL (SELECT id FROM team) FROM person",
        "in in? in? all",
    ),
}
