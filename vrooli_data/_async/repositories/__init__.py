"""The repositories of a database, a connection or a transaction.

Each is imported when it is first used: reading all folders of queries takes longer than importing
everything else of the package.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ..repository import AsyncExecutor

if TYPE_CHECKING:
    from .bookmarks import AsyncBookmarkRepository
    from .chats import AsyncChatRepository
    from .counters import AsyncCounterRepository
    from .events import AsyncEventRepository
    from .members import AsyncMemberRepository
    from .resources import AsyncResourceRepository
    from .runs import AsyncRunRepository
    from .teams import AsyncTeamRepository
    from .users import AsyncUserRepository


class AsyncRepositories(AsyncExecutor):
    """An executor with one repository per aggregate of the package."""

    @cached_property
    def users(self) -> AsyncUserRepository:
        """Users (sql/users)."""
        from .users import AsyncUserRepository

        return AsyncUserRepository(self)

    @cached_property
    def resources(self) -> AsyncResourceRepository:
        """Resources with their versions and translations (sql/resources)."""
        from .resources import AsyncResourceRepository

        return AsyncResourceRepository(self)

    @cached_property
    def runs(self) -> AsyncRunRepository:
        """Runs with their steps and values (sql/runs)."""
        from .runs import AsyncRunRepository

        return AsyncRunRepository(self)

    @cached_property
    def teams(self) -> AsyncTeamRepository:
        """Teams (sql/teams)."""
        from .teams import AsyncTeamRepository

        return AsyncTeamRepository(self)

    @cached_property
    def members(self) -> AsyncMemberRepository:
        """Members of teams (sql/members)."""
        from .members import AsyncMemberRepository

        return AsyncMemberRepository(self)

    @cached_property
    def chats(self) -> AsyncChatRepository:
        """Chats and their participants (sql/chats)."""
        from .chats import AsyncChatRepository

        return AsyncChatRepository(self)

    @cached_property
    def bookmarks(self) -> AsyncBookmarkRepository:
        """Bookmarks of resources by users (sql/bookmarks)."""
        from .bookmarks import AsyncBookmarkRepository

        return AsyncBookmarkRepository(self)

    @cached_property
    def events(self) -> AsyncEventRepository:
        """Events of changes (sql/events)."""
        from .events import AsyncEventRepository

        return AsyncEventRepository(self)

    @cached_property
    def counters(self) -> AsyncCounterRepository:
        """Counters of rows (sql/counters)."""
        from .counters import AsyncCounterRepository

        return AsyncCounterRepository(self)
