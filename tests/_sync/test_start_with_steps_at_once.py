# Generated from tests/_async/test_start_with_steps_at_once.py by tools/unasync.py. Do not edit.
"""Starts of runs that meet other starts, and deletions of their resources."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection
from psycopg.errors import LockNotAvailable

from tests.contents import contents
from tests.factories import Factory
from vrooli_data import Database, InvalidTransition, NotFound
from vrooli_data.inputs import StartStep

from ._compat import Started, gather, until_waiting

STEPS = [StartStep(name="First", inputs={"a": 1}), StartStep(name="Second")]
#: Whether the call names the run's user; each way has a query of its own.
BOTH_QUERIES = pytest.mark.parametrize("names_user", [False, True])


def test_of_eight_starts_of_one_run_one_wins_and_is_counted_once(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    run_id = make.run(make.user(), resource_version_id=make.version(make.resource()))

    def start() -> str:
        try:
            started = db.runs.start_with_steps(run_id, STEPS)
        except InvalidTransition as refused:
            return f"it was {refused.current}"
        return f"it is {started.run.status}"

    outcomes = gather(*[start] * 8)
    assert sorted(outcomes) == ["it is InProgress"] + ["it was InProgress"] * 7
    assert admin.execute("SELECT runs_started FROM stats_users").fetchone() == (1,)
    assert admin.execute("SELECT count(*) FROM run_steps").fetchone() == (2,)


@BOTH_QUERIES
def test_a_start_that_waited_for_another_sees_it(
    db: Database, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    user_id = make.user()
    run_id = make.run(user_id, resource_version_id=make.version(make.resource()))
    with db.transaction() as tx:
        first = tx.runs.start_with_steps(run_id, STEPS)
        second = Started(
            lambda: db.runs.start_with_steps(
                run_id, STEPS[:1], user_id=user_id if names_user else None
            )
        )
        until_waiting(admin)
    with pytest.raises(InvalidTransition, match="InProgress cannot become InProgress"):
        second.result()
    details = db.runs.find_with_details(run_id)
    assert details is not None
    assert (details.steps, details.revision) == (first.steps, 1)


@BOTH_QUERIES
def test_a_resource_that_is_deleted_while_the_start_waits_is_not_found(
    db: Database, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    user_id = make.user()
    run_id = make.run(user_id, resource_version_id=make.version(make.resource()))
    with admin.transaction():
        admin.execute("UPDATE resources SET is_deleted = true, deleted_at = now()")
        start = Started(
            lambda: db.runs.start_with_steps(run_id, STEPS, user_id=user_id if names_user else None)
        )
        until_waiting(admin)
        # The start holds no lock of the run yet, or this would be a deadlock.
        admin.execute("UPDATE runs SET status = 'Cancelled', completed_at = now()")
        after = contents(admin)
    with pytest.raises(NotFound):
        start.result()
    assert contents(admin) == after


@BOTH_QUERIES
def test_a_resource_cannot_be_deleted_before_the_start_ends(
    db: Database, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    user_id = make.user()
    run_id = make.run(user_id, resource_version_id=make.version(make.resource()))
    with admin.transaction():
        admin.execute("SELECT FROM runs FOR UPDATE")
        start = Started(
            lambda: db.runs.start_with_steps(run_id, STEPS, user_id=user_id if names_user else None)
        )
        until_waiting(admin)
        with pytest.raises(LockNotAvailable), admin.transaction():
            admin.execute("SELECT FROM resources FOR NO KEY UPDATE NOWAIT")
    assert (start.result()).run.status == "InProgress"
