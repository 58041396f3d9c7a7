"""The repository of the application, written against the public names alone."""

from __future__ import annotations

from typing import Any

from tests.app import SQL
from tests.app.records import Comment, CommentWithAuthor, NewComment, UpdateComment
from vrooli_data import AsyncRepository, Page, Update, queries
from vrooli_data.validation import checked_changes

sql = queries(SQL)
_FIND_BY_ID = sql.bind("find_by_id", Comment, many="find_many_by_id", key="id")
_FIND_BY_SLUG = sql.bind("find_by_slug", Comment, many="find_many_by_slug", key="slug")
_FIND_WITH_AUTHOR = sql.bind("find_with_author", CommentWithAuthor)
_LIST_BY_USER = sql.bind("list_by_user", Comment)
_COUNT_BY_USER = sql.scalar("count_by_user", int)
_LAST_SLUG = sql.scalar("last_slug", str)
_SLUG_OF = sql.scalar("slug_of", str)
_OWN_TEXT = sql.scalar("own_text", str)
_NEWEST = sql.listing("find_newest", key="created_at", record=Comment)
_CREATE = sql.bind("create", Comment)
_UPDATE = sql.bind("update", Update[Comment])
_LIKE = sql.command("like_by_user")
_DELETE = sql.command("delete")


class AsyncComments(AsyncRepository):
    """Comments, with every method of the base in use."""

    async def find_by_id(self, id: int) -> Comment | None:
        return await self.find_one(_FIND_BY_ID, id)

    async def find_by_slug(self, slug: str) -> Comment | None:
        return await self.find_one(_FIND_BY_SLUG, slug)

    async def get_by_id(self, id: int) -> Comment:
        return await self.get_one(_FIND_BY_ID, id)

    async def find_with_author(self, id: int) -> CommentWithAuthor | None:
        return await self.find_one(_FIND_WITH_AUTHOR, id)

    async def list_by_user(self, user_id: int, limit: int = 20) -> list[Comment]:
        return await self.find_all(_LIST_BY_USER, user_id, max_rows=limit)

    async def count(self, user_id: int) -> int:
        return await self.get_scalar(_COUNT_BY_USER, user_id)

    async def last_slug(self, user_id: int) -> str | None:
        return await self.find_scalar(_LAST_SLUG, user_id)

    async def slug_of(self, id: int) -> str:
        return await self.get_scalar(_SLUG_OF, id)

    async def own_text(self) -> str:
        return await self.get_scalar(_OWN_TEXT)

    async def newest(self, *, cursor: str | None = None, limit: int = 20) -> Page[Comment]:
        return await self.page(_NEWEST, cursor=cursor, limit=limit)

    async def create(self, comment: NewComment) -> Comment:
        return await self.get_one(_CREATE, comment, parent_id=None)

    async def create_of(self, *values: Any, **named: Any) -> Comment:
        return await self.get_one(_CREATE, *values, **named)

    async def update(
        self, id: int, changes: UpdateComment, *, expected_revision: int | None = None
    ) -> Comment | None:
        return await self.update_one(
            _UPDATE,
            id,
            changes=checked_changes(changes, UpdateComment),
            expected_revision=expected_revision,
        )

    async def like(self, user_id: int) -> int:
        return await self.execute(_LIKE, user_id)

    async def delete(self, id: int) -> bool:
        return await self.execute(_DELETE, id) > 0

    async def replace(self, id: int, comment: NewComment) -> Comment:
        """Delete one comment and create another, both or neither."""

        async def both(comments: AsyncComments) -> Comment:
            await comments.delete(id)
            return await comments.create(comment)

        return await self.atomic(both)
