"""Chats: the methods of the attribute ``chats``."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..._domain import own_queries
from ...engine import AsyncRepository, Page, Update, json_text, new_public_id
from ...inputs import CreateChat, UpdateChat
from ...records import Chat, Participant, UserChat
from ...records.shared import Added, RowId
from ...validation import check_flag, check_id, check_key, checked, checked_changes

_SQL = own_queries("chats")

_FIND_BY_ID = _SQL.bind("find_by_id", Chat)
_FIND_BY_PUBLIC_ID = _SQL.bind("find_by_public_id", Chat)
_FIND_MANY = _SQL.listing("find_many__created_at", Chat, key="created_at")
_FIND_BY_USER = _SQL.listing("find_by_user__id", UserChat)
_CREATE = _SQL.bind("create", Chat)
_UPDATE = _SQL.bind("update", Update[Chat])
_UPDATE_BY_PUBLIC_ID = _SQL.bind("update_by_public_id", Update[Chat])
_DELETE = _SQL.bind("delete", RowId)
_FIND_PARTICIPANTS = _SQL.listing("find_participants__user_id", Participant, tie="user_id")
_ADD_PARTICIPANT = _SQL.bind("add_participant", Added)
_REMOVE_PARTICIPANT = _SQL.bind("remove_participant", RowId)
_SET_UNREAD = _SQL.bind("set_unread", RowId)


class AsyncChatRepository(AsyncRepository):
    """Chats and their participants (sql/chats)."""

    async def find_by_id(self, id: int) -> Chat | None:
        """Fetch one chat by id (sql/chats/read.sql)."""
        check_id("id", id)
        return await self.find_one(_FIND_BY_ID, id)

    async def find_by_public_id(self, public_id: str) -> Chat | None:
        """Fetch one chat by public id (sql/chats/read.sql)."""
        check_key("public_id", public_id)
        return await self.find_one(_FIND_BY_PUBLIC_ID, public_id)

    async def find_many(self, *, cursor: str | None = None, limit: int = 20) -> Page[Chat]:
        """List the chats that are not private, newest first (sql/chats/read.sql).

        *limit* is from 1 to 500.
        """
        return await self.page(_FIND_MANY, cursor=cursor, limit=limit)

    async def find_by_user(
        self, user_id: int, *, cursor: str | None = None, limit: int = 20
    ) -> Page[UserChat]:
        """List the chats of one participant, newest first (sql/chats/read.sql).

        Ordered by the id of the chat. *limit* is from 1 to 500.
        """
        check_id("user_id", user_id)
        return await self.page(_FIND_BY_USER, user_id, cursor=cursor, limit=limit)

    def iter_many(self, *, batch_size: int = 1_000) -> AsyncIterator[Chat]:
        """Go through the chats that are not private, newest first (sql/chats/read.sql).

        *batch_size* is from 1 to 10 000; see `iterate`.
        """
        return self.iterate(_FIND_MANY, batch_size=batch_size)

    def iter_by_user(self, user_id: int, *, batch_size: int = 1_000) -> AsyncIterator[UserChat]:
        """Go through the chats of one participant, newest first (sql/chats/read.sql).

        *batch_size* is from 1 to 10 000; see `iterate`.
        """
        check_id("user_id", user_id)
        return self.iterate(_FIND_BY_USER, user_id, batch_size=batch_size)

    async def create(self, chat: CreateChat) -> Chat:
        """Insert one chat; its creator becomes a participant (sql/chats/write.sql).

        Raises `AlreadyExists` where the public id is taken, and `MissingReference` where the team
        or the creator is absent; its `field` names which.
        """
        values = checked("chat", chat, CreateChat)
        return await self.get_one(
            _CREATE,
            values["public_id"] or new_public_id(),
            values["team_id"],
            values["creator_id"],
            values["is_private"],
            values["open_to_anyone_with_invite"],
            json_text(values["config"]),
        )

    async def update(
        self, id: int, changes: UpdateChat, *, expected_revision: int | None = None
    ) -> Chat | None:
        """Update the given fields of one chat; None when absent (sql/chats/write.sql).

        Raises `Conflict` where the chat has another revision than the expected one, and
        `MissingReference` where the team is absent.
        """
        check_id("id", id)
        return await self.update_one(
            _UPDATE,
            id,
            changes=checked_changes(changes, UpdateChat),
            expected_revision=expected_revision,
        )

    async def update_by_public_id(
        self,
        public_id: str,
        changes: UpdateChat,
        *,
        expected_revision: int | None = None,
    ) -> Chat | None:
        """Update the given fields of one chat by public id; None when absent.

        Query: sql/chats/write.sql. Raises what `update` raises.
        """
        check_key("public_id", public_id)
        return await self.update_one(
            _UPDATE_BY_PUBLIC_ID,
            public_id,
            changes=checked_changes(changes, UpdateChat),
            expected_revision=expected_revision,
        )

    async def delete(self, id: int) -> bool:
        """Delete one chat and its list of participants; False when absent.

        Query: sql/chats/write.sql.
        """
        check_id("id", id)
        return await self.find_one(_DELETE, id) is not None

    async def find_participants(
        self, chat_id: int, *, cursor: str | None = None, limit: int = 20
    ) -> Page[Participant]:
        """List the participants of one chat, newest user first (sql/chats/participants.sql).

        Ordered by the id of the user. *limit* is from 1 to 500.
        """
        check_id("chat_id", chat_id)
        return await self.page(_FIND_PARTICIPANTS, chat_id, cursor=cursor, limit=limit)

    def iter_participants(
        self, chat_id: int, *, batch_size: int = 1_000
    ) -> AsyncIterator[Participant]:
        """Go through the participants of one chat, newest user first.

        Query: sql/chats/participants.sql. *batch_size* is from 1 to 10 000; see `iterate`.
        """
        check_id("chat_id", chat_id)
        return self.iterate(_FIND_PARTICIPANTS, chat_id, batch_size=batch_size)

    async def add_participant(self, chat_id: int, user_id: int) -> bool:
        """Add one user to the participants of a chat; False when already there.

        Query: sql/chats/participants.sql. Raises `MissingReference` where the chat or the user is
        absent; its `field` names which.
        """
        _check_participant(chat_id, user_id)
        result = await self.find_one(_ADD_PARTICIPANT, chat_id, user_id)
        return result is not None and result.added

    async def remove_participant(self, chat_id: int, user_id: int) -> bool:
        """Remove one user from the participants of a chat; False when absent.

        Query: sql/chats/participants.sql.
        """
        _check_participant(chat_id, user_id)
        return await self.find_one(_REMOVE_PARTICIPANT, chat_id, user_id) is not None

    async def set_unread(self, chat_id: int, user_id: int, has_unread: bool) -> bool:
        """Set whether one participant has something unread; False when absent.

        Query: sql/chats/participants.sql. The chat's revision stays the same.
        """
        _check_participant(chat_id, user_id)
        check_flag("has_unread", has_unread)
        return await self.find_one(_SET_UNREAD, chat_id, user_id, has_unread) is not None


def _check_participant(chat_id: int, user_id: int) -> None:
    check_id("chat_id", chat_id)
    check_id("user_id", user_id)
