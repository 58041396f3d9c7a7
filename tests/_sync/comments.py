# Generated from tests/_async/comments.py by tools/unasync.py. Do not edit.
"""The repository of the application, written against the public names alone."""

from __future__ import annotations

from typing import Any

from tests.app import SQL
from tests.app.records import Comment, CommentWithAuthor, NewComment, UpdateComment
from vrooli_data import Page, Repository, Update, queries
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


class Comments(Repository):
    """Comments, with every method of the base in use."""

    def find_by_id(self, id: int) -> Comment | None:
        return self.find_one(_FIND_BY_ID, id)

    def find_by_slug(self, slug: str) -> Comment | None:
        return self.find_one(_FIND_BY_SLUG, slug)

    def get_by_id(self, id: int) -> Comment:
        return self.get_one(_FIND_BY_ID, id)

    def find_with_author(self, id: int) -> CommentWithAuthor | None:
        return self.find_one(_FIND_WITH_AUTHOR, id)

    def list_by_user(self, user_id: int, limit: int = 20) -> list[Comment]:
        return self.find_all(_LIST_BY_USER, user_id, max_rows=limit)

    def count(self, user_id: int) -> int:
        return self.get_scalar(_COUNT_BY_USER, user_id)

    def last_slug(self, user_id: int) -> str | None:
        return self.find_scalar(_LAST_SLUG, user_id)

    def slug_of(self, id: int) -> str:
        return self.get_scalar(_SLUG_OF, id)

    def own_text(self) -> str:
        return self.get_scalar(_OWN_TEXT)

    def newest(self, *, cursor: str | None = None, limit: int = 20) -> Page[Comment]:
        return self.page(_NEWEST, cursor=cursor, limit=limit)

    def create(self, comment: NewComment) -> Comment:
        return self.get_one(_CREATE, comment, parent_id=None)

    def create_of(self, *values: Any, **named: Any) -> Comment:
        return self.get_one(_CREATE, *values, **named)

    def update(
        self, id: int, changes: UpdateComment, *, expected_revision: int | None = None
    ) -> Comment | None:
        return self.update_one(
            _UPDATE,
            id,
            changes=checked_changes(changes, UpdateComment),
            expected_revision=expected_revision,
        )

    def like(self, user_id: int) -> int:
        return self.execute(_LIKE, user_id)

    def delete(self, id: int) -> bool:
        return self.execute(_DELETE, id) > 0

    def replace(self, id: int, comment: NewComment) -> Comment:
        """Delete one comment and create another, both or neither."""

        def both(comments: Comments) -> Comment:
            comments.delete(id)
            return comments.create(comment)

        return self.atomic(both)
