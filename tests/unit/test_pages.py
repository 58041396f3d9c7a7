"""Cursors: what they carry, and what is refused."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrooli_data import InvalidCursor, Member, Page, Resource
from vrooli_data._binding import own_queries
from vrooli_data._pages import Direction, Listing, Position, Selection, _checksum

RESOURCES = own_queries("resources")
SCORES = RESOURCES.listing("find_by_type__score", Resource, key="score")
VIEWS = RESOURCES.listing("find_by_type__views", Resource, key="views")
TIMES = RESOURCES.listing("find_by_type__created_at", Resource, key="created_at")
TEAM = own_queries("members").listing("find_by_team__user_id", Member, tie="user_id")
MEMBERSHIPS = own_queries("members").listing(
    "find_by_user__created_at", Member, key="created_at", tie="team_id"
)
QUERY = RESOURCES.bind("find_by_id", Resource)
SALT = SCORES.select(("Note",), {}, None, 1).salt
CURSOR = SCORES.cursor(Position("after", (7, 42)), SALT)

EDGES = (
    None,
    -(2**63),
    2**63 - 1,
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
)
bigints = st.integers(-(2**63), 2**63 - 1)
times = st.datetimes(timezones=st.just(UTC))
directions: st.SearchStrategy[Direction] = st.sampled_from(("after", "before"))


@given(directions, bigints, bigints)
def test_a_cursor_returns_its_position(direction: Direction, key: int, id: int) -> None:
    position = Position(direction, (key, id))
    assert SCORES.parse(SCORES.cursor(position, SALT), SALT) == position


@given(directions, times, bigints)
def test_a_cursor_of_a_time_returns_it_to_the_microsecond(
    direction: Direction, key: datetime, id: int
) -> None:
    position = Position(direction, (key, id))
    assert TIMES.parse(TIMES.cursor(position, SALT), SALT) == position


@given(directions, bigints)
def test_a_cursor_of_an_order_by_id_alone_returns_it(direction: Direction, id: int) -> None:
    position = Position(direction, (id,))
    assert TEAM.parse(TEAM.cursor(position, SALT), SALT) == position


def test_a_cursor_of_the_first_page_leads_there() -> None:
    assert SCORES.parse(SCORES.cursor(None, SALT), SALT) is None


@given(bigints, bigints, st.integers(0), st.integers(1, 255))
def test_a_changed_byte_is_noticed(key: int, id: int, where: int, change: int) -> None:
    raw = bytearray(urlsafe_b64decode(SCORES.cursor(Position("after", (key, id)), SALT)))
    raw[where % len(raw)] ^= change
    with pytest.raises(InvalidCursor):
        SCORES.parse(urlsafe_b64encode(raw).decode(), SALT)


@given(st.text())
def test_what_was_never_a_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor) as caught:
        SCORES.parse(cursor, SALT)
    # The method is named, and what its queries are called is not.
    assert str(caught.value).startswith(
        "cursor: damaged, or not issued by resources.find_by_type for these arguments: "
    )


@pytest.mark.parametrize("cursor", [5, b"x", True, ["x"]])
def test_what_is_no_text_is_refused_as_such(cursor: object) -> None:
    with pytest.raises(InvalidCursor, match=f"must be a str, not {type(cursor).__name__}"):
        SCORES.parse(cursor, SALT)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        CURSOR[:-1],
        CURSOR[:-4],
        CURSOR + "A",
        CURSOR + "====",
        " " + CURSOR,
        CURSOR + "\n",
        CURSOR.replace(CURSOR[5], "é"),
        CURSOR * 20,
    ],
)
def test_another_spelling_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        SCORES.parse(cursor, SALT)


def test_a_cursor_of_another_listing_is_refused() -> None:
    with pytest.raises(InvalidCursor, match="for these arguments"):
        VIEWS.select(("Note",), {}, CURSOR, 1)
    with pytest.raises(InvalidCursor):
        TIMES.select(("Note",), {}, CURSOR, 1)
    assert SCORES.select(("Note",), {}, CURSOR, 1).position == Position("after", (7, 42))


def test_a_cursor_of_other_filters_is_refused() -> None:
    with pytest.raises(InvalidCursor, match="for these arguments"):
        SCORES.select(("Api",), {}, CURSOR, 1)


def test_a_key_of_another_type_is_refused() -> None:
    time = datetime(2026, 1, 1, tzinfo=UTC)
    for listing, place in (
        (TIMES, (7, 42)),
        (SCORES, (time, 42)),
        (SCORES, (None, 42)),
        (SCORES, (42,)),
        (TEAM, (7, 42)),
    ):
        with pytest.raises(InvalidCursor):
            listing.parse(listing.cursor(Position("after", place), SALT), SALT)


def forged(payload: bytes) -> str:
    """Return a cursor whose checksum is right, whatever it holds."""
    body = b"\x02" + payload
    return urlsafe_b64encode(body + _checksum(body, SALT)).decode()


hostile = st.one_of(
    bigints | times | st.none(),
    st.floats(),
    st.integers(-(2**64), 2**64),
    st.booleans(),
    st.text(max_size=20),
    st.sampled_from(
        ("2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59")
    ),
    # A time of msgpack's, at any second and nanosecond.
    st.binary(min_size=12, max_size=12).map(lambda time: msgspec.msgpack.Ext(-1, time)),
)
payloads = st.one_of(
    st.binary(max_size=40),
    st.tuples(st.sampled_from(("after", "before", "beside")), hostile, hostile)
    .filter(lambda each: all(type(part) is not int or -(2**63) <= part < 2**64 for part in each))
    .map(msgspec.msgpack.encode),
)


@pytest.mark.parametrize("listing", [SCORES, TIMES, TEAM, MEMBERSHIPS], ids=lambda each: each.name)
@given(payload=payloads, edge=st.sampled_from((-(2**63), 0, 2**63 - 1)), direction=directions)
def test_a_forged_cursor_is_refused_or_leads_to_pages_whose_cursors_are_taken(
    listing: Listing[Any], payload: bytes, edge: int, direction: Direction
) -> None:
    places = [
        place
        for key in EDGES
        for place in ((direction, edge), (direction, key, edge), (direction, edge, key))
    ]
    for cursor in (forged(payload), *map(forged, map(msgspec.msgpack.encode, places))):
        try:
            position = listing.parse(cursor, SALT)
        except InvalidCursor:
            continue
        page = listing.page([], Selection(QUERY, (), position, 1, SALT))
        if position is None:
            assert page == Page([], None, None)
            continue
        beside = listing.parse(page.next_cursor or page.previous_cursor, SALT)
        # The first page, where no integer lies beside the one that is left out.
        assert beside is None or beside.place[-1] in range(-(2**63), 2**63)


def test_a_page_continues_after_the_fields_of_its_order() -> None:
    member = Member(3, 5, False, {}, datetime(2026, 1, 1, tzinfo=UTC), datetime.now(UTC))
    for listing, place in ((TEAM, (5,)), (MEMBERSHIPS, (member.created_at, 3))):
        page = listing.page([member, member], listing.select((1,), {}, None, 1))
        onward = listing.select((1,), {}, page.next_cursor, 20)
        assert onward.query.name == f"{listing.name}_after"
        assert onward.parameters == (1, *place, 21)


def test_a_page_is_gone_through_and_counted_as_its_items_are() -> None:
    page = Page([3, 1, 2], "next", None)
    assert list(page) == page.items
    assert [number for number in page if number > 1] == [3, 2]
    assert len(page) == 3
    assert not Page([], None, None)
    first, *_ = page
    assert first == 3


def test_a_page_is_a_record_like_any_other() -> None:
    page = Page([1], None, "before")
    text = msgspec.json.encode(page)
    assert text == b'{"items":[1],"next_cursor":null,"previous_cursor":"before"}'
    assert msgspec.json.decode(text, type=Page[int]) == page


def test_a_cursor_is_safe_in_a_url_and_short() -> None:
    time = datetime(9999, 12, 31, 1, 2, 3, 4, UTC)
    longest = TIMES.cursor(Position("before", (time, 2**63 - 1)), SALT)
    assert len(longest) <= 64
    assert set(longest) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")
