"""How queries of an application look to a type checker; checked by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from msgspec import Struct

from vrooli_data import (
    AsyncDatabase,
    AsyncExecutor,
    AsyncHeldConnection,
    AsyncRepository,
    AsyncTransaction,
    Command,
    Database,
    Executor,
    HeldConnection,
    Page,
    Query,
    Repository,
    Scalar,
    Transaction,
    Update,
    queries,
)


class Comment(Struct, frozen=True):
    id: int
    body: str


class NewComment(Struct, frozen=True, kw_only=True):
    resource_id: int
    body: str


def by_id(id: int) -> None: ...
def by_words(*, words: str, limit: int) -> None: ...


sql = queries("sql/comments")
FIND_BY_ID = sql.bind("find_by_id", Comment)
FIND_BY_ID_TYPED = sql.bind("find_by_id", Comment, takes=by_id)
SEARCH = sql.bind("search", Comment, takes=by_words)
CREATE = sql.bind("create", Comment, takes=NewComment)
UPDATE = sql.bind("update", Update[Comment])
COUNT = sql.scalar("count", int)
COUNT_TYPED = sql.scalar("count", int, takes=by_id)
DELETE = sql.command("delete")
DELETE_TYPED = sql.command("delete", takes=by_id)
NEWEST = sql.listing("find_newest", key="created_at", record=Comment)

assert_type(FIND_BY_ID, Query[..., Comment])
assert_type(CREATE, Query[[NewComment], Comment])
assert_type(COUNT, Scalar[..., int])
assert_type(DELETE, Command[...])


class Comments(Repository):
    def find_by_id(self, id: int) -> Comment | None:
        assert_type(self.find_one(FIND_BY_ID, id), Comment | None)
        assert_type(self.find_one(FIND_BY_ID, id=id), Comment | None)
        return self.find_one(FIND_BY_ID_TYPED, id)

    def list(self) -> Page[Comment]:
        assert_type(self.find_all(SEARCH, words="a", limit=3), list[Comment])
        return self.page(NEWEST, 1, cursor=None, limit=20)

    def iter_newest(self) -> Iterator[Comment]:
        for comment in self.iterate(NEWEST, 1, batch_size=20):
            assert_type(comment, Comment)
        return self.iterate(NEWEST, 1)

    def create(self, comment: NewComment) -> Comment:
        assert_type(self.get_one(CREATE, comment), Comment)
        return self.get_one(CREATE, comment)

    def update(self, id: int, changes: dict[str, object]) -> Comment | None:
        return self.update_one(UPDATE, id, changes=changes, expected_revision=3)

    def count(self) -> int:
        assert_type(self.find_scalar(COUNT), int | None)
        assert_type(self.execute(DELETE, 1), int)
        return self.get_scalar(COUNT_TYPED, 1)

    def replace(self, id: int, comment: NewComment) -> Comment:
        def both(comments: Comments) -> Comment:
            comments.execute(DELETE_TYPED, id)
            return comments.create(comment)

        return self.atomic(both)

    def wrong(self) -> None:
        self.find_one(FIND_BY_ID_TYPED, "1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        self.find_one(FIND_BY_ID_TYPED)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        self.find_one(FIND_BY_ID_TYPED, ids=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        self.get_one(CREATE, 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        self.execute(FIND_BY_ID, 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
        self.find_one(COUNT)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
        assert_type(self.find_one(FIND_BY_ID, 1), str)  # type: ignore[assert-type]  # pyright: ignore[reportAssertTypeFailure]


class AsyncComments(AsyncRepository):
    async def find_by_id(self, id: int) -> Comment | None:
        assert_type(await self.find_one(FIND_BY_ID, id), Comment | None)
        return await self.find_one(FIND_BY_ID_TYPED, id)

    async def newest(self) -> Page[Comment]:
        assert_type(await self.find_all(FIND_BY_ID, 1), list[Comment])
        return await self.page(NEWEST, 1)

    def iter_newest(self) -> AsyncIterator[Comment]:
        return self.iterate(NEWEST, 1, batch_size=20)

    async def create(self, comment: NewComment) -> Comment:
        return await self.get_one(CREATE, comment)

    async def replace(self, id: int, comment: NewComment) -> Comment:
        async def both(comments: AsyncComments) -> Comment:
            await comments.execute(DELETE_TYPED, id)
            return await comments.create(comment)

        return await self.atomic(both)

    async def wrong(self) -> None:
        await self.find_one(FIND_BY_ID_TYPED, "1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def on_any(executor: Executor) -> Comments:
    return Comments(executor)


def on_each(db: Database, held: HeldConnection, tx: Transaction, other: AsyncDatabase) -> None:
    for executor in (db, held, tx):
        on_any(executor)
    Comments(other)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def on_any_async(executor: AsyncExecutor) -> AsyncComments:
    return AsyncComments(executor)


def on_each_async(db: AsyncDatabase, held: AsyncHeldConnection, tx: AsyncTransaction) -> None:
    for executor in (db, held, tx):
        on_any_async(executor)
