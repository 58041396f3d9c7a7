# Generated from vrooli_data/_async/repositories/__init__.py by tools/unasync.py. Do not edit.
"""The repositories of a database, a connection or a transaction.

Each is imported when it is first used: reading all folders of queries takes longer than importing
everything else of the package.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ..repository import Executor

if TYPE_CHECKING:
    from .bookmarks import BookmarkRepository
    from .chats import ChatRepository
    from .counters import CounterRepository
    from .events import EventRepository
    from .members import MemberRepository
    from .resources import ResourceRepository
    from .runs import RunRepository
    from .teams import TeamRepository
    from .users import UserRepository


class Repositories(Executor):
    """An executor with one repository per aggregate of the package."""

    @cached_property
    def users(self) -> UserRepository:
        """Users (sql/users)."""
        from .users import UserRepository

        return UserRepository(self)

    @cached_property
    def resources(self) -> ResourceRepository:
        """Resources with their versions and translations (sql/resources)."""
        from .resources import ResourceRepository

        return ResourceRepository(self)

    @cached_property
    def runs(self) -> RunRepository:
        """Runs with their steps and values (sql/runs)."""
        from .runs import RunRepository

        return RunRepository(self)

    @cached_property
    def teams(self) -> TeamRepository:
        """Teams (sql/teams)."""
        from .teams import TeamRepository

        return TeamRepository(self)

    @cached_property
    def members(self) -> MemberRepository:
        """Members of teams (sql/members)."""
        from .members import MemberRepository

        return MemberRepository(self)

    @cached_property
    def chats(self) -> ChatRepository:
        """Chats and their participants (sql/chats)."""
        from .chats import ChatRepository

        return ChatRepository(self)

    @cached_property
    def bookmarks(self) -> BookmarkRepository:
        """Bookmarks of resources by users (sql/bookmarks)."""
        from .bookmarks import BookmarkRepository

        return BookmarkRepository(self)

    @cached_property
    def events(self) -> EventRepository:
        """Events of changes (sql/events)."""
        from .events import EventRepository

        return EventRepository(self)

    @cached_property
    def counters(self) -> CounterRepository:
        """Counters of rows (sql/counters)."""
        from .counters import CounterRepository

        return CounterRepository(self)
