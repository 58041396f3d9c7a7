"""The tables of migrations/schema.sql, read without a server."""

from __future__ import annotations

from typing import Final

from pglast import ast, parse_sql
from pglast.enums import AlterTableType, ConstrType

from vrooli_data._lint.schema import Schema, Table
from vrooli_data._lint.tree import Node, is_a

#: Tables that grow with use and lead their keys with user_id, so that they can be distributed.
SHARDED: Final = frozenset(
    {"runs", "run_steps", "run_io", "bookmarks", "stats_users", "change_events"}
)
#: Unique indexes that are dropped before their table is distributed (migrations/README.md).
ON_ONE_SERVER: Final = frozenset({"runs_id_key", "runs_public_id_key"})
#: Tables whose changes are counted in `revision`.
EDITABLE: Final = frozenset({"users", "teams", "resources", "resource_versions", "runs", "chats"})
#: Columns that may change without a new revision and a new updated_at.
COUNTERS: Final = frozenset(
    {"score", "bookmarks", "views", "last_active_at", "has_unread"}
    # Derived for search from other columns.
    | {"name_folded", "description_folded"}
)


def read_schema(text: str) -> Schema:
    """Read the tables of a schema's SQL."""
    schema = Schema()
    for statement in parse_sql(text):
        node: Node = statement.stmt
        if is_a(node, ast.CreateStmt):
            table = schema.setdefault(node.relation.relname, Table())
            for element in node.tableElts or ():
                if is_a(element, ast.ColumnDef):
                    table.columns.add(element.colname)
                    for constraint in element.constraints or ():
                        _constrain(schema, table, constraint, (element.colname,))
                elif is_a(element, ast.Constraint):
                    _constrain(schema, table, element)
        elif is_a(node, ast.AlterTableStmt):
            table = schema.setdefault(node.relation.relname, Table())
            for command in node.cmds:
                if command.subtype == AlterTableType.AT_AddIdentity:
                    table.identities.add(command.name)
                elif is_a(command.def_, ast.Constraint):
                    _constrain(schema, table, command.def_)
        elif is_a(node, ast.IndexStmt) and node.unique and not node.whereClause:
            columns = tuple(part.name for part in node.indexParams)
            if all(columns):
                schema[node.relation.relname].unique[node.idxname] = columns
    return schema


def _constrain(
    schema: Schema, table: Table, constraint: Node, column: tuple[str, ...] = ()
) -> None:
    columns = tuple(key.sval for key in constraint.keys or ()) or column
    if constraint.contype == ConstrType.CONSTR_NOTNULL:
        table.not_null.update(columns)
    elif constraint.contype == ConstrType.CONSTR_IDENTITY:
        table.identities.update(columns)
        table.not_null.update(columns)
    elif constraint.contype == ConstrType.CONSTR_FOREIGN:
        schema.setdefault(constraint.pktable.relname, Table()).is_referenced = True
    elif constraint.contype in {ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_UNIQUE}:
        table.unique[constraint.conname or "_".join(columns)] = columns
        if constraint.contype == ConstrType.CONSTR_PRIMARY:
            table.primary = columns
            table.not_null.update(columns)
