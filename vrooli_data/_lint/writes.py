"""Rules about the rows that a statement writes and locks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pglast import ast
from pglast.enums import (
    BoolExprType,
    BoolTestType,
    NullTestType,
    OnConflictAction,
    SortByDir,
    SubLinkType,
)

from .keys import (
    columns_of,
    is_single,
    references,
    resolve,
    settle,
    sort_columns,
    sort_expressions,
)
from .locks import locked
from .schema import Schema
from .statement import Statement
from .tree import Level, Node, Relation, is_a, name_of, outputs, qualifier_of, walk, written

#: The strengths with which a row that decides a change may be locked.
DECIDING: Final = {"for no key update", "for update"}


def change_has_condition(statement: Statement, schema: Schema) -> Iterator[str]:
    """Require a condition on the changed table, so that not every row is changed."""
    for level in statement.changes:
        if not is_a(level.node, ast.UpdateStmt, ast.DeleteStmt):
            continue
        target = next(iter(level.relations))
        if not any(
            _restricts(level, target, condition.expression, schema)
            for condition in level.conditions
        ):
            verb = "updates" if is_a(level.node, ast.UpdateStmt) else "deletes"
            yield (
                f"{verb} every row of {level.target}{_of(level)}; add WHERE with a column of "
                f"{target}"
            )


def _restricts(
    level: Level, target: str, condition: Node, schema: Schema, *, is_negated: bool = False
) -> bool:
    """Return whether a condition can leave out rows of the target, for all parameters."""
    if is_a(condition, ast.BoolExpr):
        is_not = condition.boolop == BoolExprType.NOT_EXPR
        parts = [
            _restricts(level, target, part, schema, is_negated=is_negated != is_not)
            for part in condition.args
        ]
        # What holds for one part of OR, such as a parameter that is NULL, lets all rows pass.
        is_or = (condition.boolop == BoolExprType.OR_EXPR) != is_negated
        return not _is_complete(condition) and (all(parts) if is_or else any(parts))
    if is_a(condition, ast.CoalesceExpr, ast.CaseExpr):
        # A parameter that is NULL may choose any of them.
        return all(
            _restricts(level, target, choice, schema, is_negated=is_negated)
            for choice in _choices(condition)
        )
    if is_a(condition, ast.A_Const):
        return bool(condition.isnull) or bool(getattr(condition.val, "boolval", 0)) == is_negated
    if not is_negated and _holds_always(level, condition, schema):
        return False
    return any(_is_of(level, target, reference, schema) for reference in references(condition))


def _choices(condition: Node) -> list[Node]:
    """Return the values of COALESCE or CASE. A CASE without ELSE may also be NULL: no row."""
    if is_a(condition, ast.CoalesceExpr):
        return list(condition.args)
    choices = [*(when.result for when in condition.args), condition.defresult]
    return [choice for choice in choices if choice is not None]


def _is_complete(condition: Node) -> bool:
    """Return whether a condition asks for NULL and for its opposite, as in ``a OR NOT a``."""
    tests = [
        (written(part.arg), part.nulltesttype)
        for part in condition.args
        if is_a(part, ast.NullTest)
    ]
    return len({tested for tested, _ in tests}) < len(set(tests))


def _holds_always(level: Level, condition: Node, schema: Schema) -> bool:
    """Return whether a condition on a column holds for all rows, or for all without NULL."""
    if is_a(condition, ast.BooleanTest):
        # NULL, as of a parameter, is not FALSE.
        return bool(condition.booltesttype == BoolTestType.IS_NOT_FALSE)
    if is_a(condition, ast.NullTest) and is_a(condition.arg, ast.ColumnRef):
        column = resolve(level, condition.arg, schema)
        relation = level.relations[column[0]] if column else None
        return (
            condition.nulltesttype == NullTestType.IS_NOT_NULL
            and relation is not None
            and name_of(condition.arg) in schema[relation.table].not_null
        )
    if not is_a(condition, ast.A_Expr) or condition.name[-1].sval not in {"=", "<=", ">="}:
        return False
    left, right = condition.lexpr, condition.rexpr
    return any(
        is_a(side, ast.ColumnRef) and written(side) in _alternatives(other)
        for side, other in ((left, right), (right, left))
    )


def _alternatives(value: Node) -> set[str]:
    """Return the texts of a value; of COALESCE, those of each argument."""
    parts = value.args if is_a(value, ast.CoalesceExpr) else (value,)
    return {written(part) for part in parts if is_a(part, ast.Node)}


def _is_of(level: Level, relation: str, reference: Node, schema: Schema) -> bool:
    if len(level.relations) == 1 and not qualifier_of(reference):
        return True
    column = resolve(level, reference, schema)
    return column is not None and column[0] == relation


def decides_under_lock(statement: Statement, schema: Schema) -> Iterator[str]:
    """Require a lock on rows of the changed tables that decide an UPDATE or DELETE.

    A plain read in the same statement sees the snapshot, not the commits of concurrent sessions:
    updates are lost, and conflicts are reported wrongly.
    """
    changes = [
        level for level in statement.changes if is_a(level.node, ast.UpdateStmt, ast.DeleteStmt)
    ]
    yield from _unlocked_inserts(statement)
    # A staging table is the session's own: nobody else changes its rows.
    tables = {level.target for level in changes if not level.target.startswith("pg_temp.")}
    found: dict[tuple[str, str], None] = {}
    for change in changes:
        for relation in list(change.relations.values())[1:]:
            if relation.table in tables:
                found[relation.table, change.name] = None
        for level in _feeding(change):
            safe = {relation.name for relation in _locked(level, DECIDING)}
            for relation in level.relations.values():
                if relation.table in tables and relation.name not in safe:
                    found[relation.table, level.name] = None
    for table, place in found:
        where = f" in {place}" if place else ""
        yield (
            f"decides a change of {table} by a read{where} without a lock; read the row in "
            "WITH cur AS (SELECT ... FOR NO KEY UPDATE), and use cur"
        )


def _unlocked_inserts(statement: Statement) -> Iterator[str]:
    """Find the INSERTs that take their rows from a read of their own table, such as max(id) + 1.

    The constraint of ON CONFLICT decides for all sessions.
    """
    if _locks_first(statement):
        return
    for level in statement.changes:
        is_insert = is_a(level.node, ast.InsertStmt) and not level.conflict
        read = [r.table for feeding in _feeding(level) for r in feeding.relations.values()]
        if is_insert and level.target in read and not level.target.startswith("pg_temp."):
            yield (
                f"decides what it inserts into {level.target}{_of(level)} by a read without a "
                "lock; use ON CONFLICT, or lock the row that the rows belong to"
            )


def _locks_first(statement: Statement) -> bool:
    """Return whether a statement locks rows, such as the one to which those it inserts belong.

    Then one session after the other inserts.
    """
    return any(_locked(level, DECIDING) for level in statement.levels)


def _feeding(change: Level) -> list[Level]:
    """Return the SELECTs whose rows an UPDATE or DELETE uses.

    Rows that another change returns are already locked by that change.
    """
    found: list[Level] = []
    waiting = [change]
    while waiting:
        level = waiting.pop()
        queries = [relation.query for relation in level.relations.values() if relation.query]
        for query in (*level.inner, *queries):
            if not query.is_change and query not in found:
                found.append(query)
                waiting.append(query)
    return found


def _locked(level: Level, strengths: set[str]) -> list[Relation]:
    return [
        relation
        for strength, _, relations in locked(level)
        if strength in strengths
        for relation in relations
    ]


def locks_are_ordered(statement: Statement, schema: Schema) -> Iterator[str]:
    """Require the order of a key for locks on many rows: then two sessions cannot deadlock."""
    for level in statement.levels:
        for strength, wait, relations in locked(level):
            names = {relation.name for relation in relations}
            if names <= settle(level, schema).relations:
                continue
            sort = sort_columns(level, schema)
            if not names <= settle(level, schema, sort).relations:
                yield (
                    f"takes many locks {strength}{_of(level)} in any order; "
                    "add ORDER BY a unique key"
                )
            elif not wait and not _is_key_order(level, relations, schema):
                yield (
                    f"takes many locks {strength}{_of(level)} in an order that other statements "
                    "do not use; ORDER BY the key alone, ascending"
                )
    for level in statement.changes:
        if is_a(level.node, ast.UpdateStmt) and not _takes_locked_rows(level, schema):
            yield (
                f"updates many rows of {level.target}{_of(level)} in any order; lock them first "
                "in WITH cur AS (SELECT ... ORDER BY id FOR NO KEY UPDATE), and join cur by its key"
            )
        elif level.conflict and not (_locks_first(statement) or _inserts_in_order(level, schema)):
            key = ", ".join(sorted(level.conflict_key))
            yield (
                f"inserts many rows into {level.target}{_of(level)} in any order, and waits for "
                f"those of others; add ORDER BY {key} to the rows"
            )


def _inserts_in_order(level: Level, schema: Schema) -> bool:
    """Return whether an INSERT takes one row, or rows in the order of the key of ON CONFLICT."""
    key, source = level.conflict_key, level.source
    if source is None or source.node.valuesLists or is_single(source, schema):
        return True
    if source.halves:
        return False
    if not key:
        # ON CONFLICT names a constraint, or nothing.
        return bool(source.node.sortClause)
    into = [column.name for column in level.node.cols or ()]
    values = dict(zip(into, (value for _, value in outputs(source)), strict=False))
    varying = {
        written(value)
        for value in (values[name] for name in key & values.keys())
        if any(references(value)) or any(is_a(node, ast.FuncCall) for node in walk(value))
    }
    ascending = {SortByDir.SORTBY_DEFAULT, SortByDir.SORTBY_ASC}
    given = source.node.sortClause or ()
    return varying <= {
        written(node)
        for node, sort in zip(sort_expressions(source)[: len(varying)], given, strict=False)
        if sort.sortby_dir in ascending
    }


def locks_read_no_union(statement: Statement, schema: Schema) -> Iterator[str]:
    """Refuse IN (... UNION ALL ...) beside a lock.

    Where another session has changed a row, the server checks its new version against the whole
    query. Behind a UNION ALL that check can fail, and the row is left out although it fits.
    """
    for level in statement.levels:
        chosen = {
            id(node.subselect)
            for node in level.nodes
            if is_a(node, ast.SubLink) and node.subLinkType == SubLinkType.ANY_SUBLINK
        }
        if locked(level) and any(
            inner.halves and inner.node.all for inner in level.inner if id(inner.node) in chosen
        ):
            yield (
                f"locks the rows of a UNION ALL{_of(level)}, and can leave out rows that others "
                "change meanwhile; compare with any(array(SELECT ...))"
            )


def _of(level: Level) -> str:
    return f" in {level.name}" if level.name else ""


def _is_key_order(level: Level, relations: list[Relation], schema: Schema) -> bool:
    """Return whether ORDER BY has the columns of a key, ascending, and nothing else."""
    columns = sort_columns(level, schema)
    clause = level.node.sortClause
    ascending = {SortByDir.SORTBY_DEFAULT, SortByDir.SORTBY_ASC}
    keys = [
        {(relation.name, column) for column in key}
        for relation in relations
        for key in schema[relation.table].keys
    ]
    return (
        len(columns) == len(clause)
        and all(sort.sortby_dir in ascending for sort in clause)
        and any(set(columns) <= key for key in keys)
    )


def _takes_locked_rows(level: Level, schema: Schema) -> bool:
    """Return whether an UPDATE changes one row, or rows that a CTE has locked."""
    target, *others = level.relations.values()
    given = [
        (relation.name, column)
        for relation in others
        if relation.query
        and target.table in {own.table for own in _locked(relation.query, DECIDING)}
        for column in columns_of(relation, schema)
    ]
    return target.name in settle(level, schema, given).relations


def for_update_before_delete(statement: Statement, schema: Schema) -> Iterator[str]:
    """Allow FOR UPDATE only before a DELETE: it blocks the checks of foreign keys.

    The DELETE is in the same statement, or in ``<name>`` for the statement ``<name>__lock``. The
    claim of a queue (SKIP LOCKED) may also use it on a table that no foreign key refers to.
    """
    method, _, choice = statement.source.name.rpartition("__")
    partner = statement.folder.get(method)
    deletes = {
        level.target
        for owner in (statement, partner if choice == "lock" else None)
        if owner
        for level in owner.changes
        if is_a(level.node, ast.DeleteStmt)
    }
    for level in statement.levels:
        for strength, wait, relations in locked(level):
            for relation in relations if strength == "for update" else ():
                is_claim = wait == " skip locked" and not schema[relation.table].is_referenced
                if relation.table not in deletes and not is_claim:
                    yield (
                        f"locks {relation.table} FOR UPDATE and deletes nothing from it; use "
                        "FOR NO KEY UPDATE, which lets others insert rows that refer to it"
                    )


def conflict_is_read(statement: Statement, schema: Schema) -> Iterator[str]:
    """Require a read of the row that ON CONFLICT may leave unchanged, in the same statement.

    SERIALIZABLE does not see that ON CONFLICT looks at the row, so write skew can commit. A read of
    the row by the key of the conflict (``UNION ALL SELECT``) prevents that.
    """
    for level in statement.changes:
        conflict = level.conflict
        if not conflict or (
            conflict.action != OnConflictAction.ONCONFLICT_NOTHING and not conflict.whereClause
        ):
            continue
        key = level.conflict_key
        own = set(level)
        if not any(
            key <= _compared(other, level.target)
            for other in statement.levels
            if other not in own
            and level.target in {part.table for part in other.relations.values()}
        ):
            yield (
                f"does not read the existing row of {level.target}, so SERIALIZABLE misses it; "
                f"add UNION ALL SELECT of it by ({', '.join(sorted(key))})"
            )


def _compared(level: Level, table: str) -> set[str]:
    """Return the columns of a table that the conditions of a level name."""
    names = {relation.name for relation in level.relations.values() if relation.table == table}
    return {
        name_of(node)
        for condition in level.conditions
        for node in walk(condition.expression)
        if is_a(node, ast.ColumnRef) and qualifier_of(node) in {"", *names}
    }


RULES = (
    change_has_condition,
    decides_under_lock,
    locks_are_ordered,
    locks_read_no_union,
    for_update_before_delete,
    conflict_is_read,
)
