"""The repositories of a database, a connection or a transaction."""

from __future__ import annotations

from ..repository import AsyncExecutor
from ..session import AsyncRunner
from .bookmarks import AsyncBookmarkRepository
from .chats import AsyncChatRepository
from .events import AsyncEventRepository
from .members import AsyncMemberRepository
from .resources import AsyncResourceRepository
from .runs import AsyncRunRepository
from .teams import AsyncTeamRepository
from .users import AsyncUserRepository


class AsyncRepositories(AsyncExecutor):
    """An executor with one repository per aggregate of the package."""

    def __init__(self, runner: AsyncRunner) -> None:
        super().__init__(runner)
        self.users = AsyncUserRepository(self)
        self.resources = AsyncResourceRepository(self)
        self.runs = AsyncRunRepository(self)
        self.teams = AsyncTeamRepository(self)
        self.members = AsyncMemberRepository(self)
        self.chats = AsyncChatRepository(self)
        self.bookmarks = AsyncBookmarkRepository(self)
        self.events = AsyncEventRepository(self)
