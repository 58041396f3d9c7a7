"""The reads that the demo shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias, get_args

from ... import ResourceOrder, ResourceType
from ..._sync.repositories import Repositories
from ._subjects import Subjects

Call: TypeAlias = Callable[[Repositories], Any]

_PAGE = 20


class Pattern(NamedTuple):
    """One call, with its label."""

    label: str
    call: Call
    #: The call as Python, if the demo shows its record.
    example: str | None = None


def users(of: Subjects) -> Iterator[Pattern]:
    """Yield the patterns of users."""
    yield Pattern("find_by_id", lambda db: db.users.find_by_id(of.user_id))
    yield Pattern("find_by_public_id", lambda db: db.users.find_by_public_id(of.user_public_id))
    yield Pattern("find_by_email", lambda db: db.users.find_by_email(of.email))
    yield Pattern("find_by_handle", lambda db: db.users.find_by_handle(of.handle))
    yield Pattern(
        "find_with_teams",
        lambda db: db.users.find_with_teams(of.user_public_id),
        f'db.users.find_with_teams("{of.user_public_id}")',
    )


def resources(of: Subjects, db: Repositories) -> Iterator[Pattern]:
    """Yield the patterns of resources. The cursors come from pages of *db*."""
    yield Pattern("find_by_id", lambda db: db.resources.find_by_id(of.resource_id))
    yield Pattern(
        "find_by_public_id", lambda db: db.resources.find_by_public_id(of.resource_public_id)
    )
    yield Pattern(
        "find_with_latest_version",
        lambda db: db.resources.find_with_latest_version(of.resource_public_id),
        f'db.resources.find_with_latest_version("{of.resource_public_id}")',
    )
    yield Pattern("find_trending", lambda db: db.resources.find_trending(days=30, limit=_PAGE))
    for order in get_args(ResourceOrder):
        yield from _pages(of.resource_type, order, db)


def runs(of: Subjects) -> Iterator[Pattern]:
    """Yield the patterns of runs."""
    yield Pattern(
        "find_with_details",
        lambda db: db.runs.find_with_details(of.run_id),
        f"db.runs.find_with_details({of.run_id})",
    )
    yield Pattern("get_execution_stats", lambda db: db.runs.get_execution_stats())
    yield Pattern(
        "get_execution_stats, user_id",
        lambda db: db.runs.get_execution_stats(user_id=of.run_user_id),
    )


def _pages(kind: ResourceType, order: ResourceOrder, db: Repositories) -> Iterator[Pattern]:
    def page(cursor: str | None) -> Call:
        return lambda db: db.resources.find_by_type(
            kind, order_by=order, cursor=cursor, limit=_PAGE
        )

    first = page(None)
    yield Pattern(f"find_by_type, {order}", first)
    onward = first(db).next_cursor
    if onward is None:
        return
    yield Pattern("  the page after", page(onward))
    yield Pattern("  the page before", page(page(onward)(db).previous_cursor))
