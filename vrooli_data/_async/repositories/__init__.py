"""The repositories that hang off a database, off a connection and off a transaction."""

from __future__ import annotations

from ..session import AsyncRunner
from .bookmarks import AsyncBookmarkRepository
from .chats import AsyncChatRepository
from .members import AsyncMemberRepository
from .resources import AsyncResourceRepository
from .runs import AsyncRunRepository
from .teams import AsyncTeamRepository
from .users import AsyncUserRepository


class AsyncRepositories:
    """One repository for each aggregate, on one runner."""

    def __init__(self, runner: AsyncRunner) -> None:
        self.users = AsyncUserRepository(runner)
        self.resources = AsyncResourceRepository(runner)
        self.runs = AsyncRunRepository(runner)
        self.teams = AsyncTeamRepository(runner)
        self.members = AsyncMemberRepository(runner)
        self.chats = AsyncChatRepository(runner)
        self.bookmarks = AsyncBookmarkRepository(runner)
