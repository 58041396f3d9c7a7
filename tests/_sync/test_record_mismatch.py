# Generated from tests/_async/test_record_mismatch.py by tools/unasync.py. Do not edit.
"""Rows that this layer would not have written: told as a mismatch, without what they hold."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import Database, RecordMismatch, UpdateRun, UpdateTeam

from ._compat import Call

HELD = "Hush"
DEEP = "[" * 3000 + "]" * 3000
UNREADABLE = [
    pytest.param(f"{10**400}.5", id="a number beyond every float"),
    pytest.param(
        DEEP,
        id="lists in lists",
        marks=pytest.mark.skipif(sys.version_info >= (3, 12), reason="can be read as well"),
    ),
]


def mismatch(call: Call, query: str) -> RecordMismatch:
    """Make a call that must fail so; return the error."""
    with pytest.raises(RecordMismatch) as caught:
        call()
    error = caught.value
    assert error.query == query
    assert str(error).startswith(f"{query}: ")
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert HELD not in repr(error)
    assert len(str(error)) < 200
    return error


@pytest.fixture
def run(admin: Connection[Any], make: Factory) -> int:
    """A run whose status, and that of its step, no record knows."""
    admin.execute("ALTER TABLE runs DROP CONSTRAINT runs_status_check")
    admin.execute("ALTER TABLE run_steps DROP CONSTRAINT run_steps_status_check")
    user_id = make.user()
    run_id = make.run(user_id, status=HELD)
    make.run_step(user_id, run_id, 1, status=HELD)
    return run_id


def test_a_status_that_no_record_knows_is_named_by_its_place(db: Database, run: int) -> None:
    error = mismatch(lambda: db.runs.find_with_details(run), "runs.find_with_details")
    assert "steps[0].status does not fit the record RunDetails" in str(error)
    assert "has run" not in str(error)


def test_a_write_that_returns_such_a_row_says_that_it_is_done(
    db: Database, run: int, admin: Connection[Any]
) -> None:
    error = mismatch(lambda: db.runs.update(run, UpdateRun(name="New")), "runs.update")
    assert "updated.status does not fit" in str(error)
    assert str(error).endswith("; the statement itself has run")
    assert admin.execute("SELECT name FROM runs").fetchone() == ("New",)


def test_a_transaction_rolls_it_back(db: Database, run: int, admin: Connection[Any]) -> None:
    def rename() -> None:
        with db.transaction() as tx:
            tx.runs.update(run, UpdateRun(name="New"))

    mismatch(rename, "runs.update")
    assert admin.execute("SELECT name FROM runs").fetchone() == ("Run",)


@pytest.mark.parametrize("config", UNREADABLE)
def test_json_that_cannot_be_read_is_named_where_it_is_nested(
    db: Database, admin: Connection[Any], make: Factory, config: str
) -> None:
    make.version(make.resource(public_id="a" * 12))
    admin.execute("UPDATE resource_versions SET config = %s::jsonb", (f'{{"{HELD}": {config}}}',))
    error = mismatch(
        lambda: db.resources.find_with_latest_version("a" * 12),
        "resources.find_with_latest_version",
    )
    assert "latest_version" in str(error)


@pytest.mark.parametrize("config", UNREADABLE)
def test_json_that_cannot_be_read_is_a_mismatch_as_a_column_too(
    db: Database, admin: Connection[Any], make: Factory, config: str
) -> None:
    resource_id = make.resource()
    make.version(resource_id)
    team_id = make.team(name="Old")
    for table in ("resource_versions", "teams"):
        admin.execute(f"UPDATE {table} SET config = %s::jsonb", (f'{{"{HELD}": {config}}}',))
    mismatch(
        lambda: db.resources.find_versions(resource_id), "resources.find_versions__version_index"
    )
    mismatch(lambda: db.teams.update(team_id, UpdateTeam(name="New")), "teams.update")
    # The connection serves on.
    assert db.users.find_by_id(1) is None


def test_a_time_that_python_cannot_hold_is_a_mismatch(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    admin.execute("ALTER TABLE users DROP CONSTRAINT users_last_active_at_check")
    user_id = make.user(last_active_at="infinity")
    mismatch(lambda: db.users.find_by_id(user_id), "users.find_by_id")
