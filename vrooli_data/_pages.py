"""Pages of keyset listings, and their cursors. No I/O."""

from __future__ import annotations

import binascii
import types
import zlib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import (
    Annotated,
    Any,
    Final,
    Generic,
    Literal,
    NamedTuple,
    ParamSpec,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
)
from uuid import UUID

import msgspec

from ._bound import Query, arranged, record_type
from ._queries import Source
from .errors import InvalidCursor, InvalidUse

P = ParamSpec("P")
R = TypeVar("R")

_VERSION = b"\x02"
_CHECKSUM_SIZE = 4
#: Between the alphabet of base64 and the one that URLs contain unescaped.
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
#: The longest cursor that is read or written. The keys of an index are much shorter.
_MAX_LENGTH = 2**16

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_BigInt: TypeAlias = Annotated[int, msgspec.Meta(ge=_LOWEST, le=_HIGHEST)]
#: How each type of a key is read from a cursor.
_KEYS: Final[dict[Any, Any]] = {
    kind: kind for kind in (bool, date, datetime, Decimal, float, str, UUID)
} | {int: _BigInt}
#: Digits after the point of PostgreSQL's numeric, which psycopg returns without an exponent.
_MAX_SCALE = 16_383
Direction: TypeAlias = Literal["after", "before"]
_DIRECTIONS = get_args(Direction)


class Page(msgspec.Struct, Generic[R], frozen=True):
    """One page of a listing, with the cursors of the next and the previous page."""

    items: list[R]
    #: None on the last page.
    next_cursor: str | None
    #: None on the first page.
    previous_cursor: str | None

    def __iter__(self) -> Iterator[R]:
        """Iterate over the items."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return the number of items; an empty page is false, as a list is."""
        return len(self.items)

    @property
    def has_next_page(self) -> bool:
        """Whether there is a next page."""
        return self.next_cursor is not None


class Position(NamedTuple):
    """A place in a listing: the page after or before the row with these sort keys."""

    direction: Direction
    #: The values of the fields of the order.
    place: tuple[Any, ...]


class ListingQuery(Query[P, R]):
    """A query of a listing; its last parameter is the number of rows."""

    __slots__ = ()


class Batch(NamedTuple, Generic[R]):
    """The query of one batch of an iteration, and its parameters."""

    query: Query[..., R]
    parameters: tuple[Any, ...]


class Selection(NamedTuple, Generic[R]):
    """The query of one page, and the data for its cursors."""

    query: Query[..., R]
    parameters: tuple[Any, ...]
    #: None for the first page.
    position: Position | None
    limit: int
    #: The checksums of the cursors include it, so that a cursor fits one listing and its filters.
    salt: int


class Listing(Generic[R]):
    """The queries of a listing in one order, and its cursors."""

    def __init__(  # noqa: PLR0917 (`Queries.listing` has them as keywords)
        self,
        first: Source,
        after: Source,
        before: Source | None,
        record: type[R],
        key: str | None,
        ties: tuple[str, ...],
        *,
        ascending: bool,
    ) -> None:
        self.name = first.name
        #: The fields of the order.
        self.fields = ties if key is None else (key, *ties)
        #: Their types.
        self.types = tuple(_key_type(self.name, record, field) for field in self.fields)
        # A forged cursor may contain a value of these types that the server refuses.
        self._may_be_forged = not {str, Decimal}.isdisjoint(self.types)
        self._place_of = attrgetter(*self.fields)
        self._filters = first.parameters[:-1]
        self._first: Query[..., R] = ListingQuery(first, record)
        self._onward: dict[str, Query[..., R]] = {"after": ListingQuery(after, record)}
        if before is not None:
            self._onward["before"] = ListingQuery(before, record)
        for direction, query in self._onward.items():
            self._check_parameters(query, direction, first.parameters)
        self._salt = zlib.crc32(self.name.encode())
        self._decode = msgspec.msgpack.Decoder(
            tuple[(Direction, *(_KEYS[kind] for kind in self.types))]  # type: ignore[misc]  # known only at run time
        ).decode
        #: From the last integer of a position to that of the row after it.
        self._step = -1 if ascending else 1

    @property
    def queries(self) -> tuple[Query[..., R], ...]:
        """The queries of the first page, and of the pages after and before a row."""
        return (self._first, *self._onward.values())

    def filters(self, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """Return the filters in the order of the name line."""
        if (
            named
            or len(given) != len(self._filters)
            or (given and isinstance(given[0], msgspec.Struct))
        ):
            return arranged(self.name, self._filters, given, named)
        return given

    def batch(self, filters: tuple[Any, ...], last: R | None, size: int) -> Batch[R]:
        """Return the query of the rows after *last*, or of the first rows if it is None."""
        if last is None:
            return Batch(self._first, (*filters, size))
        return Batch(self._onward["after"], (*filters, *self._place(last), size))

    def select(
        self, filters: tuple[Any, ...], named: dict[str, Any], cursor: str | None, limit: int
    ) -> Selection[R]:
        """Return the query of a page; it reads one row more, which shows whether pages follow."""
        if "before" not in self._onward:
            raise InvalidUse(f"{self.name} has no query {self.name}_before, which pages need")
        filters = self.filters(filters, named)
        salt = zlib.crc32(repr(filters).encode(), self._salt)
        position = None if cursor is None else self.parse(cursor, salt)
        if position is None:
            return Selection(self._first, (*filters, limit + 1), None, limit, salt)
        parameters = (*filters, *position.place, limit + 1)
        return Selection(self._onward[position.direction], parameters, position, limit, salt)

    def page(self, rows: list[R], selection: Selection[R]) -> Page[R]:
        """Make a page with its cursors of the rows that the query of `select` returned."""
        _, _, position, limit, salt = selection
        more = len(rows) > limit
        items = rows[:limit]
        if position is None or position.direction == "after":
            has_next, has_previous = more, position is not None
        else:
            items.reverse()
            has_next, has_previous = True, more
        return Page(
            items,
            self._neighbour("after", items, position, salt) if has_next else None,
            self._neighbour("before", items, position, salt) if has_previous else None,
        )

    def parse(self, cursor: object, salt: int) -> Position | None:
        """Return the position of a cursor, None for the first page, or raise `InvalidCursor`."""
        if not isinstance(cursor, str):
            raise InvalidCursor(f"must be a str, not {type(cursor).__name__}")
        if len(cursor) > _MAX_LENGTH:
            raise self._refusal()
        try:
            raw = binascii.a2b_base64(cursor.encode("ascii").translate(_FROM_URL))
            body, checksum = raw[:-_CHECKSUM_SIZE], raw[-_CHECKSUM_SIZE:]
            if _checksum(body, salt) != checksum or body[:1] != _VERSION:
                raise self._refusal()
            position = self._position(body[1:])
            # The cursor must be exactly as `cursor` writes it. Other texts have the same position:
            # base64 ends in bits without a meaning, and a time may be in any zone.
            if self.cursor(position, salt) != cursor:
                raise self._refusal()
        except (ValueError, binascii.Error, msgspec.DecodeError, OverflowError):
            raise self._refusal() from None
        return position

    def cursor(self, position: Position | None, salt: int) -> str:
        """Return the cursor of a position, or of the first page for None."""
        body = _VERSION
        if position is not None:
            body += _encode((position.direction, *position.place))
        raw = body + _checksum(body, salt)
        return binascii.b2a_base64(raw, newline=False).translate(_TO_URL).decode("ascii")

    def _position(self, payload: bytes) -> Position | None:
        if not payload:
            return None
        direction, *place = self._decode(payload)
        if self._may_be_forged and not all(map(_is_storable, place)):
            raise self._refusal()
        return Position(direction, tuple(place))

    def _refusal(self) -> InvalidCursor:
        method, *_ = self.name.split("__")
        return InvalidCursor(
            f"damaged, or not issued by {method} for these arguments: pass the arguments that the "
            "cursor was made with, or start with the first page"
        )

    def _neighbour(
        self, direction: Direction, items: list[R], position: Position | None, salt: int
    ) -> str:
        """Return the cursor of the page after, or before, one with these items."""
        if items:
            item = items[-1 if direction == "after" else 0]
            cursor = self.cursor(Position(direction, self._place(item)), salt)
            if len(cursor) > _MAX_LENGTH:
                names = ", ".join(self.fields)
                raise InvalidUse(f"{self.name}: {names} of a row are too long for a cursor")
            return cursor
        # The page is empty, so the next one starts, or the previous one ends, at the position.
        return self.cursor(None if position is None else self._beside(position, direction), salt)

    def _place(self, item: R) -> tuple[Any, ...]:
        """Return the values of the fields of the order of a row."""
        return self._place_of(item) if len(self.fields) > 1 else (self._place_of(item),)

    def _beside(self, position: Position, direction: Direction) -> Position | None:
        """Return the position of a page that includes the row of *position*.

        None, which is the first page, if the last field is not an integer or has no next integer.
        """
        *place, last = position.place
        if type(last) is not int:
            return None
        beside = last + (self._step if direction == "after" else -self._step)
        # There are no rows beyond the lowest and the highest integer.
        return Position(direction, (*place, beside)) if _LOWEST <= beside <= _HIGHEST else None

    def _check_parameters(
        self, query: Query[..., R], direction: str, first: tuple[str, ...]
    ) -> None:
        wanted = (*first[:-1], *(f"{direction}_{field}" for field in self.fields), *first[-1:])
        if query.parameters != wanted:
            raise InvalidUse(
                f"{query.name} takes ({', '.join(query.parameters)}); as a query of {self.name} it "
                f"has to take ({', '.join(wanted)})"
            )


_encode: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode


def _checksum(body: bytes, salt: int) -> bytes:
    return zlib.crc32(body, salt).to_bytes(_CHECKSUM_SIZE, "big")


def _key_type(listing: str, record: type[Any], field: str) -> Any:
    """Return the type of a field of an order, or refuse a field that cannot order rows."""
    annotation = record_type(record, field)
    kind = annotation
    if get_origin(annotation) is Literal:
        # A closed set of texts, or of numbers.
        kinds = {type(value) for value in get_args(annotation)}
        kind = kinds.pop() if len(kinds) == 1 else annotation
    if kind in _KEYS:
        return kind
    problem = f"has the type {annotation}, which has no order"
    if annotation is None:
        problem = "does not exist"
    elif get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation):
        problem = "can be None: a page cannot start at NULL"
    raise InvalidUse(f"{listing}: {record.__name__}.{field} {problem}")


def _is_storable(value: Any) -> bool:
    """Return whether PostgreSQL can store a value of a cursor."""
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return exponent in ("n", "F") or (
            isinstance(exponent, int) and -_MAX_SCALE <= exponent <= 0
        )
    return True
