# Generated from tests/_async/test_multi_entity_retries.py by tools/unasync.py. Do not edit.
"""What several tables are given at once, inside transactions that are tried again."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from tests.contents import contents
from tests.factories import Factory
from vrooli_data import (
    CreateResource,
    CreateTeam,
    CreateVersion,
    Database,
    Transaction,
    UpdateUser,
)
from vrooli_data.inputs import StartStep


def operate(tx: Transaction, operation: str, user_id: int, run_id: int) -> None:
    if operation == "resource":
        tx.resources.create_with_version(
            CreateResource(resource_type="Code", public_id="resource0000", created_by_id=user_id),
            CreateVersion(version_label="1.0", public_id="version00000"),
        )
    elif operation == "team":
        team = CreateTeam(name="Team", public_id="team00000000", handle="team")
        tx.teams.create_with_initial_setup(team, user_id)
    else:
        tx.runs.start_with_steps(run_id, [StartStep(name="Step", inputs={"a": None})])


@pytest.mark.parametrize(
    ("operation", "written"),
    [
        ("resource", {"resources", "resource_versions"}),
        ("team", {"teams", "members", "chats", "chat_participants", "stats_teams"}),
        ("run", {"runs", "run_steps", "run_io", "stats_users"}),
    ],
)
def test_an_attempt_that_could_not_be_serialized_leaves_nothing_and_the_next_all(
    db: Database,
    admin: Connection[Any],
    make: Factory,
    operation: str,
    written: set[str],
) -> None:
    user_id, bystander = make.user(), make.user()
    run_id = make.run(user_id)
    before = contents(admin)
    attempts: list[dict[str, list[str]]] = []

    def attempt(tx: Transaction) -> None:
        attempts.append(contents(admin))
        operate(tx, operation, user_id, run_id)
        if len(attempts) == 1:
            admin.execute("UPDATE users SET name = 'First' WHERE id = %s", (bystander,))
        tx.users.update(bystander, UpdateUser(name="Second"))

    db.transact(attempt)
    first, second = attempts
    assert first == before
    assert {table for table in second if second[table] != before[table]} == {"users"}
    after = contents(admin)
    assert {table for table in after if after[table] != second[table]} == written | {"users"}
    assert all(len(after[table]) == 1 for table in written)
