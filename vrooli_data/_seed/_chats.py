"""Chats and who takes part in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._bulk import JSONB, TIMESTAMPTZ, jsonb
from ._chance import Draw, between, happens, pick, spread
from ._table import Table
from ._world import World

_COPY_CHATS = """
/* vrooli_data:seed */
COPY chats (
    id, public_id, team_id, creator_id, is_private, open_to_anyone_with_invite, config, revision,
    created_at, updated_at
) FROM STDIN (FORMAT binary)
"""
_CHAT_TYPES = (
    *("int8", "text", "int8", "int8", "bool", "bool", JSONB, "int4", TIMESTAMPTZ, TIMESTAMPTZ),
)
_COPY_PARTICIPANTS = """
/* vrooli_data:seed */
COPY chat_participants (chat_id, user_id, has_unread, created_at) FROM STDIN (FORMAT binary)
"""
_PARTICIPANT_TYPES = ("int8", "int8", "bool", TIMESTAMPTZ)

_CONFIGS = (jsonb(b"{}"), jsonb('{"topic": "Γενικά 💬", "pinned": []}'.encode()))
#: Of a hundred chats: how many others take part.
_OTHERS = spread({0: 10, 1: 55, 2: 20, 5: 10, 12: 5})


def tables(world: World) -> Iterator[Table]:
    """Return chats and participants."""
    yield Table("chats", world.chats, _COPY_CHATS, _CHAT_TYPES, _chats(world))
    yield Table(
        "chat_participants", None, _COPY_PARTICIPANTS, _PARTICIPANT_TYPES, _participants(world)
    )


def _chats(world: World) -> Iterator[tuple[Any, ...]]:
    draw = world.draws("chats")
    creators = world.draws("creators")
    public_id = world.public_ids("chats")
    for id in range(1, world.chats + 1):
        created_at = _created_at(world, id)
        # The teams that are there; teams and chats grew alike.
        teams = max(1, int((id - 1) / world.chats * world.teams))
        yield (
            id,
            public_id(id),
            1 + int(draw() * teams) if happens(draw, 0.3) else None,
            _creator(world, creators, id),
            happens(draw, 0.7),
            happens(draw, 0.1),
            pick(draw, _CONFIGS),
            int(draw() ** 4 * 5),
            created_at,
            between(draw, created_at, world.timeline.end),
        )


def _participants(world: World) -> Iterator[tuple[Any, ...]]:
    draw = world.draws("chat_participants")
    creators = world.draws("creators")
    for chat_id in range(1, world.chats + 1):
        creator = _creator(world, creators, chat_id)
        others = {
            world.user(draw, (chat_id - 1) / world.chats) for _ in range(pick(draw, _OTHERS))
        } - {creator}
        created_at = _created_at(world, chat_id)
        for user_id in (creator, *sorted(others)):
            yield chat_id, user_id, happens(draw, 0.25), created_at


def _created_at(world: World, chat_id: int) -> int:
    return world.timeline.at((chat_id - 1) / world.chats)


def _creator(world: World, draw: Draw, chat_id: int) -> int:
    """Draw who opened a chat; asked again in the same order, the stream gives the same users."""
    return world.user(draw, (chat_id - 1) / world.chats)
