# Generated from tests/_async/test_chat_participants.py by tools/unasync.py. Do not edit.
"""Chats: who takes part in them."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    Database,
    InvalidCursor,
    InvalidInput,
    MissingReference,
    SerializationFailure,
    UserSummary,
)

from ._compat import Started, gather, until_waiting


def test_add_participant_returns_whether_the_participant_is_new(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    chat_id, user_id = make.chat(), make.user()
    assert db.chats.add_participant(chat_id, user_id) is True
    assert db.chats.set_unread(chat_id, user_id, True)
    before = (db.chats.find_participants(chat_id)).items
    assert db.chats.add_participant(chat_id, user_id) is False
    # What was there is left as it was.
    assert (db.chats.find_participants(chat_id)).items == before
    assert admin.execute("SELECT revision FROM chats").fetchone() == (0,)


def test_add_participant_names_the_absent_chat_or_the_absent_user(
    db: Database, make: Factory
) -> None:
    with pytest.raises(MissingReference) as caught:
        db.chats.add_participant(1, make.user())
    assert caught.value.constraint == "chat_participants_chat_id_fkey"
    assert caught.value.field == "chat_id"
    with pytest.raises(MissingReference) as caught:
        db.chats.add_participant(make.chat(), 2**63 - 1)
    assert caught.value.constraint == "chat_participants_user_id_fkey"
    assert caught.value.field == "user_id"


def test_add_participant_waits_for_another_that_adds_the_same(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    chat_id, user_id = make.chat(), make.user()
    with admin.transaction():
        make.participant(chat_id, user_id)
        second = Started(lambda: db.chats.add_participant(chat_id, user_id))
        until_waiting(admin)
    assert second.result() is False


def test_add_participant_adds_after_another_that_gave_up(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    chat_id, user_id = make.chat(), make.user()
    with admin.transaction(force_rollback=True):
        make.participant(chat_id, user_id)
        second = Started(lambda: db.chats.add_participant(chat_id, user_id))
        until_waiting(admin)
    assert second.result() is True


def test_of_eight_who_add_the_same_participant_one_is_first(db: Database, make: Factory) -> None:
    chat_id, user_id = make.chat(), make.user()

    def add() -> bool:
        return db.chats.add_participant(chat_id, user_id)

    assert sorted(gather(*[add] * 8)) == [False] * 7 + [True]


def test_add_participant_that_waited_for_the_deletion_of_the_chat_is_refused(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    chat_id, user_id = make.chat(), make.user()
    with admin.transaction():
        admin.execute("DELETE FROM chats")
        second = Started(lambda: db.chats.add_participant(chat_id, user_id))
        until_waiting(admin)
    with pytest.raises(MissingReference):
        second.result()


def test_a_participant_found_already_there_is_seen_by_serializable(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    # Each finds a participant there and removes the other's: one after the other, only one can.
    ada, bob = make.user(), make.user()
    chat_id = make.chat()
    make.participant(chat_id, ada)
    make.participant(chat_id, bob)
    with db.connection() as one, db.connection() as other:
        for held in (one, other):
            held.connection.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
        assert one.chats.add_participant(chat_id, ada) is False
        assert other.chats.add_participant(chat_id, bob) is False
        one.chats.remove_participant(chat_id, bob)
        one.connection.execute("COMMIT")
        with pytest.raises(SerializationFailure):
            other.chats.remove_participant(chat_id, ada)
        other.connection.execute("ROLLBACK")
    assert admin.execute("SELECT user_id FROM chat_participants").fetchall() == [(ada,)]


def test_remove_participant_removes_one_alone(db: Database, make: Factory) -> None:
    chat_id, user_id, other = make.chat(), make.user(), make.user()
    make.participant(chat_id, user_id)
    make.participant(chat_id, other)
    make.participant(make.chat(), user_id)
    assert db.chats.remove_participant(chat_id, user_id) is True
    assert db.chats.remove_participant(chat_id, user_id) is False
    assert [each.user_id for each in (db.chats.find_participants(chat_id)).items] == [other]
    assert len((db.chats.find_by_user(user_id)).items) == 1


def test_set_unread_is_no_change_of_the_chat(db: Database, make: Factory) -> None:
    chat_id, user_id, other = make.chat(), make.user(), make.user()
    make.participant(chat_id, user_id)
    make.participant(chat_id, other)
    chat = db.chats.find_by_id(chat_id)
    for has_unread in (True, True, False):
        assert db.chats.set_unread(chat_id, user_id, has_unread) is True
        participants = (db.chats.find_participants(chat_id)).items
        assert {each.user_id: each.has_unread for each in participants} == {
            user_id: has_unread,
            other: False,
        }
    assert db.chats.find_by_id(chat_id) == chat


def test_set_unread_of_who_takes_no_part_is_false(db: Database, make: Factory) -> None:
    assert db.chats.set_unread(make.chat(), make.user(), True) is False
    assert db.chats.set_unread(1, 1, False) is False


def test_set_unread_waits_and_finds_nobody_after_a_removal(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    chat_id, user_id = make.chat(), make.user()
    make.participant(chat_id, user_id)
    with admin.transaction():
        admin.execute("DELETE FROM chat_participants")
        second = Started(lambda: db.chats.set_unread(chat_id, user_id, True))
        until_waiting(admin)
    assert second.result() is False


def test_a_participant_is_a_summary_of_the_user(db: Database, make: Factory) -> None:
    chat_id = make.chat()
    user_id = make.user(public_id="adaadaadaada", name="Ada", handle=None, is_private=True)
    make.participant(chat_id, user_id, has_unread=True)
    (participant,) = (db.chats.find_participants(chat_id)).items
    assert isinstance(participant, UserSummary)
    assert (participant.public_id, participant.name) == ("adaadaadaada", "Ada")
    assert (participant.handle, participant.user_id) == (None, user_id)
    assert participant.has_unread


@pytest.mark.parametrize("limit", [1, 4, 10, 11, 12])
def test_find_participants_pages_forward_and_backward_through_the_newest_user_first(
    db: Database, make: Factory, limit: int
) -> None:
    chat_id = make.chat()
    expected = [make.user() for _ in range(11)][::-1]
    # Joined in an order that is neither that of the list nor its opposite.
    for user_id in sorted(expected, key=lambda id: id * 7 % 11):
        make.participant(chat_id, user_id)
    make.participant(make.chat(), make.user())
    pages = [db.chats.find_participants(chat_id, limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(db.chats.find_participants(chat_id, cursor=cursor, limit=limit))
    assert [each.user_id for page in pages for each in page.items] == expected
    page = pages[-1]
    for earlier in reversed(pages[:-1]):
        cursor = page.previous_cursor
        page = db.chats.find_participants(chat_id, cursor=cursor, limit=limit)
        assert page == earlier


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    chats = unopened.chats
    with pytest.raises(InvalidInput, match="chat_id: must be from 1"):
        chats.find_participants(2**63)
    with pytest.raises(InvalidInput, match="limit: must be from 1 to 500"):
        chats.find_participants(1, limit=501)
    with pytest.raises(InvalidCursor):
        chats.find_participants(1, cursor="forged")
    with pytest.raises(InvalidInput, match="chat_id: must be an int, not bool"):
        chats.add_participant(True, 1)
    with pytest.raises(InvalidInput, match="user_id: must be from 1"):
        chats.add_participant(1, 0)
    with pytest.raises(InvalidInput, match="user_id: must be an int, not str"):
        chats.remove_participant(1, "1")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="has_unread: must be a bool, not int"):
        chats.set_unread(1, 1, 1)  # type: ignore[arg-type]
