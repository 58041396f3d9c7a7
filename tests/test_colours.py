"""Functions of the other face: refused before anything is committed, wherever one is given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from psycopg import Connection

from tests.proxy import Way, open_proxy
from vrooli_data import (
    AsyncDatabase,
    CommittedButCallbackFailed,
    CommitUnknown,
    CreateUser,
    Database,
    InvalidInput,
    TransactionAborted,
)

ADA = CreateUser(name="Ada")


async def asynchronous(*_: object) -> bool:
    return True


async def generator(*_: object) -> AsyncIterator[int]:
    yield 1


def synchronous(*_: object) -> bool:
    return True


class AsyncCall:
    async def __call__(self, *_: object) -> bool:
        return True


class SyncCall:
    def __call__(self, *_: object) -> bool:
        return True


#: Seen before it is called, and only by what it returns.
ASYNCHRONOUS: list[Any] = [asynchronous, partial(asynchronous, 1), AsyncCall(), generator]
ASYNCHRONOUS_LATE: list[Any] = [
    lambda *_: asynchronous(),
    partial(AsyncCall(), 1),
    lambda *_: generator(),
]
SYNCHRONOUS: list[Any] = [
    synchronous,
    partial(synchronous, 1),
    SyncCall(),
    generator,
    lambda *_: None,
]


def count(admin: Connection[Any]) -> int:
    ((found,),) = admin.execute("SELECT count(*)::int FROM users").fetchall()
    return int(found)


@pytest.mark.parametrize("body", ASYNCHRONOUS + ASYNCHRONOUS_LATE)
def test_an_asynchronous_body_is_refused_by_the_synchronous_face(
    database_url: str, admin: Connection[Any], body: Any
) -> None:
    def write(tx: Any) -> Any:
        tx.users.create(ADA)
        return body(tx)

    with Database.connect(database_url, max_size=1) as db:
        for each in (body, write):
            with pytest.raises(InvalidInput, match="body: is asynchronous"):
                db.transact(each)
        with db.transaction() as tx:
            tx.users.find_many()
            with pytest.raises((InvalidInput, TransactionAborted), match="is asynchronous"):
                tx.try_each([1], body)
    assert count(admin) == 0


@pytest.mark.parametrize("body", SYNCHRONOUS)
async def test_a_synchronous_body_is_refused_by_the_asynchronous_face(
    database_url: str, admin: Connection[Any], body: Any
) -> None:
    async with AsyncDatabase.connect(database_url, max_size=1) as db:
        with pytest.raises(InvalidInput, match="body: must be an async function"):
            await db.transact(body)
        with pytest.raises(InvalidInput, match="body: must be an async function"):
            await db.transact(body, read_only=True)
        with pytest.raises(TransactionAborted, match="must be an async function"):
            async with db.transaction() as tx:
                await tx.users.create(ADA)
                await tx.try_each([1], body)
    assert count(admin) == 0


async def test_what_returns_something_to_await_is_a_body_too(database_url: str) -> None:
    async with AsyncDatabase.connect(database_url, max_size=1) as db:
        assert (await db.transact(lambda tx: tx.users.create(ADA))).name == "Ada"
        assert await db.transact(AsyncCall())
        assert await db.transact(partial(AsyncCall(), 1))
    with Database.connect(database_url, max_size=1) as other:
        assert other.transact(SyncCall())


@pytest.mark.parametrize("callback", ASYNCHRONOUS)
def test_an_asynchronous_callback_is_refused_before_the_commit(
    database_url: str, admin: Connection[Any], callback: Any
) -> None:
    with (
        Database.connect(database_url, max_size=1) as db,
        pytest.raises(InvalidInput, match="callback: is asynchronous"),
        db.transaction() as tx,
    ):
        tx.users.create(ADA)
        tx.on_commit(callback)
    assert count(admin) == 0


async def test_a_callback_of_the_other_face_found_at_its_call_is_reported_as_failed(
    database_url: str,
) -> None:
    with (
        Database.connect(database_url, max_size=1) as db,
        pytest.raises(CommittedButCallbackFailed) as caught,
        db.transaction() as tx,
    ):
        tx.on_commit(partial(AsyncCall(), 1))
    assert isinstance(caught.value.__cause__, InvalidInput)
    async with AsyncDatabase.connect(database_url, max_size=1) as other:
        with pytest.raises(CommittedButCallbackFailed) as caught:
            async with other.transaction() as transaction:
                transaction.on_commit(SyncCall())  # type: ignore[arg-type]
    assert isinstance(caught.value.__cause__, InvalidInput)


@pytest.mark.parametrize("marker", ASYNCHRONOUS)
def test_an_asynchronous_marker_is_refused(database_url: str, marker: Any) -> None:
    with Database.connect(database_url, max_size=1) as db:
        for begin in (db.transaction, db.serializable):
            with (
                pytest.raises(InvalidInput, match="marker: is asynchronous"),
                begin(marker=marker),
            ):
                pass
        with pytest.raises(InvalidInput, match="marker: is asynchronous"):
            db.transact(lambda tx: tx.users.create(ADA), marker=marker)


@pytest.mark.parametrize("marker", ASYNCHRONOUS_LATE)
def test_a_marker_of_the_other_face_found_at_its_call_decides_nothing(
    database_url: str, admin: Connection[Any], marker: Any
) -> None:
    """What it returns would count as true, and the transaction as committed."""
    with open_proxy(database_url) as proxy:
        proxy.fail_at_commit(b"Ada", Way.CUT_BEFORE)
        with (
            Database.connect(proxy.url, max_size=1, commit_timeout=0.1) as db,
            pytest.raises(CommitUnknown),
        ):
            db.transact(lambda tx: tx.users.create(ADA), track_commit=False, marker=marker)
    assert count(admin) == 0


@pytest.mark.parametrize("hook", ASYNCHRONOUS)
@pytest.mark.parametrize("field", ["on_query", "on_retry"])
def test_a_hook_is_a_plain_function_on_both_faces(field: str, hook: Any) -> None:
    for face in (Database, AsyncDatabase):
        with pytest.raises(InvalidInput, match=f"{field}: must be a plain function"):
            face.connect("host=/nowhere", **{field: hook})
