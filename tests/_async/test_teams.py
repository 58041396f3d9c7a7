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
    AsyncDatabase,
    Conflict,
    CreateTeam,
    InvalidCursor,
    InvalidInput,
    JsonValue,
    MissingReference,
    UpdateTeam,
)

from ._compat import Started, gather, until_waiting


async def test_create_returns_the_row(db: AsyncDatabase, make: Factory) -> None:
    creator = make.user()
    config: dict[str, JsonValue] = {"theme": "dark", "nested": [1, 2.5, None, {"é": "\u2028"}]}
    team = await db.teams.create(
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
    assert await db.teams.find_by_id(team.id) == team
    assert await db.teams.find_by_public_id("abcdefghijkl") == team
    assert await db.teams.find_by_handle("TEAM_1") == team


async def test_a_team_is_created_with_its_name_alone(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    team = await db.teams.create(CreateTeam(name="Team"))
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
async def test_what_is_taken_already_exists(
    db: AsyncDatabase, field: str, value: str, constraint: str
) -> None:
    given: dict[str, Any] = {"name": "Team", field: value}
    await db.teams.create(CreateTeam(**given))
    with pytest.raises(AlreadyExists) as caught:
        await db.teams.create(CreateTeam(**given))
    assert caught.value.constraint == constraint
    assert caught.value.query == "teams.create"
    assert value not in str(caught.value)


async def test_a_team_of_an_absent_creator_is_refused(db: AsyncDatabase) -> None:
    with pytest.raises(MissingReference) as caught:
        await db.teams.create(CreateTeam(name="Team", created_by_id=1))
    assert caught.value.constraint == "teams_created_by_id_fkey"
    assert caught.value.field == "created_by_id"


async def test_an_absent_team_is_none(db: AsyncDatabase) -> None:
    assert await db.teams.find_by_id(2**63 - 1) is None
    assert await db.teams.find_by_public_id("zzzzzzzzzzzz") is None
    assert await db.teams.find_by_handle("nobody") is None
    assert await db.teams.update(1, UpdateTeam(name="Team")) is None
    assert await db.teams.update(1, UpdateTeam(name="Team"), expected_revision=0) is None
    assert await db.teams.delete(1) is False


async def test_a_private_team_is_found_and_not_listed(db: AsyncDatabase, make: Factory) -> None:
    team_id = make.team(is_private=True, handle="hidden")
    found = await db.teams.find_by_handle("hidden")
    assert found is not None
    assert found.id == team_id
    assert (await db.teams.find_many()).items == []


@pytest.mark.parametrize("limit", [1, 4, 10, 11, 12])
async def test_find_many_pages_forward_and_backward_through_the_newest_first(
    db: AsyncDatabase, make: Factory, limit: int
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    expected = [make.team(created_at=start + timedelta(days=n // 3)) for n in range(11)][::-1]
    make.team(is_private=True)
    pages = [await db.teams.find_many(limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(await db.teams.find_many(cursor=cursor, limit=limit))
    assert [team.id for page in pages for team in page.items] == expected
    page = pages[-1]
    for earlier in reversed(pages[:-1]):
        page = await db.teams.find_many(cursor=page.previous_cursor, limit=limit)
        assert page == earlier


async def test_update_changes_the_fields_given_alone(db: AsyncDatabase) -> None:
    team = await db.teams.create(CreateTeam(name="Team", handle="team", config={"a": 1, "b": 2}))
    changed = await db.teams.update(team.id, UpdateTeam(handle=None, config={"b": None}))
    assert changed is not None
    assert (changed.name, changed.handle, changed.config) == ("Team", None, {"b": None})
    assert changed.revision == 1
    assert changed.updated_at > team.updated_at
    assert changed.created_at == team.created_at
    assert await db.teams.find_by_id(team.id) == changed


async def test_update_of_another_revision_is_a_conflict_and_changes_nothing(
    db: AsyncDatabase,
) -> None:
    team = await db.teams.create(CreateTeam(name="Team"))
    first = await db.teams.update(team.id, UpdateTeam(name="First"), expected_revision=0)
    with pytest.raises(Conflict, match=r"teams\.update: the row has revision 1, not 0") as caught:
        await db.teams.update(team.id, UpdateTeam(name="Second"), expected_revision=0)
    assert (caught.value.expected_revision, caught.value.actual_revision) == (0, 1)
    assert await db.teams.find_by_id(team.id) == first


async def test_update_to_a_handle_that_is_taken_already_exists(
    db: AsyncDatabase, make: Factory
) -> None:
    make.team(handle="taken")
    with pytest.raises(AlreadyExists) as caught:
        await db.teams.update(make.team(), UpdateTeam(handle="Taken"))
    assert caught.value.constraint == "teams_handle_key"


async def test_a_second_update_waits_and_keeps_the_change_of_the_first(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    team_id = make.team(name="Team")
    with admin.transaction():
        admin.execute(
            "UPDATE teams SET name = 'First', revision = revision + 1 WHERE id = %s", (team_id,)
        )
        second = Started(lambda: db.teams.update(team_id, UpdateTeam(handle="second")))
        await until_waiting(admin)
    changed = await second.result()
    assert changed is not None
    assert (changed.name, changed.handle, changed.revision) == ("First", "second", 2)


async def test_a_second_update_that_waited_sees_the_revision_of_the_first(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    team_id = make.team()
    with admin.transaction():
        admin.execute("UPDATE teams SET revision = revision + 1 WHERE id = %s", (team_id,))
        second = Started(
            lambda: db.teams.update(team_id, UpdateTeam(name="Second"), expected_revision=0)
        )
        await until_waiting(admin)
    with pytest.raises(Conflict):
        await second.result()


async def test_an_update_that_waited_for_a_deletion_finds_no_team(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    team_id = make.team()
    with admin.transaction():
        admin.execute("DELETE FROM teams WHERE id = %s", (team_id,))
        second = Started(
            lambda: db.teams.update(team_id, UpdateTeam(name="Second"), expected_revision=0)
        )
        await until_waiting(admin)
    assert await second.result() is None


async def test_of_eight_updates_of_one_revision_one_wins(db: AsyncDatabase) -> None:
    team = await db.teams.create(CreateTeam(name="Team"))

    async def rename() -> bool:
        try:
            await db.teams.update(team.id, UpdateTeam(name="New"), expected_revision=0)
        except Conflict:
            return False
        return True

    assert sorted(await gather(*[rename] * 8)) == [False] * 7 + [True]


async def test_delete_takes_members_chats_and_statistics_along(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id, team_id, other = make.user(), make.team(), make.team()
    await db.members.add(team_id, user_id)
    make.member(other, user_id)
    make.participant(make.chat(team_id=team_id), user_id)
    make.chat()
    assert await db.teams.delete(team_id) is True
    assert await db.teams.delete(team_id) is False
    for table, left in {
        "teams": 1,
        "members": 1,
        "chats": 1,
        "chat_participants": 0,
        "stats_teams": 0,
        "users": 1,
    }.items():
        assert admin.execute(f"SELECT count(*) FROM {table}").fetchone() == (left,), table


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    teams = unopened.teams
    with pytest.raises(InvalidInput, match="id: must be from 1"):
        await teams.find_by_id(2**63)
    with pytest.raises(InvalidInput, match="public_id: must not hold the character NUL"):
        await teams.find_by_public_id("a\0b")
    with pytest.raises(InvalidInput, match="handle: must be a str, not NoneType"):
        await teams.find_by_handle(None)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="limit: must be from 1 to 500"):
        await teams.find_many(limit=501)
    with pytest.raises(InvalidCursor):
        await teams.find_many(cursor="forged")
    with pytest.raises(InvalidInput, match="team: must be a CreateTeam, not UpdateTeam"):
        await teams.create(UpdateTeam(name="Team"))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="name: must have at least 1"):
        await teams.create(CreateTeam(name=""))
    with pytest.raises(InvalidInput, match="handle: must be 3 to 30"):
        await teams.create(CreateTeam(name="Team", handle="a b"))
    with pytest.raises(InvalidInput, match="created_by_id: must be from 1"):
        await teams.create(CreateTeam(name="Team", created_by_id=0))
    with pytest.raises(InvalidInput, match="config: must be a dict, not list"):
        await teams.create(CreateTeam(name="Team", config=[]))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="config: must hold only finite numbers"):
        await teams.update(1, UpdateTeam(config={"a": float("nan")}))
    with pytest.raises(InvalidInput, match="changes: must hold at least one field"):
        await teams.update(1, UpdateTeam())
    with pytest.raises(InvalidInput, match="config: must be a dict, not NoneType"):
        await teams.update(1, UpdateTeam(config=None))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="expected_revision: must be from 0"):
        await teams.update(1, UpdateTeam(name="Team"), expected_revision=-1)
    with pytest.raises(InvalidInput, match="id: must be an int, not bool"):
        await teams.delete(True)
