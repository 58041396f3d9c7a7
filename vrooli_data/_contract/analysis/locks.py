"""Find the locks of a statement, and its effects besides returning rows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .parse_tree import TreeNode, Value
from .scopes import CommandType, RelationKind
from .system_catalog import Catalog

_ADVISORY = re.compile(r"pg_(?:try_)?advisory_")
#: Built-in functions that do more than read, besides nextval. Any other function counts if it is
#: volatile.
_EFFECTS = re.compile(
    r"setval|setseed|set_config|lo_\w+|lowrite|query_to_xml\w*|brin_(?:de)?summarize_\w+"
    r"|gin_clean_pending_list|pg_(?:notify|cancel_backend|terminate_backend|promote"
    r"|reload_conf|rotate_logfile|switch_wal|export_snapshot|(?:log|restore|clear)_\w+"
    r"|(?:logical|replication|create|drop|copy|advance|sync|backup|wal_replay|import|stat_reset|"
    r"stat_clear)\w*)"
)
_NEXT = "function: nextval"
#: The fields in which a node names the function that it calls.
_CALLS = ("funcid", "opfuncid", "aggfnoid", "winfnoid")
_STRENGTHS = {1: "for key share", 2: "for share", 3: "for no key update", 4: "for update"}
_WAITS = {0: "", 1: " skip locked", 2: " nowait"}
#: The strengths of row locks after which a change of the row takes no further lock.
_ENOUGH = {CommandType.UPDATE: {3, 4}, CommandType.DELETE: {4}}


def locks_of(tree: TreeNode, catalog: Catalog) -> frozenset[str]:
    """Return the locks of a statement in the words of the header, such as ``for share: resources``.

    ``cascade: members`` stands for rows that the server deletes or changes because of a foreign
    key. ``function: setval`` stands for a function that writes, or may write.
    """
    queries = [node for node in _within(tree) if node.tag == "QUERY"]
    marks = {
        (mark.number("strength"), mark.number("waitPolicy"), oid)
        for query in queries
        for mark in query.nodes("rowMarks")
        if (oid := _table(query, mark.number("rti"))) is not None
    }
    changes = {
        (CommandType(query.number("commandType")), oid)
        for query in queries
        if query.number("commandType") != CommandType.SELECT
        and query.number("resultRelation")
        and (oid := _table(query, query.number("resultRelation"))) is not None
    }
    name = catalog.relation_name
    clauses = {
        f"{_STRENGTHS[strength]}{_WAITS[wait]}: {name(oid)}" for strength, wait, oid in marks
    }
    rows = {
        f"row: {name(oid)}"
        for command, oid in changes
        if not any(
            locked == oid and strength in _ENOUGH.get(command, ()) for strength, _, locked in marks
        )
    }
    named = {oid for _, oid in changes} | {oid for _, _, oid in marks}
    cascades = {
        f"cascade: {name(oid)}"
        for command, deleted in changes
        if command == CommandType.DELETE
        for oid in catalog.cascades(deleted) - named
    }
    effects = {
        effect for oid in functions_of(tree) if (effect := _effect(catalog, oid)) is not None
    }
    if changes:
        # Rows are given their numbers, by a default or in the statement.
        effects.discard(_NEXT)
    return frozenset(clauses | rows | cascades | effects)


def _table(query: TreeNode, place: int) -> int | None:
    relation = query.nodes("rtable")[place - 1]
    is_table = relation.number("rtekind") == RelationKind.TABLE
    return relation.number("relid") if is_table else None


def _effect(catalog: Catalog, function_id: int) -> str | None:
    """Return the effect of a function besides its result, or None."""
    called = catalog.function(function_id)
    if called.is_built_in and _ADVISORY.match(called.name):
        return f"advisory: {called.name}"
    if called.is_built_in:
        has_effect = called.name == "nextval" or _EFFECTS.fullmatch(called.name) is not None
    else:
        has_effect = called.is_volatile
    return f"function: {called.written}" if has_effect else None


def functions_of(tree: TreeNode) -> set[int]:
    """Return the functions that a statement calls, except the functions inside views."""
    called = (
        node.number(field) for node in _within(tree) for field in _CALLS if field in node.fields
    )
    return set(filter(None, called))


def _within(value: Value) -> Iterator[TreeNode]:
    """Yield a node and all nodes inside it."""
    if isinstance(value, list):
        for member in value:
            yield from _within(member)
    elif isinstance(value, TreeNode):
        yield value
        for field in value.fields.values():
            yield from _within(field)
