"""Users: the methods of the attribute ``users``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

from msgspec import Struct

from ..._domain import own_queries
from ..._domain.formats import normalized_email, normalized_handle
from ..._domain.text_search import fold, has_trigram, like_pattern, normalized_query
from ...engine import (
    AsyncInputs,
    AsyncRepository,
    BulkResult,
    OnDuplicate,
    Page,
    Update,
    json_text,
    new_public_id,
)
from ...errors import NotFound
from ...inputs import CreateUser, UpdateUser
from ...records import PeriodType, User, UserStats, UserWithTeams
from ...records.shared import Batch, RowId
from ...validation import (
    MAX_MANY,
    check_choice,
    check_id,
    check_key,
    check_limit,
    check_list,
    check_span,
    checked,
    checked_changes,
)

_SQL = own_queries("users")

_FIND_BY_ID = _SQL.bind("find_by_id", User, many="find_many_by_id", key="id")
_FIND_MANY_BY_ID = _SQL.bind("find_many_by_id", User)
_FIND_BY_PUBLIC_ID = _SQL.bind(
    "find_by_public_id", User, many="find_many_by_public_id", key="public_id"
)
_FIND_MANY_BY_PUBLIC_ID = _SQL.bind("find_many_by_public_id", User)
_FIND_BY_EMAIL = _SQL.bind("find_by_email", User)
_FIND_BY_HANDLE = _SQL.bind("find_by_handle", User)
_FIND_WITH_TEAMS = _SQL.bind("find_with_teams", UserWithTeams)
_FIND_MANY = _SQL.listing("find_many__created_at", User, key="created_at")
#: Keys: how e-mail addresses match, and whether the search uses trigram indexes.
_SEARCH = {
    ("exact", False): _SQL.bind("search__exact", User),
    ("exact", True): _SQL.bind("search__exact_by_trigram", User),
    ("substring", False): _SQL.bind("search__substring", User),
    ("substring", True): _SQL.bind("search__substring_by_trigram", User),
}
_CREATE = _SQL.bind("create", User)
_UPDATE = _SQL.bind("update", Update[User])
_UPDATE_BY_PUBLIC_ID = _SQL.bind("update_by_public_id", Update[User])
_UPDATE_LAST_ACTIVE = _SQL.bind("update_last_active", RowId)
_LIST_STATS = _SQL.bind("list_stats", UserStats)
_DELETE_LOCK = _SQL.bind("delete__lock", RowId)
#: Resources are locked before runs, as everywhere, so that two sessions cannot deadlock.
_DELETE_BATCHES = (_SQL.bind("delete__batch", Batch), _SQL.bind("delete__runs", Batch))
_DELETE = _SQL.bind("delete", RowId)
#: Rows of each kind in one batch. Increments of its resources wait until the batch is committed.
_BATCH_SIZE = 100
_PERIOD_TYPES = get_args(PeriodType)


class _NewUser(Struct, gc=False):
    """A user as the database takes it."""

    public_id: str
    email: str | None
    name: str
    name_folded: str
    handle: str | None
    is_bot: bool
    is_private: bool
    languages: list[str]


def _new_user(user: CreateUser) -> _NewUser:
    values = checked("user", user, CreateUser)
    return _NewUser(
        values["public_id"] or new_public_id(),
        values["email"],
        values["name"],
        fold(values["name"]),
        values["handle"],
        values["is_bot"],
        values["is_private"],
        values["languages"],
    )


_BULK_CREATE = _SQL.load("bulk_create", _NewUser)


class AsyncUserRepository(AsyncRepository):
    """Users and their memberships (sql/users)."""

    async def find_by_id(self, id: int) -> User | None:
        """Fetch one user by id (sql/users/read.sql)."""
        check_id("id", id)
        return await self.find_one(_FIND_BY_ID, id)

    async def find_by_public_id(self, public_id: str) -> User | None:
        """Fetch one user by public id (sql/users/read.sql)."""
        check_key("public_id", public_id)
        return await self.find_one(_FIND_BY_PUBLIC_ID, public_id)

    async def find_many_by_id(self, ids: Sequence[int]) -> list[User]:
        """Fetch users by id, in the order given (sql/users/read.sql).

        Absent ones are left out. At most 10 000 ids are accepted.
        """
        wanted = check_list("ids", ids, MAX_MANY, check_id)
        return await self.find_all(_FIND_MANY_BY_ID, json_text(wanted))

    async def find_many_by_public_id(self, public_ids: Sequence[str]) -> list[User]:
        """Fetch users by public id, in the order given (sql/users/read.sql).

        Absent ones are left out. At most 10 000 ids are accepted.
        """
        wanted = check_list("public_ids", public_ids, MAX_MANY, check_key)
        return await self.find_all(_FIND_MANY_BY_PUBLIC_ID, json_text(wanted))

    async def find_by_email(self, email: str) -> User | None:
        """Fetch one user by e-mail address, whatever its case (sql/users/read.sql)."""
        return await self.find_one(_FIND_BY_EMAIL, normalized_email(email))

    async def find_by_handle(self, handle: str) -> User | None:
        """Fetch one user by handle, whatever its case (sql/users/read.sql)."""
        return await self.find_one(_FIND_BY_HANDLE, normalized_handle(handle))

    async def find_with_teams(self, public_id: str) -> UserWithTeams | None:
        """Fetch one user with all memberships, newest first (sql/users/read.sql)."""
        check_key("public_id", public_id)
        return await self.find_one(_FIND_WITH_TEAMS, public_id)

    async def find_many(self, *, cursor: str | None = None, limit: int = 20) -> Page[User]:
        """List the users who are not private, newest first (sql/users/read.sql).

        *limit* is from 1 to 500.
        """
        return await self.page(_FIND_MANY, cursor=cursor, limit=limit)

    def iter_many(self, *, batch_size: int = 1_000) -> AsyncIterator[User]:
        """Go through the users who are not private, newest first (sql/users/read.sql).

        *batch_size* is from 1 to 10 000; see `iterate`.
        """
        return self.iterate(_FIND_MANY, batch_size=batch_size)

    async def search(
        self,
        query: str,
        *,
        limit: int = 10,
        match_email: Literal["exact", "substring"] = "exact",
    ) -> list[User]:
        r"""List the users whose name or handle has a text, newest first (sql/users/search.sql).

        Case, normal form and ligatures do not matter, accents do. ``%``, ``_`` and ``\`` match
        themselves. Private users are left out. An e-mail address matches when it equals the text.
        With *match_email* ``"substring"`` it matches when it contains the text. This reveals
        addresses to the caller, so use it in back offices only. *limit* is from 1 to 500. Set a
        statement_timeout for untrusted searches.
        """
        check_choice("match_email", match_email, ("exact", "substring"))
        check_limit(limit)
        text, email = normalized_query(query), normalized_email(query)
        by_trigram = self.has_extension("pg_trgm") and has_trigram(text)
        if match_email == "substring":
            by_trigram = by_trigram and has_trigram(email)
            email = like_pattern(email)
        return await self.find_all(
            _SEARCH[match_email, by_trigram], like_pattern(text), email, limit
        )

    async def list_stats(
        self,
        user_id: int,
        period_type: PeriodType,
        since: datetime,
        until: datetime,
        *,
        limit: int = 100,
    ) -> list[UserStats]:
        """List the statistics of one user, oldest first (sql/users/stats.sql).

        They are those of the periods (UTC) of one length that began at *since* or later, and before
        *until*. A period in which nothing was counted is left out. The package counts by day.
        *limit* is from 1 to 500.
        """
        check_id("user_id", user_id)
        check_choice("period_type", period_type, _PERIOD_TYPES)
        check_span("since", since, "until", until)
        check_limit(limit)
        return await self.find_all(_LIST_STATS, user_id, period_type, since, until, limit)

    async def create(self, user: CreateUser) -> User:
        """Insert one user (sql/users/write.sql).

        Raises `AlreadyExists` where the public id, e-mail address or handle is taken.
        """
        return await self.get_one(_CREATE, _new_user(user))

    async def bulk_create(
        self,
        users: AsyncInputs[CreateUser],
        *,
        on_duplicate: OnDuplicate = "skip",
        batch_size: int = 10_000,
        all_or_nothing: bool = False,
        progress: Callable[[int], object] | None = None,
        on_inserted: Callable[[list[int]], object] | None = None,
    ) -> BulkResult:
        """Insert users in bulk (sql/users/bulk_create.sql).

        Users of one public id are duplicates; an update changes everything else. Those whose e-mail
        address or handle another user has are failures; see docs/bulk.md.
        """
        return await self.load(
            _BULK_CREATE,
            users,
            stage=_new_user,
            on_duplicate=on_duplicate,
            batch_size=batch_size,
            all_or_nothing=all_or_nothing,
            progress=progress,
            on_inserted=on_inserted,
        )

    async def update(
        self, id: int, changes: UpdateUser, *, expected_revision: int | None = None
    ) -> User | None:
        """Update the given fields of one user; None when absent (sql/users/write.sql).

        Raises `Conflict` where the user has another revision than the expected one, and
        `AlreadyExists` where the e-mail address or handle is taken.
        """
        check_id("id", id)
        return await self.update_one(
            _UPDATE, id, changes=_changed(changes), expected_revision=expected_revision
        )

    async def update_by_public_id(
        self,
        public_id: str,
        changes: UpdateUser,
        *,
        expected_revision: int | None = None,
    ) -> User | None:
        """Update the given fields of one user by public id; None when absent.

        Query: sql/users/write.sql. Raises what `update` raises.
        """
        check_key("public_id", public_id)
        return await self.update_one(
            _UPDATE_BY_PUBLIC_ID,
            public_id,
            changes=_changed(changes),
            expected_revision=expected_revision,
        )

    async def update_last_active(self, public_id: str) -> None:
        """Set last_active_at of one user to now (sql/users/write.sql).

        Changes neither revision nor updated_at; raises `NotFound` where the user is absent.
        """
        check_key("public_id", public_id)
        if await self.find_one(_UPDATE_LAST_ACTIVE, public_id) is None:
            raise NotFound("users.update_last_active: no such user", query=_UPDATE_LAST_ACTIVE.name)

    async def delete(self, id: int) -> bool:
        """Delete one user with memberships, runs and bookmarks; False when absent.

        Queries: sql/users/write.sql. The counters of the bookmarked resources are lowered. What the
        user created stays, without a creator. The rows are deleted in batches, each a short
        transaction, so that other sessions wait only briefly. If the call is interrupted, part of
        the rows is gone; call it again to delete the rest. In your own transaction all batches
        belong to it, and all locks are held until your commit.
        """
        check_id("id", id)

        async def delete_batch(users: AsyncUserRepository) -> bool | None:
            """Delete one batch; return None while more are left."""
            # Under the lock no rows can be added, so the last batch is certain to be the last.
            if await users.find_one(_DELETE_LOCK, id) is None:
                return False
            for batch in _DELETE_BATCHES:
                if not (await users.get_one(batch, id, _BATCH_SIZE)).is_last:
                    return None
            return await users.find_one(_DELETE, id) is not None

        while (deleted := await self.atomic(delete_batch)) is None:
            pass
        return deleted


def _changed(changes: UpdateUser) -> dict[str, Any]:
    """Return what an update stores, with the name also as search folds it."""
    values = checked_changes(changes, UpdateUser)
    if "name" in values:
        values["name_folded"] = fold(values["name"])
    return values
