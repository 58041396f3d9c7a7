# Generated from tests/_async/test_chats.py by tools/unasync.py. Do not edit.
"""Chats: look-ups, pages, creating, changing and deleting them."""

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
    CreateChat,
    Database,
    InvalidCursor,
    InvalidInput,
    JsonValue,
    MissingReference,
    UpdateChat,
)

from ._compat import Started, gather, until_waiting


def test_create_returns_the_row(db: Database, make: Factory) -> None:
    team_id, creator = make.team(), make.user()
    config: dict[str, JsonValue] = {"topic": "Γενικά 💬", "pinned": [1, None, {"a": 0.5}]}
    chat = db.chats.create(
        CreateChat(
            public_id="abcdefghijkl",
            team_id=team_id,
            creator_id=creator,
            is_private=True,
            open_to_anyone_with_invite=True,
            config=config,
        )
    )
    assert (chat.public_id, chat.team_id, chat.creator_id) == ("abcdefghijkl", team_id, creator)
    assert (chat.is_private, chat.open_to_anyone_with_invite) == (True, True)
    assert (chat.config, chat.revision) == (config, 0)
    assert chat.created_at == chat.updated_at
    assert db.chats.find_by_id(chat.id) == chat
    assert db.chats.find_by_public_id("abcdefghijkl") == chat


def test_who_creates_a_chat_takes_part_in_it(db: Database, make: Factory) -> None:
    creator = make.user(public_id="adaadaadaada", name="Ada", handle="ada")
    chat = db.chats.create(CreateChat(creator_id=creator))
    (participant,) = (db.chats.find_participants(chat.id)).items
    assert (participant.public_id, participant.name, participant.handle) == (
        "adaadaadaada",
        "Ada",
        "ada",
    )
    assert (participant.user_id, participant.has_unread) == (creator, False)
    assert participant.created_at == chat.created_at


def test_a_chat_of_nobody_has_no_participants(db: Database) -> None:
    chat = db.chats.create(CreateChat())
    assert re.fullmatch("[0-9a-z]{12}", chat.public_id)
    assert (chat.team_id, chat.creator_id, chat.config) == (None, None, {})
    assert (chat.is_private, chat.open_to_anyone_with_invite) == (False, False)
    assert (db.chats.find_participants(chat.id)).items == []


def test_a_public_id_that_is_taken_already_exists(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    creator = make.user()
    make.chat(public_id="abcdefghijkl")
    with pytest.raises(AlreadyExists) as caught:
        db.chats.create(CreateChat(public_id="abcdefghijkl", creator_id=creator))
    assert caught.value.constraint == "chats_public_id_key"
    assert admin.execute("SELECT count(*) FROM chat_participants").fetchone() == (0,)


def test_create_names_the_absent_team_or_the_absent_creator(
    db: Database, admin: Connection[Any]
) -> None:
    with pytest.raises(MissingReference) as caught:
        db.chats.create(CreateChat(team_id=1))
    assert caught.value.constraint == "chats_team_id_fkey"
    assert caught.value.field == "team_id"
    with pytest.raises(MissingReference) as caught:
        db.chats.create(CreateChat(creator_id=1))
    assert caught.value.constraint == "chats_creator_id_fkey"
    assert caught.value.field == "creator_id"
    assert admin.execute("SELECT count(*) FROM chats").fetchone() == (0,)


def test_an_absent_chat_is_none(db: Database) -> None:
    assert db.chats.find_by_id(2**63 - 1) is None
    assert db.chats.find_by_public_id("zzzzzzzzzzzz") is None
    assert db.chats.update(1, UpdateChat(is_private=True)) is None
    assert db.chats.update(1, UpdateChat(is_private=True), expected_revision=0) is None
    assert db.chats.delete(1) is False


@pytest.mark.parametrize("limit", [1, 4, 10, 11, 12])
def test_find_many_pages_forward_and_backward_through_the_newest_first(
    db: Database, make: Factory, limit: int
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    expected = [make.chat(created_at=start + timedelta(days=n // 3)) for n in range(11)][::-1]
    make.chat(is_private=True)
    pages = [db.chats.find_many(limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(db.chats.find_many(cursor=cursor, limit=limit))
    assert [chat.id for page in pages for chat in page.items] == expected
    page = pages[-1]
    for earlier in reversed(pages[:-1]):
        page = db.chats.find_many(cursor=page.previous_cursor, limit=limit)
        assert page == earlier


def test_find_by_user_lists_private_chats_with_their_unread_flag(
    db: Database, make: Factory
) -> None:
    ada, bob = make.user(), make.user()
    read, unread, foreign = make.chat(is_private=True), make.chat(config={"a": 1}), make.chat()
    make.participant(read, ada)
    make.participant(read, bob, has_unread=True)
    make.participant(unread, ada, has_unread=True)
    make.participant(foreign, bob)
    newest, oldest = (db.chats.find_by_user(ada)).items
    assert (newest.id, newest.has_unread, newest.config) == (unread, True, {"a": 1})
    assert (oldest.id, oldest.has_unread, oldest.is_private) == (read, False, True)


@pytest.mark.parametrize("limit", [1, 4, 10, 11, 12])
def test_find_by_user_pages_forward_and_backward_through_the_newest_first(
    db: Database, make: Factory, limit: int
) -> None:
    user_id = make.user()
    expected = [make.chat() for _ in range(11)][::-1]
    # Joined in an order that is neither that of the list nor its opposite.
    for chat_id in sorted(expected, key=lambda id: id * 7 % 11):
        make.participant(chat_id, user_id)
    make.participant(make.chat(), make.user())
    pages = [db.chats.find_by_user(user_id, limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(db.chats.find_by_user(user_id, cursor=cursor, limit=limit))
    assert [chat.id for page in pages for chat in page.items] == expected
    page = pages[-1]
    for earlier in reversed(pages[:-1]):
        cursor = page.previous_cursor
        page = db.chats.find_by_user(user_id, cursor=cursor, limit=limit)
        assert page == earlier


def test_update_changes_the_fields_given_alone(db: Database, make: Factory) -> None:
    chat = db.chats.create(CreateChat(team_id=make.team(), config={"a": 1, "b": 2}))
    changed = db.chats.update(chat.id, UpdateChat(team_id=None, open_to_anyone_with_invite=True))
    assert changed is not None
    assert (changed.team_id, changed.open_to_anyone_with_invite) == (None, True)
    assert (changed.is_private, changed.config) == (False, {"a": 1, "b": 2})
    assert changed.revision == 1
    assert changed.updated_at > chat.updated_at
    assert changed.created_at == chat.created_at
    assert db.chats.find_by_id(chat.id) == changed


def test_update_replaces_the_whole_config(db: Database) -> None:
    chat = db.chats.create(CreateChat(config={"a": 1, "b": 2}))
    changed = db.chats.update(chat.id, UpdateChat(config={"b": None}))
    assert changed is not None
    assert changed.config == {"b": None}


def test_update_of_another_revision_is_a_conflict_and_changes_nothing(
    db: Database,
) -> None:
    chat = db.chats.create(CreateChat())
    first = db.chats.update(chat.id, UpdateChat(is_private=True), expected_revision=0)
    with pytest.raises(Conflict, match=r"chats\.update: the row has revision 1, not 0") as caught:
        db.chats.update(chat.id, UpdateChat(is_private=False), expected_revision=0)
    assert (caught.value.expected_revision, caught.value.actual_revision) == (0, 1)
    assert db.chats.find_by_id(chat.id) == first


def test_update_to_an_absent_team_is_refused(db: Database, make: Factory) -> None:
    with pytest.raises(MissingReference) as caught:
        db.chats.update(make.chat(), UpdateChat(team_id=1))
    assert caught.value.constraint == "chats_team_id_fkey"
    assert caught.value.field == "team_id"


def test_a_second_update_waits_and_keeps_the_change_of_the_first(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    chat_id = make.chat()
    with admin.transaction():
        admin.execute(
            "UPDATE chats SET is_private = TRUE, revision = revision + 1 WHERE id = %s", (chat_id,)
        )
        second = Started(lambda: db.chats.update(chat_id, UpdateChat(config={"second": 2})))
        until_waiting(admin)
    changed = second.result()
    assert changed is not None
    assert (changed.is_private, changed.config, changed.revision) == (True, {"second": 2}, 2)


def test_a_second_update_that_waited_sees_the_revision_of_the_first(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    chat_id = make.chat()
    with admin.transaction():
        admin.execute("UPDATE chats SET revision = revision + 1 WHERE id = %s", (chat_id,))
        second = Started(
            lambda: db.chats.update(chat_id, UpdateChat(is_private=True), expected_revision=0)
        )
        until_waiting(admin)
    with pytest.raises(Conflict):
        second.result()


def test_of_eight_updates_of_one_revision_one_wins(db: Database) -> None:
    chat = db.chats.create(CreateChat())

    def close() -> bool:
        try:
            db.chats.update(chat.id, UpdateChat(is_private=True), expected_revision=0)
        except Conflict:
            return False
        return True

    assert sorted(gather(*[close] * 8)) == [False] * 7 + [True]


def test_delete_takes_the_participants_along_and_nobody_else(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id, other = make.user(), make.chat()
    chat = db.chats.create(CreateChat(creator_id=user_id, team_id=make.team()))
    make.participant(other, user_id)
    assert db.chats.delete(chat.id) is True
    assert db.chats.delete(chat.id) is False
    for table in ("chats", "chat_participants", "teams", "users"):
        assert admin.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,), table


def test_a_chat_outlives_its_creator(db: Database, make: Factory) -> None:
    creator = make.user()
    chat = db.chats.create(CreateChat(creator_id=creator))
    assert db.users.delete(creator)
    left = db.chats.find_by_id(chat.id)
    assert left is not None
    assert left.creator_id is None
    assert (db.chats.find_participants(chat.id)).items == []


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    chats = unopened.chats
    with pytest.raises(InvalidInput, match="id: must be from 1"):
        chats.find_by_id(2**63)
    with pytest.raises(InvalidInput, match="public_id: must not hold a lone surrogate"):
        chats.find_by_public_id("\ud800")
    with pytest.raises(InvalidInput, match="limit: must be an int, not bool"):
        chats.find_many(limit=True)
    with pytest.raises(InvalidCursor):
        chats.find_many(cursor="forged")
    with pytest.raises(InvalidInput, match="user_id: must be from 1"):
        chats.find_by_user(0)
    with pytest.raises(InvalidInput, match="chat: must be a CreateChat, not dict"):
        chats.create({})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="public_id: must be 12"):
        chats.create(CreateChat(public_id="SHOUTING-ID1"))
    with pytest.raises(InvalidInput, match="team_id: must be from 1"):
        chats.create(CreateChat(team_id=0))
    with pytest.raises(InvalidInput, match="creator_id: must be an int, not str"):
        chats.create(CreateChat(creator_id="1"))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="config: must be a dict, not str"):
        chats.create(CreateChat(config="{}"))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="changes: must hold at least one field"):
        chats.update(1, UpdateChat())
    with pytest.raises(InvalidInput, match="is_private: must be a bool, not NoneType"):
        chats.update(1, UpdateChat(is_private=None))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="expected_revision: must be from 0"):
        chats.update(1, UpdateChat(is_private=True), expected_revision=-1)
    with pytest.raises(InvalidInput, match="id: must be an int, not float"):
        chats.delete(1.0)  # type: ignore[arg-type]
