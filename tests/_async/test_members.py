"""Members: joining, leaving and what members may do."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    AsyncDatabase,
    InvalidCursor,
    InvalidInput,
    MissingReference,
)

from ._compat import Started, gather, until_waiting

COUNTED = """
SELECT
    team_id,
    period_type,
    period_start = date_trunc('day', now(), 'UTC'),
    period_end - period_start = interval '24 hours',
    members_created
FROM stats_teams
ORDER BY team_id
"""


async def test_add_returns_the_row(db: AsyncDatabase, make: Factory) -> None:
    team_id, user_id = make.team(), make.user()
    member = await db.members.add(team_id, user_id, is_admin=True, permissions={"invite": True})
    assert (member.team_id, member.user_id) == (team_id, user_id)
    assert (member.is_admin, member.permissions) == (True, {"invite": True})
    assert member.created_at == member.updated_at
    assert await db.members.find(team_id, user_id) == member


async def test_a_member_may_do_nothing_special_by_default(db: AsyncDatabase, make: Factory) -> None:
    member = await db.members.add(make.team(), make.user())
    assert (member.is_admin, member.permissions) == (False, {})


async def test_add_counts_for_the_day_and_the_team(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    first, second = make.team(), make.team()
    for team_id in (first, first, second):
        await db.members.add(team_id, make.user())
    assert admin.execute(COUNTED).fetchall() == [
        (first, "Daily", True, True, 2),
        (second, "Daily", True, True, 1),
    ]


async def test_add_leaves_other_days_and_periods_alone(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    team_id = make.team()
    admin.execute(
        """
        INSERT INTO stats_teams (team_id, period_type, period_start, period_end, members_created)
        VALUES
            (%(team)s, 'Daily', '2026-01-01Z', '2026-01-02Z', 7),
            (%(team)s, 'Monthly', date_trunc('day', now(), 'UTC'), '9999-01-01Z', 7)
        """,
        {"team": team_id},
    )
    await db.members.add(team_id, make.user())
    counts = admin.execute("SELECT members_created FROM stats_teams ORDER BY 1").fetchall()
    assert counts == [(1,), (7,), (7,)]


async def test_add_of_a_member_already_exists_and_counts_nothing(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    team_id, user_id = make.team(), make.user()
    await db.members.add(team_id, user_id)
    with pytest.raises(AlreadyExists) as caught:
        await db.members.add(team_id, user_id, is_admin=True)
    assert caught.value.constraint == "members_pkey"
    assert caught.value.query == "members.add"
    assert admin.execute(COUNTED).fetchall() == [(team_id, "Daily", True, True, 1)]
    member = await db.members.find(team_id, user_id)
    assert member is not None
    assert not member.is_admin


async def test_add_names_the_absent_team_or_the_absent_user(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    with pytest.raises(MissingReference) as caught:
        await db.members.add(1, make.user())
    assert caught.value.constraint == "members_team_id_fkey"
    assert caught.value.field == "team_id"
    with pytest.raises(MissingReference) as caught:
        await db.members.add(make.team(), 2**63 - 1)
    assert caught.value.constraint == "members_user_id_fkey"
    assert caught.value.field == "user_id"
    assert admin.execute("SELECT count(*) FROM stats_teams").fetchone() == (0,)


async def test_members_added_at_once_are_all_counted(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    team_id = make.team()
    users = iter([make.user() for _ in range(16)])

    async def add() -> int:
        return (await db.members.add(team_id, next(users))).user_id

    assert len(set(await gather(*[add] * 16))) == 16
    assert admin.execute(COUNTED).fetchall() == [(team_id, "Daily", True, True, 16)]


async def test_a_second_add_waits_for_the_first_and_adds_to_its_count(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    team_id = make.team()
    await db.members.add(team_id, make.user())
    user_id = make.user()
    with admin.transaction():
        admin.execute("UPDATE stats_teams SET members_created = members_created + 5")
        second = Started(lambda: db.members.add(team_id, user_id))
        await until_waiting(admin)
    await second.result()
    assert admin.execute(COUNTED).fetchall() == [(team_id, "Daily", True, True, 7)]


async def test_an_add_that_waited_for_the_same_member_already_exists(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    team_id, user_id = make.team(), make.user()
    with admin.transaction():
        make.member(team_id, user_id)
        second = Started(lambda: db.members.add(team_id, user_id))
        await until_waiting(admin)
    with pytest.raises(AlreadyExists):
        await second.result()


async def test_an_add_that_waited_for_the_deletion_of_the_team_is_refused(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    team_id, user_id = make.team(), make.user()
    with admin.transaction():
        admin.execute("DELETE FROM teams WHERE id = %s", (team_id,))
        second = Started(lambda: db.members.add(team_id, user_id))
        await until_waiting(admin)
    with pytest.raises(MissingReference) as caught:
        await second.result()
    assert caught.value.constraint == "members_team_id_fkey"
    assert caught.value.field == "team_id"
    assert admin.execute("SELECT count(*) FROM members").fetchone() == (0,)


async def test_an_absent_member_is_none(db: AsyncDatabase, make: Factory) -> None:
    team_id, user_id = make.team(), make.user()
    assert await db.members.find(team_id, user_id) is None
    assert await db.members.set_admin(team_id, user_id, True) is None
    assert await db.members.set_permissions(team_id, user_id, {}) is None
    assert await db.members.remove(team_id, user_id) is False


async def test_remove_ends_one_membership_alone(db: AsyncDatabase, make: Factory) -> None:
    team_id, user_id = make.team(), make.user()
    make.member(team_id, user_id)
    make.member(team_id, make.user())
    make.member(make.team(), user_id)
    assert await db.members.remove(team_id, user_id) is True
    assert await db.members.remove(team_id, user_id) is False
    assert len((await db.members.find_by_team(team_id)).items) == 1
    assert len((await db.members.find_by_user(user_id)).items) == 1


async def test_set_admin_and_set_permissions_return_the_changed_row(
    db: AsyncDatabase, make: Factory
) -> None:
    team_id, user_id, other = make.team(), make.user(), make.user()
    make.member(team_id, other)
    member = await db.members.add(team_id, user_id, permissions={"invite": True, "bill": True})
    promoted = await db.members.set_admin(team_id, user_id, True)
    assert promoted is not None
    assert (promoted.is_admin, promoted.permissions) == (True, member.permissions)
    assert promoted.updated_at > member.updated_at
    assert promoted.created_at == member.created_at
    limited = await db.members.set_permissions(team_id, user_id, {"invite": False})
    assert limited is not None
    assert (limited.is_admin, limited.permissions) == (True, {"invite": False})
    assert await db.members.find(team_id, user_id) == limited
    demoted = await db.members.set_admin(team_id, user_id, False)
    assert demoted is not None
    assert not demoted.is_admin
    untouched = await db.members.find(team_id, other)
    assert untouched is not None
    assert (untouched.is_admin, untouched.permissions) == (False, {})


async def test_set_admin_waits_and_keeps_the_permissions_of_the_first(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    team_id, user_id = make.team(), make.user()
    make.member(team_id, user_id)
    with admin.transaction():
        admin.execute("""UPDATE members SET permissions = '{"first": 1}'""")
        second = Started(lambda: db.members.set_admin(team_id, user_id, True))
        await until_waiting(admin)
    member = await second.result()
    assert member is not None
    assert (member.is_admin, member.permissions) == (True, {"first": 1})


async def test_set_permissions_waits_and_keeps_the_role_of_the_first(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    team_id, user_id = make.team(), make.user()
    make.member(team_id, user_id)
    with admin.transaction():
        admin.execute("UPDATE members SET is_admin = TRUE")
        second = Started(lambda: db.members.set_permissions(team_id, user_id, {"second": 2}))
        await until_waiting(admin)
    member = await second.result()
    assert member is not None
    assert (member.is_admin, member.permissions) == (True, {"second": 2})


async def test_set_admin_that_waited_for_a_removal_finds_no_member(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    team_id, user_id = make.team(), make.user()
    make.member(team_id, user_id)
    with admin.transaction():
        admin.execute("DELETE FROM members")
        second = Started(lambda: db.members.set_admin(team_id, user_id, True))
        await until_waiting(admin)
    assert await second.result() is None


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    members = unopened.members
    with pytest.raises(InvalidInput, match="team_id: must be from 1"):
        await members.find(0, 1)
    with pytest.raises(InvalidInput, match="user_id: must be from 1"):
        await members.find(1, 2**63)
    with pytest.raises(InvalidInput, match="team_id: must be an int, not float"):
        await members.find_by_team(1.0)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="user_id: must be an int, not str"):
        await members.find_by_user("1")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="limit: must be from 1 to 500"):
        await members.find_by_user(1, limit=0)
    with pytest.raises(InvalidCursor):
        await members.find_by_team(1, cursor="forged")
    with pytest.raises(InvalidInput, match="team_id: must be an int, not bool"):
        await members.add(True, 1)
    with pytest.raises(InvalidInput, match="is_admin: must be a bool, not int"):
        await members.add(1, 1, is_admin=1)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="permissions: must be a dict, not list"):
        await members.add(1, 1, permissions=[])  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="permissions: must not hold the character NUL"):
        await members.set_permissions(1, 1, {"a\0": 1})
    with pytest.raises(InvalidInput, match="permissions: must be a dict, not NoneType"):
        await members.set_permissions(1, 1, None)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="is_admin: must be a bool, not NoneType"):
        await members.set_admin(1, 1, None)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="user_id: must be from 1"):
        await members.remove(1, -1)
