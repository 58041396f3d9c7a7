"""More of the shapes: expressions, conditions and changes."""

from __future__ import annotations

from tests.contract.null_shapes import Shape

EXPRESSIONS = {
    # Expressions.
    "arithmetic": Shape(
        "SELECT id + 1, id * team_id, -id, id / 2, id > team_id FROM person",
        "a b? c d e?",
    ),
    "choices": Shape(
        "SELECT coalesce(bio, handle), coalesce(bio, $1), greatest(bio, handle), "
        "nullif(handle, 'x'), CASE WHEN bio = 'x' THEN 1 END, "
        "CASE WHEN bio = 'x' THEN 1 ELSE 2 END FROM person",
        "a b? c d? e? f",
    ),
    "guarded by CASE": Shape(
        "SELECT CASE WHEN bio IS NOT NULL THEN bio ELSE '' END, "
        "CASE WHEN bio IS NULL THEN '' ELSE bio END, "
        "CASE WHEN bio = handle OR bio = $1 THEN bio ELSE '' END, "
        "CASE WHEN bio IS NOT NULL OR id = 1 THEN bio ELSE '' END FROM person",
        "a b c d?",
    ),
    "padded row guarded by CASE": Shape(
        "SELECT CASE WHEN t.id IS NOT NULL THEN t.name ELSE '' END, "
        "CASE WHEN t.id IS NOT NULL THEN t.bio ELSE '' END FROM person p "
        "LEFT JOIN team t ON t.id = p.team_id",
        "name bio?",
    ),
    "other side of a full join guarded by CASE": Shape(
        "SELECT CASE WHEN t.id IS NOT NULL THEN p.handle ELSE '' END FROM person p "
        "FULL JOIN team t ON t.id = p.team_id",
        "handle?",
    ),
    "lists": Shape(
        "SELECT id IN (1, 2), id IN (1, team_id), id = ANY ($1::bigint[]), id = ANY ('{1}') "
        "FROM person",
        "a b? c? d?",
    ),
    "rows": Shape(
        "SELECT (id, handle) < (1, 'x'), (id, bio) = (1, 'x'), ROW(bio) FROM person",
        "a b? c",
    ),
    "text": Shape(
        "SELECT handle || '!', handle || bio, lower(handle), concat(bio, 'x'), length(bio), "
        "handle LIKE $1, handle ILIKE '%x', substring(handle, 'x') FROM person",
        "a b? c d e? f? g h?",
    ),
    "casts": Shape(
        "SELECT id::text, id::integer, bio::varchar(3), $1::text, data::text, "
        "'2000-01-01'::date::timestamptz FROM person",
        "a b c? d? e f",
    ),
    "strict functions that return NULL all the same": Shape(
        "SELECT seen_at::time, extract(day FROM seen_at), to_char(seen_at, 'DD'), "
        "lower(int4range(1, 1)), array_length(tags, 1), pg_temp.shout(handle) FROM person",
        "t? d? c? l? n? s?",
    ),
    "JSON": Shape(
        "SELECT data ->> 'x', data -> 'x', data['x'], data @> $1, data || '{}', "
        "json_build_object('x', bio), to_json(bio), to_json(id), data::text::integer FROM person",
        "a? b? c? d? e f g? h i",
    ),
    "cast of JSON to a number, which is NULL for null since 18": Shape(
        "SELECT data::integer FROM person",
        "data?",
    ),
    "arrays": Shape(
        "SELECT tags, tags[1], ARRAY[bio], cardinality(tags), tags || handle, "
        "array_to_string(tags, ',') FROM person",
        "a b? c d e f",
    ),
    "variadic": Shape(
        "SELECT concat('a', $1::text), concat(VARIADIC $2::text[]), "
        "json_build_object(VARIADIC $3::text[])",
        "a b? c?",
    ),
    "times and the session": Shape(
        "SELECT now(), current_date, date_trunc('day', seen_at), seen_at + interval '1 day', "
        "current_user, current_schema, gen_random_uuid() FROM person",
        "a b c d e f? g",
    ),
    "unknown node": Shape("SELECT JSON_OBJECT('x': 1)", "x?"),
    "column called like a field of the tree": Shape('SELECT bio AS ":expr" FROM person', "x?"),
    # Whole rows.
    "row": Shape("SELECT p, to_json(p), row_to_json(p) FROM person p", "p j r"),
    "row of a CTE in an outer join": Shape(
        "WITH x AS (SELECT id FROM team) SELECT p.id, x, to_json(x) FROM person p "
        "LEFT JOIN x ON x.id = p.id",
        "id x? j?",
    ),
    # Conditions.
    "condition": Shape("SELECT bio, handle FROM person WHERE bio = $1", "bio~ handle"),
    "condition over a padded row": Shape(
        "SELECT t.name, t.bio FROM person p LEFT JOIN team t ON t.id = p.team_id WHERE t.id > 1",
        "name~ bio?",
    ),
    "condition of an inner join": Shape(
        "SELECT p.team_id FROM person p JOIN team t ON t.id = p.team_id",
        "team_id~",
    ),
    "condition of an inner join in a padded side": Shape(
        "SELECT p.team_id FROM team t LEFT JOIN (person p JOIN person o ON o.id = p.team_id) "
        "ON p.id = t.id",
        "team_id?",
    ),
    "condition of an outer join": Shape(
        "SELECT p.team_id FROM person p LEFT JOIN team t ON t.id = p.team_id AND p.team_id > 1",
        "team_id?",
    ),
    "condition over an empty array": Shape(
        "SELECT bio FROM person WHERE NOT bio = ANY ($1::text[])",
        "bio?",
    ),
}

CHANGES = {
    "insert": Shape("INSERT INTO team VALUES ($1, $2, $3) RETURNING id, name, bio", "id name bio?"),
    "update, whose conditions are about the row before": Shape(
        "UPDATE person SET bio = NULL FROM team WHERE person.bio = team.bio "
        "RETURNING person.bio, team.bio, handle",
        "bio? bio~ handle",
    ),
    "delete": Shape("DELETE FROM person WHERE id = $1 RETURNING id, bio", "id bio?"),
    "update from an outer join": Shape(
        "UPDATE person SET bio = '' FROM team t LEFT JOIN person o ON o.id = t.id "
        "WHERE person.team_id = t.id RETURNING person.id, t.name, o.handle",
        "id name handle?",
    ),
    "insert in a CTE": Shape(
        "WITH x AS (INSERT INTO team VALUES ($1, $2) RETURNING id, bio) "
        "SELECT x.id, x.bio, p.id FROM x LEFT JOIN person p ON p.team_id = x.id",
        "id bio? id?",
    ),
    "insert into a view": Shape("UPDATE handles SET handle = '' RETURNING id", "id?"),
    "was it new": Shape(
        "INSERT INTO team VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name "
        "RETURNING xmax = 0",
        "is_new",
    ),
    # NOT NULL that does not hold.
    "domain that is NOT NULL": Shape(
        "SELECT level, bio::pg_temp.positive FROM person", "level? cast"
    ),
    "merge": Shape(
        "MERGE INTO team USING person ON person.id = team.id WHEN MATCHED THEN DELETE "
        "WHEN NOT MATCHED THEN INSERT VALUES (person.id, '') "
        "RETURNING merge_action(), team.id, team.bio, handle",
        "action id bio? handle",
        17,
    ),
    "merge that changes what the source lacks": Shape(
        "MERGE INTO team USING person ON person.id = team.id WHEN NOT MATCHED BY SOURCE "
        "THEN DELETE RETURNING team.id, handle",
        "id handle?",
        17,
    ),
    "insert, before and after": Shape(
        "INSERT INTO team VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name "
        "RETURNING old.name, new.name, old, to_json(old)",
        "name? name old? old?",
        18,
    ),
    "update, before and after": Shape(
        "UPDATE team SET name = $1 RETURNING old.name, new.name, old.bio, (SELECT old.name)",
        "name name bio? name",
        18,
    ),
    "delete, before and after": Shape(
        "DELETE FROM team RETURNING old.name, new.name", "name name?", 18
    ),
    "merge, before and after": Shape(
        "MERGE INTO team USING person ON person.id = team.id WHEN MATCHED THEN UPDATE "
        "SET bio = '' RETURNING old.name, new.name, team.name",
        "name? name? name",
        18,
    ),
    "before, guarded by CASE": Shape(
        "INSERT INTO team VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name "
        "RETURNING CASE WHEN old.id IS NOT NULL THEN old.id ELSE 0 END, "
        "CASE WHEN new.bio IS NOT NULL THEN old.bio ELSE '' END",
        "id bio?",
        18,
    ),
}
