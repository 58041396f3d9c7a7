# Generated from tests/_async/test_create_with_initial_setup.py by tools/unasync.py. Do not edit.
"""A team with its members and chat, inserted by one statement."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from tests.contents import REFUSED, contents, refuse_writes
from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    CheckFailed,
    CreateTeam,
    Database,
    InvalidInput,
    MissingReference,
)
from vrooli_data.inputs import ADMIN_PERMISSIONS, MEMBER_PERMISSIONS, TEAM_CHAT_CONFIG

from ._compat import Started, until_waiting
from .executed import executed

TEAM = CreateTeam(name="Team")
MEMBERS = "SELECT user_id, is_admin, permissions FROM members ORDER BY user_id"
PARTICIPANTS = "SELECT user_id, has_unread FROM chat_participants ORDER BY user_id"
STATS = """
SELECT
    members_created,
    period_type,
    period_start = date_trunc('day', created_at, 'UTC'),
    period_end - period_start = interval '24 hours'
FROM stats_teams
"""


def test_a_team_is_created_with_members_chat_and_statistics(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    creator, bob, eve = make.user(), make.user(), make.user()
    setup = db.teams.create_with_initial_setup(
        CreateTeam(
            name="Équipe",
            public_id="abcdefghijkl",
            handle="Team_1",
            is_private=True,
            config={"theme": None},
        ),
        creator,
        [eve, bob],
    )
    team, chat = setup.team, setup.chat
    assert setup.member_count == 3
    assert (team.public_id, team.name, team.handle) == ("abcdefghijkl", "Équipe", "team_1")
    assert (team.is_private, team.config, team.created_by_id) == (True, {"theme": None}, creator)
    assert (chat.team_id, chat.creator_id, chat.is_private) == (team.id, creator, True)
    assert (chat.open_to_anyone_with_invite, chat.config) == (False, TEAM_CHAT_CONFIG)
    assert db.teams.find_by_id(team.id) == team
    assert db.chats.find_by_id(chat.id) == chat
    assert admin.execute(MEMBERS).fetchall() == [
        (creator, True, ADMIN_PERMISSIONS),
        (bob, False, MEMBER_PERMISSIONS),
        (eve, False, MEMBER_PERMISSIONS),
    ]
    assert admin.execute(PARTICIPANTS).fetchall() == [(id, False) for id in (creator, bob, eve)]
    assert admin.execute(STATS).fetchall() == [(3, "Daily", True, True)]


@pytest.mark.parametrize("is_private", [True, False])
def test_the_chat_is_as_private_as_the_team(
    db: Database, make: Factory, *, is_private: bool
) -> None:
    team = CreateTeam(name="Team", is_private=is_private)
    setup = db.teams.create_with_initial_setup(team, make.user())
    assert setup.chat.is_private is is_private
    assert setup.member_count == 1


def test_users_named_twice_count_once_also_the_creator(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    creator, bob = make.user(), make.user()
    setup = db.teams.create_with_initial_setup(TEAM, creator, [bob, creator, bob, creator])
    assert setup.member_count == 2
    assert [row[:2] for row in admin.execute(MEMBERS)] == [(creator, True), (bob, False)]
    assert admin.execute(STATS).fetchall() == [(2, "Daily", True, True)]


def test_a_member_added_later_is_counted_in_the_same_day(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    setup = db.teams.create_with_initial_setup(TEAM, make.user())
    db.members.add(setup.team.id, make.user())
    assert admin.execute("SELECT sum(members_created) FROM stats_teams").fetchone() == (2,)


def test_as_many_members_as_are_allowed_are_added(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    creator = make.user()
    rows = admin.execute(
        "INSERT INTO users (public_id, name)"
        " SELECT 'x' || lpad(n::text, 11, '0'), 'User' FROM generate_series(1, 10000) AS n"
        " RETURNING id"
    ).fetchall()
    setup = db.teams.create_with_initial_setup(TEAM, creator, [id for (id,) in rows])
    assert setup.member_count == 10_001
    assert admin.execute("SELECT count(*) FROM members").fetchone() == (10_001,)
    assert admin.execute("SELECT count(*) FROM chat_participants").fetchone() == (10_001,)


def test_it_is_one_statement_at_the_server(db: Database, make: Factory) -> None:
    creator, bob = make.user(), make.user()
    with db.connection() as held, executed(held.connection) as statements:
        held.teams.create_with_initial_setup(TEAM, creator, [bob])
    assert len(statements) == 1
    assert "/* vrooli_data:teams.create_with_initial_setup */" in statements[0]


@pytest.mark.parametrize("table", ["teams", "members", "chats", "chat_participants", "stats_teams"])
def test_nothing_is_left_when_one_table_refuses_its_rows(
    db: Database, admin: Connection[Any], make: Factory, table: str
) -> None:
    creator, bob = make.user(), make.user()
    refuse_writes(admin, table)
    before = contents(admin)
    with pytest.raises(CheckFailed) as caught:
        db.teams.create_with_initial_setup(TEAM, creator, [bob])
    assert caught.value.constraint == REFUSED
    assert contents(admin) == before


@pytest.mark.parametrize(("field", "value"), [("public_id", "abcdefghijkl"), ("handle", "taken")])
def test_what_is_taken_already_exists_and_nothing_is_left(
    db: Database, admin: Connection[Any], make: Factory, field: str, value: str
) -> None:
    creator, bob = make.user(), make.user()
    given: dict[str, Any] = {"name": "Team", field: value}
    make.team(**given)
    before = contents(admin)
    with pytest.raises(AlreadyExists) as caught:
        db.teams.create_with_initial_setup(CreateTeam(**given), creator, [bob])
    assert caught.value.constraint == f"teams_{field}_key"
    assert contents(admin) == before


@pytest.mark.parametrize(
    ("absent", "constraint"),
    [("creator", "teams_created_by_id_fkey"), ("member", "members_user_id_fkey")],
)
def test_an_absent_user_is_refused_and_nothing_is_left(
    db: Database, admin: Connection[Any], make: Factory, absent: str, constraint: str
) -> None:
    ada, bob = make.user(), make.user()
    creator, member = (bob + 1, ada) if absent == "creator" else (ada, bob + 1)
    before = contents(admin)
    with pytest.raises(MissingReference) as caught:
        db.teams.create_with_initial_setup(TEAM, creator, [bob, member])
    assert caught.value.constraint == constraint
    assert contents(admin) == before


def test_a_member_who_is_deleted_while_the_setup_waits_is_absent(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    creator, bob = make.user(), make.user()
    with admin.transaction():
        admin.execute("DELETE FROM users WHERE id = %s", (bob,))
        after = contents(admin)
        setup = Started(lambda: db.teams.create_with_initial_setup(TEAM, creator, [bob]))
        until_waiting(admin)
    with pytest.raises(MissingReference) as caught:
        setup.result()
    assert caught.value.constraint == "members_user_id_fkey"
    assert caught.value.field == "user_id"
    assert contents(admin) == after


def test_a_member_cannot_be_deleted_before_the_setup_ends(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    creator, bob = make.user(), make.user()
    with db.transaction() as tx:
        tx.teams.create_with_initial_setup(TEAM, creator, [bob])
        deletion = Started(lambda: db.users.delete(bob))
        until_waiting(admin)
    assert deletion.result() is True
    assert [row[0] for row in admin.execute(MEMBERS)] == [creator]
    assert [row[0] for row in admin.execute(PARTICIPANTS)] == [creator]


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    create = unopened.teams.create_with_initial_setup
    with pytest.raises(InvalidInput, match="team: must be a CreateTeam, not str"):
        create("Team", 1)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="creator_id: must be from 1"):
        create(TEAM, 0)
    with pytest.raises(InvalidInput, match="created_by_id: must be left out, or be the creator_id"):
        create(CreateTeam(name="Team", created_by_id=2), 1)
    with pytest.raises(InvalidInput, match="member_ids: must be a list, not set"):
        create(TEAM, 1, {2, 3})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="member_ids: must be an int, not bool"):
        create(TEAM, 1, [True])
    with pytest.raises(InvalidInput, match="member_ids: must be from 1"):
        create(TEAM, 1, [2**63])
    with pytest.raises(InvalidInput, match="member_ids: must have at most 10000 items"):
        create(TEAM, 1, [2] * 10_001)
