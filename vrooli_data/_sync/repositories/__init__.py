# Generated from vrooli_data/_async/repositories/__init__.py by tools/unasync.py. Do not edit.
"""The repositories that hang off a database, off a connection and off a transaction."""

from __future__ import annotations

from ..session import Runner
from .bookmarks import BookmarkRepository
from .chats import ChatRepository
from .members import MemberRepository
from .resources import ResourceRepository
from .runs import RunRepository
from .teams import TeamRepository
from .users import UserRepository


class Repositories:
    """One repository for each aggregate, on one runner."""

    def __init__(self, runner: Runner) -> None:
        self.users = UserRepository(runner)
        self.resources = ResourceRepository(runner)
        self.runs = RunRepository(runner)
        self.teams = TeamRepository(runner)
        self.members = MemberRepository(runner)
        self.chats = ChatRepository(runner)
        self.bookmarks = BookmarkRepository(runner)
