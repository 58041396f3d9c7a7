"""Rows for every listing: how one is made, with a given id and sort key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from tests.factories import Factory

TIMES = [datetime(2026, 1, 1, microsecond=n, tzinfo=UTC) for n in (0, 1, 999_999)]
#: So few that most rows tie.
KEYS: dict[str | None, list[Any]] = {
    None: [None],
    "created_at": TIMES,
    "updated_at": TIMES,
    "parked_at": TIMES,
    "score": [-(2**63), -1, 0, 2**63 - 1],
    "bookmarks": [0, 1],
    "views": [0, 1, 2**63 - 1],
}

#: Makes a row of an id and a sort key, which is listed or is not.
Insert: TypeAlias = Callable[[Factory, int, dict[str, Any], bool], object]


class Listing(NamedTuple):
    """Where the rows of a listing come from."""

    arguments: dict[str, Any]
    table: str
    insert: Insert


def resources(order_by: str) -> Listing:
    return Listing(
        {"resource_type": "Note", "order_by": order_by},
        "resources",
        lambda make, id, key, listed: make.resource(
            id=id, resource_type="Note", is_private=not listed, **key
        ),
    )


def add_version(make: Factory, id: int, key: dict[str, Any], listed: bool) -> None:
    resource_id = make.resource() if not listed else 1
    make.version(resource_id, version_index=id)
    # No resource points at it, so that it can go.
    make.connection.execute("UPDATE resources SET latest_version_id = NULL")


def add_run(make: Factory, id: int, key: dict[str, Any], listed: bool) -> None:
    status = ("Paused", "Failed")[id % 2] if listed else "Scheduled"
    make.run(id % 3 // 2 + 1, id=id, status=status, **key)


def add_run_of_user(make: Factory, id: int, key: dict[str, Any], listed: bool) -> None:
    make.run(1 if listed else 2, id=id, status=("Paused", "Failed")[id % 2], **key)


def add_participant(make: Factory, id: int, key: dict[str, Any], listed: bool) -> None:
    make.user(id=id)
    make.participant(1 if listed else 2, id, **key)


def add_chat(make: Factory, id: int, key: dict[str, Any], listed: bool) -> None:
    make.chat(id=id)
    make.participant(id, 1 if listed else 2, **key)


def add_member(make: Factory, id: int, key: dict[str, Any], listed: bool) -> None:
    make.user(id=id)
    make.member(1 if listed else 2, id, **key)


def add_membership(make: Factory, id: int, key: dict[str, Any], listed: bool) -> None:
    make.team(id=id)
    make.member(id, 1 if listed else 2, **key)


def add_bookmark(make: Factory, id: int, key: dict[str, Any], listed: bool) -> None:
    make.resource(id=id)
    make.bookmark(1 if listed else 2, id, **key)


def add_parked(make: Factory, id: int, key: dict[str, Any], listed: bool) -> None:
    make.event(1, seq=id, **(key if listed else {}))


def resources_of(user: str, *, hidden: dict[str, Any]) -> Listing:
    return Listing(
        {user: 1},
        "resources",
        lambda make, id, key, listed: make.resource(
            id=id, **({"created_by_id": 1} | ({} if listed else hidden) | key)
        ),
    )


#: The last has no rows.
STATUSES = ["Paused", "Failed", "Cancelled"]
#: The rows with the ids 1 and 2 are there already; no listing shows them.
SOURCES = {
    "bookmarks.list_by_user__created_at": Listing({"user_id": 1}, "bookmarks", add_bookmark),
    "chats.find_by_user__id": Listing({"user_id": 1}, "chats", add_chat),
    "chats.find_many__created_at": Listing(
        {}, "chats", lambda make, id, key, listed: make.chat(id=id, is_private=not listed, **key)
    ),
    "chats.find_participants__user_id": Listing(
        {"chat_id": 1}, "chat_participants", add_participant
    ),
    "members.find_by_team__user_id": Listing({"team_id": 1}, "members", add_member),
    "members.find_by_user__created_at": Listing({"user_id": 1}, "members", add_membership),
    "events.list_parked__parked_at": Listing({}, "change_events", add_parked),
    "resources.find_by_creator__created_at": resources_of(
        "created_by_id", hidden={"is_private": True}
    ),
    "resources.find_own__created_at": resources_of("user_id", hidden={"is_deleted": True}),
    "resources.find_many__created_at": Listing(
        {"resource_types": ["Api", "Note"]},
        "resources",
        lambda make, id, key, listed: make.resource(
            id=id, resource_type=("Note", "Api")[id % 2], is_private=not listed, **key
        ),
    ),
    **{
        f"resources.find_by_type__{order_by}": resources(order_by)
        for order_by in ("created_at", "updated_at", "score", "bookmarks", "views")
    },
    "resources.find_versions__version_index": Listing(
        {"resource_id": 1},
        "resource_versions",
        add_version,
    ),
    "runs.find_by_status__created_at": Listing({"statuses": STATUSES}, "runs", add_run),
    "runs.find_by_status__of_user__created_at": Listing(
        {"statuses": STATUSES, "user_id": 1}, "runs", add_run_of_user
    ),
    "runs.find_by_user__created_at": Listing({"user_id": 1}, "runs", add_run_of_user),
    "teams.find_many__created_at": Listing(
        {}, "teams", lambda make, id, key, listed: make.team(id=id, is_private=not listed, **key)
    ),
    "users.find_many__created_at": Listing(
        {}, "users", lambda make, id, key, listed: make.user(id=id, is_private=not listed, **key)
    ),
}
