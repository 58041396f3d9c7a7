"""Hostile text through every text argument: stored and found as it is, and nothing else happens."""

from __future__ import annotations

import re
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    AsyncDatabase,
    CreateChat,
    CreateResource,
    CreateRun,
    CreateTeam,
    CreateUser,
    CreateVersion,
    InvalidInput,
    SetTranslation,
    UpdateRun,
    UpdateTeam,
    UpdateUser,
    UpdateVersion,
)

PAYLOADS = [
    "' OR 1=1 --",
    "'; DROP TABLE users; --",
    '"; DROP TABLE users; --',
    "\\'; DROP TABLE users; --",
    "$$; DROP TABLE users; $$",
    "$tag$ x $tag$",
    "%s",
    "%(id)s",
    "%%",
    "%",
    "{}",
    "{0.__class__}",
    "{id!r}",
    ":id",
    "::bigint",
    "$1",
    "?",
    "/* comment */",
    "*/ DROP TABLE users /*",
    "-- comment",
    "E'\\x27'",
    "U&'\\0027'",
    "\u02bc OR 1=1",
    "\u2019 OR 1=1",
    "\\",
    "\\\\",
    "\\'",
    "''",
    '""',
    "\r\nSET ROLE postgres;",
    "\t\v\f\b",
    "\x1b[31mred",
    "\u202eright to left\u202c",
    "\u200b\ufeff",
    "${jndi:ldap://x}",
    "<script>alert(1)</script>",
    "NULL",
    "true",
    "1); DELETE FROM users; --",
    "`id`",
    "\U0001f600e\u0301",
    " leading and trailing ",
    "__proto__",
]


def tables(admin: Connection[Any]) -> int:
    row = admin.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert row is not None
    return int(row[0])


def test_the_corpus_is_large_and_has_no_repeats() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 30


async def test_names_come_back_as_they_were(db: AsyncDatabase, admin: Connection[Any]) -> None:
    before = tables(admin)
    for payload in PAYLOADS:
        user = await db.users.create(CreateUser(name=payload))
        assert user.name == payload
        changed = await db.users.update(user.id, UpdateUser(name=f"{payload}!"))
        assert changed is not None
        assert changed.name == f"{payload}!"
        team = await db.teams.create(CreateTeam(name=payload, config={payload: [payload]}))
        assert (team.name, team.config) == (payload, {payload: [payload]})
        renamed = await db.teams.update(team.id, UpdateTeam(config={"x": payload}))
        assert renamed is not None
        assert renamed.config == {"x": payload}
        run = await db.runs.create(
            CreateRun(user_id=user.id, name=payload, data={payload: payload})
        )
        assert run.name == payload
        await db.runs.update(run.id, UpdateRun(data=[payload]))
        details = await db.runs.find_with_details(run.id)
        assert details is not None
        assert (details.name, details.data, details.user.name) == (
            payload,
            [payload],
            f"{payload}!",
        )
        chat = await db.chats.create(CreateChat(config={payload: payload}))
        assert chat.config == {payload: payload}
    assert tables(admin) == before
    assert admin.execute("SELECT count(*) FROM users").fetchone() == (len(PAYLOADS),)


async def test_versions_and_translations_come_back_as_they_were(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    before = tables(admin)
    resource = await db.resources.create(CreateResource(resource_type="Routine"))
    for payload in PAYLOADS:
        version = await db.resources.add_version(
            resource.id, CreateVersion(version_label=payload, config={payload: {"y": payload}})
        )
        assert (version.version_label, version.config) == (payload, {payload: {"y": payload}})
        changed = await db.resources.update_version(
            version.id, UpdateVersion(version_label=payload[::-1] or "x")
        )
        assert changed is not None
        assert changed.version_label == payload[::-1]
        translation = await db.resources.set_translation(
            resource.id, "en", SetTranslation(name=payload, description=payload)
        )
        assert (translation.name, translation.description) == (payload, payload)
    assert tables(admin) == before


async def test_a_search_finds_the_text_itself_and_nothing_else(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    others = {make.user(name="Ada Lovelace"), make.user(name="Bob")}
    for payload in PAYLOADS:
        user = await db.users.create(CreateUser(name=f"<<{payload}>>"))
        for match_email in ("exact", "substring"):
            found = await db.users.search(f"<<{payload}>>", limit=500, match_email=match_email)
            assert [row.id for row in found] == [user.id], payload
        assert not others & {row.id for row in await db.users.search(f"<{payload}", limit=500)}
        await db.resources.search(payload)


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_a_look_up_finds_nothing_by_it(unopened: AsyncDatabase, payload: str) -> None:
    with pytest.raises(InvalidInput):
        await unopened.resources.find_by_type(payload)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        await unopened.resources.find_by_type("Routine", order_by=payload)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        await unopened.resources.find_by_type("Routine", cursor=payload)
    with pytest.raises(InvalidInput):
        await unopened.users.create(CreateUser(name="x", public_id=payload))
    if not re.fullmatch("[A-Za-z_]+", payload):
        # A plain word may be a handle, or a language.
        with pytest.raises(InvalidInput):
            await unopened.users.create(CreateUser(name="x", handle=payload))
        with pytest.raises(InvalidInput):
            await unopened.resources.set_translation(1, payload, SetTranslation(name="x"))


async def test_a_look_up_by_hostile_text_is_a_look_up(db: AsyncDatabase, make: Factory) -> None:
    make.user()
    for payload in PAYLOADS:
        assert await db.users.find_by_public_id(payload) is None
        assert await db.users.find_by_email(payload) is None
        assert await db.users.find_by_handle(payload) is None
        assert await db.users.find_many_by_public_id([payload]) == []
        assert await db.resources.find_with_latest_version(payload) is None
