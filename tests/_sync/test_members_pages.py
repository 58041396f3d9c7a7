# Generated from tests/_async/test_members_pages.py by tools/unasync.py. Do not edit.
"""Members: the pages of a team's members and of a user's memberships."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.factories import Factory
from vrooli_data import Database, InvalidCursor


@pytest.mark.parametrize("limit", [1, 4, 10, 11, 12])
def test_find_by_team_pages_forward_and_backward_through_the_newest_user_first(
    db: Database, make: Factory, limit: int
) -> None:
    team_id = make.team()
    expected = [make.user() for _ in range(11)][::-1]
    # Joined in an order that is neither that of the list nor its opposite.
    for user_id in sorted(expected, key=lambda id: id * 7 % 11):
        make.member(team_id, user_id)
    make.member(make.team(), expected[0])
    pages = [db.members.find_by_team(team_id, limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(db.members.find_by_team(team_id, cursor=cursor, limit=limit))
    assert [member.user_id for page in pages for member in page.items] == expected
    assert {member.team_id for page in pages for member in page.items} == {team_id}
    page = pages[-1]
    for earlier in reversed(pages[:-1]):
        cursor = page.previous_cursor
        page = db.members.find_by_team(team_id, cursor=cursor, limit=limit)
        assert page == earlier


@pytest.mark.parametrize("limit", [1, 4, 10, 11, 12])
def test_find_by_user_pages_forward_and_backward_through_the_newest_first(
    db: Database, make: Factory, limit: int
) -> None:
    user_id = make.user()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    expected = [make.team() for _ in range(11)][::-1]
    for place, team_id in enumerate(expected):
        # Three to a day: the team's id breaks the ties.
        make.member(team_id, user_id, created_at=start - timedelta(days=place // 3))
    make.member(expected[0], make.user())
    pages = [db.members.find_by_user(user_id, limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(db.members.find_by_user(user_id, cursor=cursor, limit=limit))
    assert [member.team_id for page in pages for member in page.items] == expected
    assert {member.user_id for page in pages for member in page.items} == {user_id}
    page = pages[-1]
    for earlier in reversed(pages[:-1]):
        cursor = page.previous_cursor
        page = db.members.find_by_user(user_id, cursor=cursor, limit=limit)
        assert page == earlier


def test_the_time_of_joining_comes_before_the_id_of_the_team(db: Database, make: Factory) -> None:
    user_id = make.user()
    older, newer = make.team(), make.team()
    make.member(older, user_id, created_at="2026-01-02Z")
    make.member(newer, user_id, created_at="2026-01-01Z")
    page = db.members.find_by_user(user_id)
    assert [member.team_id for member in page.items] == [older, newer]


def test_pages_stay_true_while_members_come_and_go(db: Database, make: Factory) -> None:
    team_id = make.team()
    users = [make.user() for _ in range(8)][::-1]
    for user_id in users[1:]:
        make.member(team_id, user_id)
    first = db.members.find_by_team(team_id, limit=3)
    # The row that the cursor stands on leaves, and one comes before all.
    db.members.remove(team_id, users[3])
    db.members.add(team_id, users[0])
    second = db.members.find_by_team(team_id, cursor=first.next_cursor, limit=3)
    assert [member.user_id for member in second.items] == users[4:7]
    back = db.members.find_by_team(team_id, cursor=second.previous_cursor, limit=3)
    assert [member.user_id for member in back.items] == users[:3]


def test_the_page_before_an_emptied_page_leads_on_again(db: Database, make: Factory) -> None:
    team_id = make.team()
    users = [make.user() for _ in range(3)][::-1]
    for user_id in users:
        make.member(team_id, user_id)
    first = db.members.find_by_team(team_id, limit=1)
    second = db.members.find_by_team(team_id, cursor=first.next_cursor, limit=1)
    db.members.remove(team_id, users[0])
    empty = db.members.find_by_team(team_id, cursor=second.previous_cursor, limit=1)
    assert (empty.items, empty.previous_cursor) == ([], None)
    again = db.members.find_by_team(team_id, cursor=empty.next_cursor, limit=1)
    assert again.items == second.items


def test_a_cursor_serves_its_own_listing_alone(db: Database, make: Factory) -> None:
    team_id, user_id = make.team(), make.user()
    for member in (user_id, make.user()):
        make.member(team_id, member)
    cursor = (db.members.find_by_team(team_id, limit=1)).next_cursor
    assert cursor is not None
    with pytest.raises(InvalidCursor, match=r"members\.find_by_user"):
        db.members.find_by_user(user_id, cursor=cursor)


def test_the_lists_of_nobody_are_empty(db: Database) -> None:
    for page in (db.members.find_by_team(1), db.members.find_by_user(1)):
        assert (page.items, page.next_cursor, page.previous_cursor) == ([], None, None)
