"""Reading EXPLAIN's JSON."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from vrooli_data._plans import PlanSummary, summarize


def node(kind: str, *children: dict[str, Any], **details: str) -> dict[str, Any]:
    named = {key.replace("_", " ").title(): value for key, value in details.items()}
    return {"Node Type": kind, **named} | ({"Plans": list(children)} if children else {})


def test_indexes_and_scans_are_found_at_every_depth_once_and_in_order() -> None:
    plan = node(
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
    assert summarize([{"Plan": plan}]) == PlanSummary(("b_idx", "a_idx"), ("c",))


def test_a_plan_without_tables_has_neither() -> None:
    assert summarize([{"Plan": node("Result")}]) == PlanSummary((), ())


def test_what_the_server_says_is_understood(admin: Connection[Any]) -> None:
    def plan(statement: str) -> PlanSummary:
        cursor = admin.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode())
        ((explained,),) = cursor.fetchall()
        return summarize(explained)

    admin.execute("SET enable_seqscan = off")
    assert plan("SELECT * FROM users WHERE id = 1") == PlanSummary(("users_pkey",), ())
    admin.execute("RESET enable_seqscan")
    admin.execute("SET enable_indexscan = off")
    admin.execute("SET enable_bitmapscan = off")
    assert plan("SELECT * FROM users WHERE id = 1") == PlanSummary((), ("users",))
