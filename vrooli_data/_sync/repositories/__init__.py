# Generated from vrooli_data/_async/repositories/__init__.py by tools/unasync.py. Do not edit.
"""The repositories of a database, a connection or a transaction."""

from __future__ import annotations

from ..repository import Executor
from ..session import Runner
from .bookmarks import BookmarkRepository
from .chats import ChatRepository
from .events import EventRepository
from .members import MemberRepository
from .resources import ResourceRepository
from .runs import RunRepository
from .teams import TeamRepository
from .users import UserRepository


class Repositories(Executor):
    """An executor with one repository per aggregate of the package."""

    def __init__(self, runner: Runner) -> None:
        super().__init__(runner)
        self.users = UserRepository(self)
        self.resources = ResourceRepository(self)
        self.runs = RunRepository(self)
        self.teams = TeamRepository(self)
        self.members = MemberRepository(self)
        self.chats = ChatRepository(self)
        self.bookmarks = BookmarkRepository(self)
        self.events = EventRepository(self)
