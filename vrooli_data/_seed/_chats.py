"""Chats and their participants."""

from __future__ import annotations

from collections.abc import Iterator

from .._copying import jsonb
from ._chance import Draw, between, happens, pick, spread
from ._rows import ChatRow, ParticipantRow
from ._table import Table, seed_copy
from ._world import World

_CHATS = seed_copy("chats", ChatRow)
_CHAT_PARTICIPANTS = seed_copy("chat_participants", ParticipantRow)


_CONFIGS = (jsonb(b"{}"), jsonb('{"topic": "Γενικά 💬", "pinned": []}'.encode()))
#: Numbers of other participants, by how many of a hundred chats have them.
_OTHERS = spread({0: 10, 1: 55, 2: 20, 5: 10, 12: 5})


def tables(world: World) -> Iterator[Table]:
    """Return chats and participants."""
    yield Table(_CHATS, world.chats, _chats(world))
    yield Table(_CHAT_PARTICIPANTS, None, _participants(world))


def _chats(world: World) -> Iterator[ChatRow]:
    draw = world.draws("chats")
    creators = world.draws("creators")
    public_id = world.public_ids("chats")
    for id in range(1, world.chats + 1):
        created_at = _created_at(world, id)
        # Only teams that exist by then: teams and chats grow at the same rate.
        teams = max(1, int((id - 1) / world.chats * world.teams))
        yield ChatRow(
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


def _participants(world: World) -> Iterator[ParticipantRow]:
    draw = world.draws("chat_participants")
    creators = world.draws("creators")
    for chat_id in range(1, world.chats + 1):
        creator = _creator(world, creators, chat_id)
        others = {
            world.user(draw, (chat_id - 1) / world.chats) for _ in range(pick(draw, _OTHERS))
        } - {creator}
        created_at = _created_at(world, chat_id)
        for user_id in (creator, *sorted(others)):
            yield ParticipantRow(chat_id, user_id, happens(draw, 0.25), created_at)


def _created_at(world: World, chat_id: int) -> int:
    return world.timeline.at((chat_id - 1) / world.chats)


def _creator(world: World, draw: Draw, chat_id: int) -> int:
    """Draw who opened a chat; a new stream gives the same users in the same order."""
    return world.user(draw, (chat_id - 1) / world.chats)
