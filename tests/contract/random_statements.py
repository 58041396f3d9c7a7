"""Random schemas, rows and statements, for the claim that no column called not NULL holds one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from hypothesis import strategies as st

from tests.contract.grammar import (
    AGGREGATES,
    COLUMNS,
    EXPRESSIONS,
    GROUPINGS,
    JSON,
    LITERALS,
    TABLES,
    TYPES,
    VERSIONS,
    WINDOWS,
)

T = TypeVar("T")
#: A column in scope: how SQL names it, and its kind; i integer, t text, b boolean.
Column: TypeAlias = tuple[str, str]
Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]

_HOLE = re.compile(r"\{(=?)(\w+)\}")


class World(NamedTuple):
    """A schema with its rows, and one statement over it."""

    schema: str
    statement: str


class Scope(NamedTuple):
    """What an expression can name: columns, and relations as whole rows."""

    columns: tuple[Column, ...] = ()
    rows: tuple[str, ...] = ()

    def __or__(self, other: Scope) -> Scope:
        return Scope(self.columns + other.columns, self.rows + other.rows)


@st.composite
def worlds(draw: Draw, major: int) -> World:
    """Draw a world for a server's major version."""
    return World(_schema(draw), _Statements(draw, major).statement())


def _schema(draw: Draw) -> str:
    parts = []
    for table in TABLES:
        bound = [draw(st.booleans()) for _ in COLUMNS]
        columns = ", ".join(
            f"{name} {TYPES[kind]}{' NOT NULL' if is_bound else ''}"
            for (name, kind), is_bound in zip(COLUMNS, bound, strict=True)
        )
        parts.append(f"CREATE TEMP TABLE {table} (id integer PRIMARY KEY, {columns});")
        for row in range(draw(st.integers(0, 3))):
            values = [
                draw(st.sampled_from(LITERALS[kind] if is_bound else ("NULL", *LITERALS[kind])))
                for (_, kind), is_bound in zip(COLUMNS, bound, strict=True)
            ]
            parts.append(f"INSERT INTO {table} VALUES ({row}, {', '.join(values)});")
    kind = draw(st.sampled_from(("LEFT", "FULL", "INNER")))
    parts.append(
        "CREATE TEMP VIEW seen AS SELECT one.id, two.a, coalesce(one.b, 0) AS b, two.s, one.f "
        f"FROM one {kind} JOIN two ON one.id = two.id;"
    )
    return "\n".join(parts)


class _Statements:
    """Writes one statement, by drawing from the grammar."""

    def __init__(self, draw: Draw, major: int) -> None:
        self._draw = draw
        self._major = major
        self._aliases = 0
        self._ctes: list[tuple[str, str, tuple[Column, ...]]] = []
        #: MERGE refuses WITH RECURSIVE, even where nothing is.
        self._is_recursive = self._pick((True, False))

    def statement(self) -> str:
        for _ in range(self._pick((0, 0, 1, 2))):
            self._add_cte()
        kind = self._pick(("select", "select", "select", "select", *self._changes()))
        body = self._select(2, with_json=True)[0] if kind == "select" else self._change(kind)[0]
        if not self._ctes:
            return body
        ctes = ", ".join(
            f"{name} ({', '.join(column for column, _ in columns)}) AS {query}"
            for name, query, columns in self._ctes
        )
        return f"WITH {'RECURSIVE ' * self._is_recursive}{ctes} {body}"

    def _pick(self, options: Sequence[T]) -> T:
        picked: T = self._draw(st.sampled_from(options))
        return picked

    def _alias(self) -> str:
        self._aliases += 1
        return f"r{self._aliases}"

    def _changes(self) -> tuple[str, ...]:
        has_merge = self._major >= 17 and not self._is_recursive
        return ("insert", "update", "delete", *(("merge",) if has_merge else ()))

    def _add_cte(self) -> None:
        name = self._alias()
        recursive = ("recursive",) if self._is_recursive else ()
        kind = self._pick(("select", "select", *recursive, *self._changes()))
        how = ""
        if kind == "select":
            body, kinds = self._select(1)
            how = self._pick(("", "MATERIALIZED ", "NOT MATERIALIZED "))
        elif kind == "recursive":
            body, kinds = self._recursion(name)
        else:
            body, kinds = self._change(kind)
        columns = tuple((f"c{number}", kind) for number, kind in enumerate(kinds))
        self._ctes.append((name, f"{how}({body})", columns))

    def _recursion(self, name: str) -> tuple[str, str]:
        kinds = "iiit"
        scope = Scope(tuple((f"{name}.c{number}", kind) for number, kind in enumerate(kinds)))
        first = ", ".join(self._expression(kind, Scope(), 1) for kind in kinds[1:])
        again = ", ".join(self._expression(kind, scope, 1) for kind in kinds[1:])
        union = self._pick(("UNION", "UNION ALL"))
        query = (
            f"SELECT 0, {first} {union} SELECT {name}.c0 + 1, {again} FROM {name} "
            f"WHERE {name}.c0 < 3"
        )
        return query, kinds

    def _expression(self, kind: str, scope: Scope, depth: int) -> str:
        columns = [name for name, of_kind in scope.columns if of_kind == kind]
        is_column = self._pick((True, True, False))
        if columns and is_column:
            return self._pick(columns)
        if depth <= 0:
            return self._pick((*(f"{it}::{TYPES[kind]}" for it in ("NULL", *LITERALS[kind])),))
        return self._filled(self._pick(EXPRESSIONS[kind]), kind, scope, depth)

    def _filled(self, template: str, kind: str, scope: Scope, depth: int) -> str:
        columns = [name for name, of_kind in scope.columns if of_kind == kind]
        column = self._pick(columns) if columns else f"NULL::{TYPES[kind]}"
        source, inner = self._from(0) if "{=from}" in template else ("", Scope())

        def fill(hole: re.Match[str]) -> str:
            where = inner | scope if hole[1] else scope
            match hole[2]:
                case "from":
                    return source
                case "c":
                    return column
                case "row":
                    return self._pick((inner if hole[1] else scope).rows or ("1",))
                case wanted:
                    return self._expression(wanted, where, depth - 1)

        return _HOLE.sub(fill, template)

    def _from(self, depth: int) -> tuple[str, Scope]:
        kinds = ["table", "table", "values", "series"]
        if depth > 0:
            kinds += ["join", "join", "join", "subquery", "lateral"]
        if self._ctes:
            kinds += ["cte"]
        kind = self._pick(kinds)
        if kind == "join":
            return self._join(depth)
        if kind == "lateral":
            return self._lateral(depth)
        name = self._alias()
        if kind == "subquery":
            query, found = self._select(depth - 1)
            columns = tuple((f"c{number}", of_kind) for number, of_kind in enumerate(found))
            source = f"({query}) AS {name} ({', '.join(column for column, _ in columns)})"
        elif kind == "cte":
            cte, _, columns = self._pick(self._ctes)
            source = f"{cte} AS {name}"
        elif kind == "values":
            columns = (("c0", "i"), ("c1", "t"))
            rows = ", ".join(
                f"({self._expression('i', Scope(), 0)}, {self._expression('t', Scope(), 0)})"
                for _ in range(2)
            )
            source = f"(VALUES {rows}) AS {name} (c0, c1)"
        elif kind == "series":
            columns = (("c0", "i"), ("c1", "i"))
            source = f"generate_series(0, 1) WITH ORDINALITY AS {name} (c0, c1)"
        else:
            columns = (("id", "i"), *COLUMNS)
            source = f"{self._pick((*TABLES, 'seen'))} AS {name}"
        rows_of = (name,) if kind != "series" else ()
        return source, Scope(tuple((f"{name}.{column}", k) for column, k in columns), rows_of)

    def _integer(self, scope: Scope) -> str:
        return self._pick([name for name, kind in scope.columns if kind == "i"] or ["1"])

    def _join(self, depth: int) -> tuple[str, Scope]:
        left, left_scope = self._from(depth - 1)
        right, right_scope = self._from(depth - 1)
        both = left_scope | right_scope
        keys = [self._integer(left_scope), self._integer(right_scope)]
        kinds = ["INNER", "LEFT", "LEFT", "RIGHT"]
        if all(key.endswith((".id", ".a", ".b")) for key in keys):
            # A full join refuses what may turn out to be a constant.
            kinds += ["FULL"]
        kind = self._pick(kinds)
        condition = f"{keys[0]} = {keys[1]}"
        if kind != "FULL" and self._pick((True, False)):
            condition += f" AND {self._expression('b', both, 1)}"
        return f"({left} {kind} JOIN {right} ON {condition})", both

    def _lateral(self, depth: int) -> tuple[str, Scope]:
        left, scope = self._from(depth - 1)
        name = self._alias()
        inner = ", ".join(self._expression(kind, scope, 1) for kind in "it")
        condition = self._expression("b", scope, 1)
        kind = self._pick(("INNER", "LEFT"))
        source = (
            f"({left} {kind} JOIN LATERAL (SELECT {inner} WHERE {condition}) AS {name} (c0, c1) "
            "ON TRUE)"
        )
        return source, scope | Scope(((f"{name}.c0", "i"), (f"{name}.c1", "t")), (name,))

    def _select(self, depth: int, *, with_json: bool = False) -> tuple[str, str]:
        shapes = ("plain", "plain", "plain", "whole", "grouped", "sets", "windows", "union")
        shape = self._pick(shapes)
        if shape == "union" and depth > 0:
            kinds = self._kinds()
            operator = self._pick(("UNION", "UNION ALL", "INTERSECT", "EXCEPT"))
            sides = [self._plain(kinds, depth - 1) for _ in range(2)]
            return f"({sides[0]}) {operator} ({sides[1]})", kinds
        kinds = self._kinds()
        if shape in {"whole", "grouped", "sets"}:
            return self._aggregated(shape, kinds, depth), kinds
        extra = WINDOWS if shape == "windows" else JSON if with_json else ()
        return self._plain(kinds, depth, extra), kinds

    def _kinds(self) -> str:
        return "".join(self._pick("iitb") for _ in range(self._pick((1, 2, 3))))

    def _plain(self, kinds: str, depth: int, extra: Sequence[str] = ()) -> str:
        source, scope = self._from(depth)
        columns = [self._expression(kind, scope, 2) for kind in kinds]
        if extra:
            columns.append(self._filled(self._pick(extra), "i", scope, 1))
        return f"SELECT {', '.join(columns)} FROM {source}{self._where(scope)}"

    def _where(self, scope: Scope) -> str:
        condition = self._expression("b", scope, 2)
        return self._pick(("", f" WHERE {condition}"))

    def _aggregated(self, shape: str, kinds: str, depth: int) -> str:
        source, scope = self._from(depth)
        where = self._where(scope)
        keys = [self._expression(kind, Scope(scope.columns), 1) for kind in "it"]
        columns = []
        for kind in kinds:
            key = keys["it".find(kind)] if kind in "it" else None
            own = () if shape == "whole" or key is None else (key, f"coalesce({key}, {key})")
            template = self._pick((*AGGREGATES[kind], *own))
            is_own = template in own
            columns.append(template if is_own else self._filled(template, kind, scope, 1))
        clause = {
            "whole": "",
            "grouped": f" GROUP BY {', '.join(keys)}",
            "sets": " GROUP BY " + self._pick(GROUPINGS).format(*keys),
        }[shape]
        return f"SELECT {', '.join(columns)} FROM {source}{where}{clause}"

    def _change(self, kind: str) -> tuple[str, str]:
        table, kinds = self._pick(TABLES), self._kinds()
        source, inner = self._from(1)
        own = Scope(tuple((f"{table}.{column}", k) for column, k in (("id", "i"), *COLUMNS)))
        written = ", ".join(
            f"{column} = {self._expression(k, inner if kind == 'update' else Scope(), 1)}"
            for column, k in (COLUMNS[0], COLUMNS[2])
        )
        condition = self._expression("b", own | inner, 1)
        returned = own if kind == "insert" else own | inner
        key = self._integer(inner)
        new = f"{self._pick((1, 7))}, 1, 1, 'x', TRUE"
        statement = {
            "insert": f"INSERT INTO {table} VALUES ({new}) "
            f"ON CONFLICT (id) DO UPDATE SET b = excluded.b",
            "update": f"UPDATE {table} SET {written} FROM {source} WHERE {condition}",
            "delete": f"DELETE FROM {table} USING {source} WHERE {condition}",
            "merge": f"MERGE INTO {table} USING {source} ON {table}.id = {key} "
            f"WHEN MATCHED THEN {self._pick(('DELETE', 'UPDATE SET ' + written))} "
            "WHEN NOT MATCHED BY SOURCE THEN UPDATE SET b = 2 "
            f"WHEN NOT MATCHED THEN INSERT VALUES ({new})",
        }[kind]
        columns = [self._expression(k, returned, 1) for k in kinds]
        if self._major >= 18:
            columns.append(self._pick(VERSIONS))
            kinds += "i"
        return f"{statement} RETURNING {', '.join(columns)}", kinds
