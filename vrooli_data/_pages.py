"""Pages of keyset listings and the cursors between them. No I/O."""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from types import NoneType
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

import msgspec

from ._queries import Query, query
from .errors import InvalidCursor

R = TypeVar("R")

_VERSION = b"\x01"
_CHECKSUM_SIZE = 4
#: Between the alphabet of base64 and the one that a URL holds as it is.
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
#: No cursor that was made here is longer, so a longer one is not even decoded.
_MAX_LENGTH = 128

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_BigInt: TypeAlias = Annotated[int, msgspec.Meta(ge=_LOWEST, le=_HIGHEST)]
_Time: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
Direction: TypeAlias = Literal["after", "before"]


class Page(msgspec.Struct, Generic[R], frozen=True):
    """One page of a listing; the cursors lead to its neighbours."""

    items: list[R]
    #: None on the last page.
    next_cursor: str | None
    #: None on the first page.
    previous_cursor: str | None

    def __iter__(self) -> Iterator[R]:
        """Go through the items."""
        return iter(self.items)

    def __len__(self) -> int:
        """Count the items; a page without any is false, as a list is."""
        return len(self.items)

    @property
    def has_next_page(self) -> bool:
        """Tell whether a page follows."""
        return self.next_cursor is not None


class Position(NamedTuple):
    """A place in a listing: the page lies after or before this sort key and id."""

    direction: Direction
    #: None where the id alone makes the order.
    key: Any
    id: int


class _Payload(msgspec.Struct, array_like=True):
    """What a cursor holds."""

    direction: Direction
    key: _BigInt | _Time | None
    id: _BigInt


_decode = msgspec.msgpack.Decoder(_Payload).decode
_encode = msgspec.msgpack.Encoder().encode


def _spelled(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL).decode("ascii")


class Listing(Generic[R]):
    """One order of a listing: its three queries, and the cursors that belong to it alone.

    The order is descending, by the field *key* and then by the field *tie*, an id that is unique
    among the rows of the listing; without a key, by *tie* alone.
    """

    def __init__(self, name: str, key: str | None, record: type[R], *, tie: str = "id") -> None:
        self.name = name
        # The checksum covers the name, so a cursor serves its own listing only.
        self._salt = zlib.crc32(name.encode())
        self._key = key
        self._key_type = _type_of(key)
        self._tie = tie
        self._first = query(name, record)
        self._onward = {
            "after": query(f"{name}_after", record),
            "before": query(f"{name}_before", record),
        }

    def select(
        self, filters: tuple[Any, ...], cursor: str | None, limit: int
    ) -> tuple[Query[R], tuple[Any, ...], Position | None]:
        """Choose the query of a page and its parameters; one row more tells of a next page."""
        if cursor is None:
            return self._first, (*filters, limit + 1), None
        position = self.parse(cursor)
        place = (position.id,) if self._key is None else (position.key, position.id)
        return self._onward[position.direction], (*filters, *place, limit + 1), position

    def page(self, rows: list[R], position: Position | None, limit: int) -> Page[R]:
        """Cut the rows that `select`'s query returned to a page with its cursors."""
        more = len(rows) > limit
        items = rows[:limit]
        if position is None or position.direction == "after":
            has_next, has_previous = more, position is not None
        else:
            items.reverse()
            has_next, has_previous = True, more
        return Page(
            items,
            self._next_cursor(items, position) if has_next else None,
            self._previous_cursor(items, position) if has_previous else None,
        )

    def parse(self, cursor: object) -> Position:
        """Read a cursor that this listing made, or raise `InvalidCursor`."""
        if not isinstance(cursor, str):
            raise InvalidCursor(f"must be a str, not {type(cursor).__name__}")
        if len(cursor) > _MAX_LENGTH:
            raise self._refusal()
        try:
            raw = binascii.a2b_base64(cursor.encode("ascii").translate(_FROM_URL))
            body, checksum = raw[:-_CHECKSUM_SIZE], raw[-_CHECKSUM_SIZE:]
            if self._checksum(body) != checksum or body[:1] != _VERSION:
                raise self._refusal()
            payload = _decode(body[1:])
            position = Position(payload.direction, payload.key, payload.id)
            # Written again, because other spellings of the same position can be read as well:
            # base64 ends in bits that mean nothing, and a time may be text in any zone.
            if not isinstance(position.key, self._key_type) or self.cursor(position) != cursor:
                raise self._refusal()
        except (ValueError, binascii.Error, msgspec.DecodeError, OverflowError):
            raise self._refusal() from None
        return position

    def cursor(self, position: Position) -> str:
        """Write the cursor of a position."""
        body = _VERSION + _encode(tuple(position))
        return _spelled(body + self._checksum(body))

    def _checksum(self, body: bytes) -> bytes:
        return zlib.crc32(body, self._salt).to_bytes(_CHECKSUM_SIZE, "big")

    def _refusal(self) -> InvalidCursor:
        method, *_ = self.name.split("__")
        return InvalidCursor(
            f"is damaged, or is none that {method} gave for these arguments: pass those that the "
            "cursor was made with, or begin with the first page"
        )

    def _next_cursor(self, items: list[R], position: Position | None) -> str | None:
        if items:
            return self.cursor(self._position("after", items[-1]))
        # Nothing is left before the row of the cursor: the next page begins with that row.
        return self._beside(position, "after", 1)

    def _previous_cursor(self, items: list[R], position: Position | None) -> str | None:
        if items:
            return self.cursor(self._position("before", items[0]))
        return self._beside(position, "before", -1)

    def _beside(self, position: Position | None, direction: Direction, step: int) -> str | None:
        """Write a cursor whose page includes the row that *position* leaves out."""
        if position is None:
            return None
        # No id lies beyond the lowest and the highest, which a forged cursor may hold.
        beside = min(max(position.id + step, _LOWEST), _HIGHEST)
        return self.cursor(Position(direction, position.key, beside))

    def _position(self, direction: Direction, item: R) -> Position:
        key = None if self._key is None else getattr(item, self._key)
        return Position(direction, key, getattr(item, self._tie))


def _type_of(key: str | None) -> type:
    if key is None:
        return NoneType
    return datetime if key.endswith("_at") else int


def listings(method: str, keys: Iterable[str], record: type[R]) -> dict[str, Listing[R]]:
    """Bind each order of a listing method to its queries, ``<method>__<order>``."""
    return {key: Listing(f"{method}__{key}", key, record) for key in keys}
