"""The records of the application."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Comment(msgspec.Struct, frozen=True):
    """One row of comments."""

    id: int
    slug: str
    user_id: int | None
    parent_id: int | None
    body: str
    likes: int
    revision: int
    created_at: datetime


class Author(msgspec.Struct, frozen=True):
    """What a comment says of who wrote it."""

    public_id: str
    name: str


class CommentWithAuthor(msgspec.Struct, frozen=True):
    """One comment and who wrote it."""

    id: int
    body: str
    author: Author | None


class CommentInAnotherOrder(msgspec.Struct, frozen=True):
    """Fields that are not the columns."""

    slug: str
    id: int


class NewComment(msgspec.Struct, frozen=True, kw_only=True):
    """A comment to create."""

    slug: str
    body: str
    user_id: int | None = None
    parent_id: int | msgspec.UnsetType | None = msgspec.UNSET


class UpdateComment(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a comment to change."""

    body: str | msgspec.UnsetType = msgspec.UNSET
    user_id: int | msgspec.UnsetType | None = msgspec.UNSET
