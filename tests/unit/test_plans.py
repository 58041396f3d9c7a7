"""Reading EXPLAIN's JSON."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from vrooli_data._plans import PlanTree


def node(kind: str, *children: dict[str, Any], **details: str) -> dict[str, Any]:
    named = {key.replace("_", " ").title(): value for key, value in details.items()}
    return {"Node Type": kind, **named} | ({"Plans": list(children)} if children else {})


def paths(root: dict[str, Any]) -> list[str]:
    return PlanTree({"Plan": root}).paths


def test_indexes_and_scans_are_found_at_every_depth_once_and_in_order() -> None:
    root = node(
        "Nested Loop",
        node("Index Scan", index_name="b_idx", relation_name="b"),
        node(
            "Hash Join",
            node("Bitmap Heap Scan", node("Bitmap Index Scan", index_name="a_idx")),
            node("Hash", node("Seq Scan", relation_name="c")),
            node("Index Only Scan", index_name="b_idx", relation_name="b"),
            node("Seq Scan", relation_name="c"),
        ),
    )
    assert paths(root) == ["b_idx", "a_idx", "scan: c"]


def test_a_plan_without_tables_has_neither() -> None:
    assert paths(node("Result")) == []


def test_the_nodes_above_are_known_from_the_nearest_to_the_root() -> None:
    tree = PlanTree({"Plan": node("Limit", node("Sort", node("Seq Scan", relation_name="a")))})
    *_, scan = tree.root.walk()
    assert [above.kind for above in scan.ancestors()] == ["Sort", "Limit"]


def test_what_the_server_says_is_understood(admin: Connection[Any]) -> None:
    def plan(statement: str) -> list[str]:
        cursor = admin.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode())
        ((explained,),) = cursor.fetchall()
        return PlanTree(explained[0]).paths

    admin.execute("SET enable_seqscan = off")
    assert plan("SELECT * FROM users WHERE id = 1") == ["users_pkey"]
    admin.execute("RESET enable_seqscan")
    admin.execute("SET enable_indexscan = off")
    admin.execute("SET enable_bitmapscan = off")
    assert plan("SELECT * FROM users WHERE id = 1") == ["scan: users"]
