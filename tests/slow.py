"""Tests marked as slow: where they are left out, the summary says how many, and how to run them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

#: Tests of queries, and of the statements around them. The synchronous face is generated and sends
#: the same, so that there they are slow, the core too; what the faces do by themselves
#: (transactions, connections, threads) is quick on both.
_QUERIES = (
    "begin",
    "bookmarks",
    "bulk_create",
    "bulk_create_runs",
    "bulk_create_users",
    "bulk_create_with_version",
    "bulk_update",
    "chat_participants",
    "chats",
    "counters",
    "create_with_initial_setup",
    "create_with_version",
    "events",
    "folded_search",
    "injection",
    "iterate",
    "lag",
    "lent",
    "limits",
    "list_after",
    "listings",
    "loading",
    "members",
    "members_pages",
    "own_pages",
    "own_queries",
    "pages",
    "query_plans",
    "refusals",
    "relay",
    "resource_search",
    "resource_translations",
    "resource_versions",
    "resources",
    "resources_write",
    "run_steps",
    "runs",
    "runs_write",
    "schemas",
    "soft_delete",
    "start_with_steps",
    "stats",
    "teams",
    "update_by_public_id",
    "user_search",
    "users_write",
    "with_event",
)
_QUERIES_AGAIN = tuple(f"tests/_sync/test_{name}.py::" for name in _QUERIES)
_LEFT_OUT = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marks."""
    for line in (
        "slow(subject): a test or a file that `make test` leaves out and `make test-all` runs",
        "core: a test of such a file that `make test` runs",
    ):
        config.addinivalue_line("markers", line)
    config.stash[_LEFT_OUT] = Counter()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of queries on the face that is generated."""
    for item in items:
        if item.nodeid.startswith(_QUERIES_AGAIN):
            item.own_markers = [mark for mark in item.own_markers if mark.name != "core"]
            item.add_marker(pytest.mark.slow("queries on the synchronous face"))


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count the tests of each subject, where it is marks that choose."""
    for item in items:
        mark = item.get_closest_marker("slow")
        if mark is not None and item.config.option.markexpr:
            item.config.stash[_LEFT_OUT][mark.args[0]] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the counts over, where this is a worker of pytest-xdist; each counts all tests."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        left_out = session.config.stash[_LEFT_OUT]
        # execnet hands on a plain dict alone.
        output["left_out"] = dict(left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the counts of a worker that ends; one that crashed has none."""
    if counts := getattr(node, "workeroutput", {}).get("left_out"):
        node.config.stash[_LEFT_OUT] = Counter(counts)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was left out."""
    left_out = config.stash[_LEFT_OUT]
    if left_out:
        terminalreporter.section("slow tests")
        counts = ", ".join(f"{count} of {subject}" for subject, count in sorted(left_out.items()))
        terminalreporter.line(f"Left out, and run by `make test-all`: {counts}.")
