"""Read what PostgreSQL says of its plans, in EXPLAIN's JSON. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec


class PlanSummary(msgspec.Struct, frozen=True):
    """How a plan reaches its rows; in the plan's order, each once."""

    #: Names of indexes, whether they are used for a condition, an order or both.
    indexes: tuple[str, ...]
    #: Tables that are read from end to end.
    sequential_scans: tuple[str, ...]


def summarize(explained: list[dict[str, Any]]) -> PlanSummary:
    """Summarize one statement's EXPLAIN (FORMAT JSON)."""
    nodes = list(_nodes(explained[0]["Plan"]))
    indexes = dict.fromkeys(node["Index Name"] for node in nodes if "Index Name" in node)
    scans = dict.fromkeys(
        node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"
    )
    return PlanSummary(tuple(indexes), tuple(scans))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)
