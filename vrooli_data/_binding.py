"""The queries of a folder, bound to their results. No I/O but reading the files."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeGuard, TypeVar, get_origin, get_type_hints, overload
from uuid import UUID

import msgspec

from ._bound import Command, Query, Scalar, record_type
from ._copying import Copy
from ._loading import ROW_INDEX, FailedRow, Load, LoadedRows
from ._pages import Listing
from ._queries import Source, load_folder, sql_folder
from ._rows import is_plain
from .errors import InvalidFile, InvalidUse

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=msgspec.Struct)

#: The name of a folder is part of the tag of a statement, which is a comment in SQL.
_FOLDER = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)
#: The method of `Queries` that binds a query, by the character after its parameters.
_BINDERS = {"": "bind", "^": "bind", "$": "scalar", "!": "command"}
#: The types of keys that JSON returns unchanged.
_KEY_TYPES = (int, str, UUID)


class Queries:
    """The queries of one folder; its methods bind a query to the result that it returns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sources = load_folder(folder)

    @overload
    def bind(
        self, name: str, record: type[R], *, many: str | None = None, key: str = ""
    ) -> Query[..., R]: ...

    @overload
    def bind(
        self,
        name: str,
        record: type[R],
        *,
        takes: type[S],
        many: str | None = None,
        key: str = "",
    ) -> Query[[S], R]: ...

    @overload
    def bind(
        self,
        name: str,
        record: type[R],
        *,
        takes: Callable[P, object],
        many: str | None = None,
        key: str = "",
    ) -> Query[P, R]: ...

    def bind(
        self,
        name: str,
        record: type[R],
        *,
        takes: Callable[..., object] | None = None,
        many: str | None = None,
        key: str = "",
    ) -> Query[..., R]:
        """Bind a query to the record of its rows.

        The fields of the record are the columns, in their order. The first result is compared with
        them. Raises `InvalidFile` if the folder has no such query, and `InvalidUse` if the query
        does not fit the arguments.

        Args:
            name: the name of the query, without the folder.
            record: a msgspec struct class.
            takes: the parameters, for a type checker: a struct class with these fields, or a
                function with these parameters.
            many: the name of a query that takes a JSON array of keys. Calls in the same turn of an
                event loop share its statement.
            key: with *many*: the field that equals the parameter.
        """
        source = self._source(name, "bind")
        _check_record(source.name, record)
        _check_takes(source, takes)
        if many is None:
            return Query(source, record)
        others = self._source(many, "bind")
        for each in (source, others):
            if len(each.parameters) != 1 or each.header["Locks"] != "none":
                raise InvalidUse(f"{each.name}: many goes with queries that only read, by one key")
        if record_type(record, key) not in _KEY_TYPES:
            raise InvalidUse(
                f"{source.name}: many goes with a key, a field of {record.__name__} that is an "
                "int, a str or a UUID"
            )
        return Query(source, record, many=Query(others, record), key=key)

    @overload
    def scalar(self, name: str, type: type[R]) -> Scalar[..., R]: ...

    @overload
    def scalar(self, name: str, type: type[R], *, takes: type[S]) -> Scalar[[S], R]: ...

    @overload
    def scalar(self, name: str, type: type[R], *, takes: Callable[P, object]) -> Scalar[P, R]: ...

    def scalar(
        self, name: str, type: type[R], *, takes: Callable[..., object] | None = None
    ) -> Scalar[..., R]:
        """Bind a query of one value, ``$``, to the type of the value; see `bind`."""
        source = self._source(name, "scalar")
        _check_takes(source, takes)
        if not (is_plain(type) or _is_struct(type) or get_origin(type) in (list, dict)):
            raise InvalidUse(f"{source.name}: a value cannot be read as {type!r}")
        return Scalar(source, type)

    @overload
    def command(self, name: str) -> Command[...]: ...

    @overload
    def command(self, name: str, *, takes: type[S]) -> Command[[S]]: ...

    @overload
    def command(self, name: str, *, takes: Callable[P, object]) -> Command[P]: ...

    def command(self, name: str, *, takes: Callable[..., object] | None = None) -> Command[...]:
        """Bind a query that returns no rows, ``!``; see `bind`."""
        source = self._source(name, "command")
        _check_takes(source, takes)
        return Command(source)

    def listing(
        self,
        name: str,
        record: type[R],
        *,
        key: str | None = None,
        tie: str | tuple[str, ...] = "id",
        ascending: bool = False,
    ) -> Listing[R]:
        """Bind the three queries of a keyset listing, or the two of one that is only iterated.

        The query *name* returns the first rows. ``<name>_after`` and ``<name>_before`` return the
        rows after and before a row, nearest first. Each takes the filters, then the fields of that
        row as ``after_<field>`` or ``before_<field>``, then the number of rows. Without
        ``<name>_before`` there are no pages. Raises `InvalidFile` if one of the others is absent,
        and `InvalidUse` if one takes other parameters, or if a field of the order can be None or
        has a type without an order.

        Args:
            name: the name of the query of the first page, without the folder.
            record: a msgspec struct class.
            key: the first field of the order; None if *tie* alone makes the order.
            tie: the other fields of the order. They are unique in the listing.
            ascending: whether the last field of *tie* ascends.
        """
        first, after = (self._source(f"{name}{which}", "bind") for which in ("", "_after"))
        is_paged = f"{first.name}_before" in self._sources
        before = self._source(f"{name}_before", "bind") if is_paged else None
        _check_record(first.name, record)
        ties = (tie,) if isinstance(tie, str) else tuple(tie)
        return Listing(first, after, before, record, key, ties, ascending=ascending)

    def copy(self, name: str, row: type[S]) -> Copy[S]:
        """Bind a `COPY ... FROM STDIN` to a struct; its fields are the columns, in their order."""
        return Copy(self._source(name, "command"), row)

    def load(self, name: str, row: type[S]) -> Load[S]:
        """Bind the queries of a bulk load to the struct of the rows that it stages.

        Their names are *name* and ``__stage``, ``__copy``, ``__insert`` and ``__drop``. The queries
        ``__failures`` and ``__update`` are optional. See docs/bulk.md.
        """
        full = f"{self.folder.name}.{name}"
        failures, update = f"{name}__failures", f"{name}__update"
        return Load(
            full,
            self.command(f"{name}__stage"),
            Copy(self._source(f"{name}__copy", "command"), row, before=(ROW_INDEX,)),
            self.bind(failures, FailedRow) if f"{full}__failures" in self._sources else None,
            self.bind(f"{name}__insert", LoadedRows),
            self.bind(update, LoadedRows) if f"{full}__update" in self._sources else None,
            self.command(f"{name}__drop"),
        )

    def __repr__(self) -> str:
        """Name the folder."""
        return f"<{type(self).__name__} {self.folder}>"

    def _source(self, name: str, binder: str) -> Source:
        source = self._sources.get(f"{self.folder.name}.{name}")
        if source is None:
            raise InvalidFile(f"{self.folder}: there is no query {name}")
        if _BINDERS[source.suffix] != binder:
            raise InvalidUse(
                f"{source.name} has {source.suffix or 'nothing'} behind the parameters of its name "
                f"line: bind it by `{_BINDERS[source.suffix]}`"
            )
        return source


def queries(folder: str | Path) -> Queries:
    """Read the queries of a folder of ``.sql`` files.

    The name of the folder is the first part of their names: ``comments.find_by_id``. Raises
    `InvalidFile`, with file and line, if one cannot be read.
    """
    path = Path(folder)
    if not path.is_dir():
        raise InvalidFile(f"{path}: there is no such folder")
    if not _FOLDER.fullmatch(path.name):
        raise InvalidFile(f"{path}: the name of a folder of queries is letters, digits, _ and -")
    if not any(path.glob("*.sql")):
        raise InvalidFile(f"{path}: there is no .sql file in it")
    return Queries(path)


def own_queries(aggregate: str) -> Queries:
    """Return the package's own queries of one folder."""
    return queries(sql_folder() / aggregate)


def _check_record(query: str, record: object) -> None:
    kind = get_origin(record) or record
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        raise InvalidUse(f"{query}: a record is a msgspec.Struct, not {record!r}")


def _check_takes(source: Source, takes: Callable[..., object] | None) -> None:
    """Refuse *takes* unless it has each parameter of the query, once and in the order."""
    if takes is None:
        return
    taken = list(_taken(takes))
    names = [name for name, _ in taken]
    in_order = tuple(name for name, is_positional in taken if is_positional)
    if sorted(names) != sorted(source.parameters) or (
        in_order != source.parameters[: len(in_order)]
    ):
        raise InvalidUse(
            f"{source.name} takes ({', '.join(source.parameters)}); `takes` has other parameters, "
            f"or another order: ({', '.join(names)})"
        )


def _taken(takes: Callable[..., object]) -> Iterator[tuple[str, bool]]:
    """Yield the name of each parameter of a function, and whether it is positional.

    A struct is replaced by its fields.
    """
    if _is_struct(takes):
        yield from ((name, False) for name in takes.__struct_fields__)
        return
    hints = get_type_hints(takes)
    for name, parameter in inspect.signature(takes).parameters.items():
        kind = hints.get(name)
        if parameter.default is not parameter.empty:
            raise InvalidUse(f"`takes` has a default for {name}: a query's parameters have none")
        if _is_struct(kind):
            yield from ((field, False) for field in kind.__struct_fields__)
        else:
            yield name, parameter.kind is not parameter.KEYWORD_ONLY


def _is_struct(kind: object) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
