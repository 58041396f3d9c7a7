"""Updates by public id: one statement each, with the rules of updates by id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection

from tests.contents import contents
from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    AsyncDatabase,
    Conflict,
    InvalidInput,
    UpdateChat,
    UpdateResource,
    UpdateRun,
    UpdateTeam,
    UpdateUser,
)

from ._compat import Started, until_waiting
from .executed import executed

PUBLIC_ID = "a" * 12
MAKE: dict[str, Callable[[Factory], int]] = {
    "chats": lambda make: make.chat(public_id=PUBLIC_ID),
    "resources": lambda make: make.resource(public_id=PUBLIC_ID),
    "runs": lambda make: make.run(make.user(), public_id=PUBLIC_ID),
    "teams": lambda make: make.team(public_id=PUBLIC_ID),
    "users": lambda make: make.user(public_id=PUBLIC_ID),
}
#: A change of one field of each, and another of it.
PRIVATE: dict[str, Any] = {
    "chats": UpdateChat(is_private=True),
    "resources": UpdateResource(is_private=True),
    "runs": UpdateRun(is_private=True),
    "teams": UpdateTeam(is_private=True),
    "users": UpdateUser(is_private=True),
}
EACH = pytest.mark.parametrize("name", MAKE)


@EACH
async def test_the_given_fields_alone_are_changed_in_one_statement(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, name: str
) -> None:
    id = MAKE[name](make)
    others = [make.team(), make.chat(), make.resource(), make.user(), make.run(make.user())]
    repository = getattr(db, name)
    before = await repository.find_by_id(id)
    untouched = {table: rows for table, rows in contents(admin).items() if table != name}
    async with db.connection() as held, executed(held.connection) as statements:
        changed = await getattr(held, name).update_by_public_id(PUBLIC_ID, PRIVATE[name])
    assert len(statements) == 1
    assert f"/* vrooli_data:{name}.update_by_public_id */" in statements[0]
    assert (changed.id, changed.is_private, changed.revision) == (id, True, before.revision + 1)
    assert changed == await repository.find_by_id(id)
    for field in before.__struct_fields__:
        if field not in ("is_private", "revision", "updated_at"):
            assert getattr(changed, field) == getattr(before, field)
    assert {table: rows for table, rows in contents(admin).items() if table != name} == untouched
    revisions = admin.execute(f"SELECT count(*) FROM {name} WHERE revision > 0".encode())
    assert revisions.fetchone() == (1,)
    assert others


@EACH
async def test_another_revision_is_a_conflict_and_an_absent_row_is_none(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, name: str
) -> None:
    MAKE[name](make)
    update = getattr(db, name).update_by_public_id
    assert (await update(PUBLIC_ID, PRIVATE[name], expected_revision=0)).revision == 1
    before = contents(admin)
    with pytest.raises(Conflict) as caught:
        await update(PUBLIC_ID, PRIVATE[name], expected_revision=0)
    assert (caught.value.expected_revision, caught.value.actual_revision) == (0, 1)
    assert caught.value.query == f"{name}.update_by_public_id"
    assert await update("b" * 12, PRIVATE[name], expected_revision=0) is None
    assert await update("", PRIVATE[name]) is None
    assert contents(admin) == before


@EACH
async def test_a_second_update_waits_and_sees_the_first(
    db: AsyncDatabase, make: Factory, name: str
) -> None:
    id = MAKE[name](make)
    async with db.transaction() as tx:
        await getattr(tx, name).update(id, PRIVATE[name])
        blind = Started(lambda: getattr(db, name).update_by_public_id(PUBLIC_ID, PRIVATE[name]))
        await until_waiting(make.connection)
    assert (await blind.result()).revision == 2


async def test_a_run_of_another_user_is_none(db: AsyncDatabase, make: Factory) -> None:
    MAKE["runs"](make)
    run = await db.runs.find_by_public_id(PUBLIC_ID)
    assert run is not None
    update = db.runs.update_by_public_id
    assert await update(PUBLIC_ID, UpdateRun(name="Other"), user_id=make.user()) is None
    changed = await update(PUBLIC_ID, UpdateRun(name="Mine"), user_id=run.user_id)
    assert changed is not None
    assert (changed.name, changed.revision) == ("Mine", 1)
    with pytest.raises(Conflict):
        await update(PUBLIC_ID, UpdateRun(name="Late"), user_id=run.user_id, expected_revision=0)


async def test_a_new_name_is_found_by_search_and_a_taken_handle_is_refused(
    db: AsyncDatabase, make: Factory
) -> None:
    MAKE["users"](make)
    make.user(handle="taken")
    changed = await db.users.update_by_public_id(PUBLIC_ID, UpdateUser(name="Straße"))
    assert changed is not None
    assert [user.id for user in await db.users.search("STRASSE")] == [changed.id]
    with pytest.raises(AlreadyExists) as caught:
        await db.users.update_by_public_id(PUBLIC_ID, UpdateUser(handle="taken"))
    assert caught.value.field == "handle"


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    for name, changes in PRIVATE.items():
        update = getattr(unopened, name).update_by_public_id
        with pytest.raises(InvalidInput, match="public_id: must be a str, not int"):
            await update(1, changes)
        with pytest.raises(InvalidInput, match="changes: must hold at least one field"):
            await update(PUBLIC_ID, type(changes)())
        with pytest.raises(InvalidInput, match="expected_revision: must be from 0"):
            await update(PUBLIC_ID, changes, expected_revision=-1)
