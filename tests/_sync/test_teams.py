# Generated from tests/_async/test_teams.py by tools/unasync.py. Do not edit.
"""Teams: look-ups, pages, creating, changing and deleting them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    Conflict,
    CreateTeam,
    Database,
    InvalidCursor,
    InvalidInput,
    JsonValue,
    MissingReference,
    UpdateTeam,
)

from ._compat import Started, gather, until_waiting


def test_create_returns_the_row(db: Database, make: Factory) -> None:
    creator = make.user()
    config: dict[str, JsonValue] = {"theme": "dark", "nested": [1, 2.5, None, {"é": "\u2028"}]}
    team = db.teams.create(
        CreateTeam(
            name="Équipe 😀",
            public_id="abcdefghijkl",
            handle="Team_1",
            is_private=True,
            config=config,
            created_by_id=creator,
        )
    )
    assert (team.public_id, team.name, team.handle) == ("abcdefghijkl", "Équipe 😀", "team_1")
    assert (team.is_private, team.config, team.created_by_id) == (True, config, creator)
    assert team.revision == 0
    assert team.created_at == team.updated_at
    assert db.teams.find_by_id(team.id) == team
    assert db.teams.find_by_public_id("abcdefghijkl") == team
    assert db.teams.find_by_handle("TEAM_1") == team


def test_a_team_is_created_with_its_name_alone(db: Database, admin: Connection[Any]) -> None:
    team = db.teams.create(CreateTeam(name="Team"))
    assert re.fullmatch("[0-9a-z]{12}", team.public_id)
    assert (team.handle, team.is_private, team.config) == (None, False, {})
    assert team.created_by_id is None
    assert admin.execute("SELECT count(*) FROM members").fetchone() == (0,)


@pytest.mark.parametrize(
    ("field", "value", "constraint"),
    [
        ("public_id", "abcdefghijkl", "teams_public_id_key"),
        ("handle", "taken", "teams_handle_key"),
    ],
)
def test_what_is_taken_already_exists(
    db: Database, field: str, value: str, constraint: str
) -> None:
    given: dict[str, Any] = {"name": "Team", field: value}
    db.teams.create(CreateTeam(**given))
    with pytest.raises(AlreadyExists) as caught:
        db.teams.create(CreateTeam(**given))
    assert caught.value.constraint == constraint
    assert caught.value.query == "teams.create"
    assert value not in str(caught.value)


def test_a_team_of_an_absent_creator_is_refused(db: Database) -> None:
    with pytest.raises(MissingReference) as caught:
        db.teams.create(CreateTeam(name="Team", created_by_id=1))
    assert caught.value.constraint == "teams_created_by_id_fkey"
    assert caught.value.field == "created_by_id"


def test_an_absent_team_is_none(db: Database) -> None:
    assert db.teams.find_by_id(2**63 - 1) is None
    assert db.teams.find_by_public_id("zzzzzzzzzzzz") is None
    assert db.teams.find_by_handle("nobody") is None
    assert db.teams.update(1, UpdateTeam(name="Team")) is None
    assert db.teams.update(1, UpdateTeam(name="Team"), expected_revision=0) is None
    assert db.teams.delete(1) is False


def test_a_private_team_is_found_and_not_listed(db: Database, make: Factory) -> None:
    team_id = make.team(is_private=True, handle="hidden")
    found = db.teams.find_by_handle("hidden")
    assert found is not None
    assert found.id == team_id
    assert (db.teams.find_many()).items == []


@pytest.mark.parametrize("limit", [1, 4, 10, 11, 12])
def test_find_many_pages_forward_and_backward_through_the_newest_first(
    db: Database, make: Factory, limit: int
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    expected = [make.team(created_at=start + timedelta(days=n // 3)) for n in range(11)][::-1]
    make.team(is_private=True)
    pages = [db.teams.find_many(limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(db.teams.find_many(cursor=cursor, limit=limit))
    assert [team.id for page in pages for team in page.items] == expected
    page = pages[-1]
    for earlier in reversed(pages[:-1]):
        page = db.teams.find_many(cursor=page.previous_cursor, limit=limit)
        assert page == earlier


def test_update_changes_the_fields_given_alone(db: Database) -> None:
    team = db.teams.create(CreateTeam(name="Team", handle="team", config={"a": 1, "b": 2}))
    changed = db.teams.update(team.id, UpdateTeam(handle=None, config={"b": None}))
    assert changed is not None
    assert (changed.name, changed.handle, changed.config) == ("Team", None, {"b": None})
    assert changed.revision == 1
    assert changed.updated_at > team.updated_at
    assert changed.created_at == team.created_at
    assert db.teams.find_by_id(team.id) == changed


def test_update_of_another_revision_is_a_conflict_and_changes_nothing(
    db: Database,
) -> None:
    team = db.teams.create(CreateTeam(name="Team"))
    first = db.teams.update(team.id, UpdateTeam(name="First"), expected_revision=0)
    with pytest.raises(Conflict, match=r"teams\.update: the row has revision 1, not 0") as caught:
        db.teams.update(team.id, UpdateTeam(name="Second"), expected_revision=0)
    assert (caught.value.expected_revision, caught.value.actual_revision) == (0, 1)
    assert db.teams.find_by_id(team.id) == first


def test_update_to_a_handle_that_is_taken_already_exists(db: Database, make: Factory) -> None:
    make.team(handle="taken")
    with pytest.raises(AlreadyExists) as caught:
        db.teams.update(make.team(), UpdateTeam(handle="Taken"))
    assert caught.value.constraint == "teams_handle_key"


def test_a_second_update_waits_and_keeps_the_change_of_the_first(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    team_id = make.team(name="Team")
    with admin.transaction():
        admin.execute(
            "UPDATE teams SET name = 'First', revision = revision + 1 WHERE id = %s", (team_id,)
        )
        second = Started(lambda: db.teams.update(team_id, UpdateTeam(handle="second")))
        until_waiting(admin)
    changed = second.result()
    assert changed is not None
    assert (changed.name, changed.handle, changed.revision) == ("First", "second", 2)


def test_a_second_update_that_waited_sees_the_revision_of_the_first(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    team_id = make.team()
    with admin.transaction():
        admin.execute("UPDATE teams SET revision = revision + 1 WHERE id = %s", (team_id,))
        second = Started(
            lambda: db.teams.update(team_id, UpdateTeam(name="Second"), expected_revision=0)
        )
        until_waiting(admin)
    with pytest.raises(Conflict):
        second.result()


def test_an_update_that_waited_for_a_deletion_finds_no_team(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    team_id = make.team()
    with admin.transaction():
        admin.execute("DELETE FROM teams WHERE id = %s", (team_id,))
        second = Started(
            lambda: db.teams.update(team_id, UpdateTeam(name="Second"), expected_revision=0)
        )
        until_waiting(admin)
    assert second.result() is None


def test_of_eight_updates_of_one_revision_one_wins(db: Database) -> None:
    team = db.teams.create(CreateTeam(name="Team"))

    def rename() -> bool:
        try:
            db.teams.update(team.id, UpdateTeam(name="New"), expected_revision=0)
        except Conflict:
            return False
        return True

    assert sorted(gather(*[rename] * 8)) == [False] * 7 + [True]


def test_delete_takes_members_chats_and_statistics_along(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id, team_id, other = make.user(), make.team(), make.team()
    db.members.add(team_id, user_id)
    make.member(other, user_id)
    make.participant(make.chat(team_id=team_id), user_id)
    make.chat()
    assert db.teams.delete(team_id) is True
    assert db.teams.delete(team_id) is False
    for table, left in {
        "teams": 1,
        "members": 1,
        "chats": 1,
        "chat_participants": 0,
        "stats_teams": 0,
        "users": 1,
    }.items():
        assert admin.execute(f"SELECT count(*) FROM {table}").fetchone() == (left,), table


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    teams = unopened.teams
    with pytest.raises(InvalidInput, match="id: must be from 1"):
        teams.find_by_id(2**63)
    with pytest.raises(InvalidInput, match="public_id: must not hold the character NUL"):
        teams.find_by_public_id("a\0b")
    with pytest.raises(InvalidInput, match="handle: must be a str, not NoneType"):
        teams.find_by_handle(None)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="limit: must be from 1 to 500"):
        teams.find_many(limit=501)
    with pytest.raises(InvalidCursor):
        teams.find_many(cursor="forged")
    with pytest.raises(InvalidInput, match="team: must be a CreateTeam, not UpdateTeam"):
        teams.create(UpdateTeam(name="Team"))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="name: must have at least 1"):
        teams.create(CreateTeam(name=""))
    with pytest.raises(InvalidInput, match="handle: must be 3 to 30"):
        teams.create(CreateTeam(name="Team", handle="a b"))
    with pytest.raises(InvalidInput, match="created_by_id: must be from 1"):
        teams.create(CreateTeam(name="Team", created_by_id=0))
    with pytest.raises(InvalidInput, match="config: must be a dict, not list"):
        teams.create(CreateTeam(name="Team", config=[]))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="config: must hold only finite numbers"):
        teams.update(1, UpdateTeam(config={"a": float("nan")}))
    with pytest.raises(InvalidInput, match="changes: must hold at least one field"):
        teams.update(1, UpdateTeam())
    with pytest.raises(InvalidInput, match="config: must be a dict, not NoneType"):
        teams.update(1, UpdateTeam(config=None))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="expected_revision: must be from 0"):
        teams.update(1, UpdateTeam(name="Team"), expected_revision=-1)
    with pytest.raises(InvalidInput, match="id: must be an int, not bool"):
        teams.delete(True)
