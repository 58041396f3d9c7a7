"""Write rows as an Arrow IPC file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from types import ModuleType
from typing import Any, BinaryIO, get_args, get_origin

import msgspec

from .._rows import record_fields
from ..errors import InvalidInput, MissingExtra
from ._lines import Write, Writer

#: A batch of the file ends behind so many rows or bytes of JSON.
_BATCH_ROWS = 2_000
_BATCH_BYTES = 4 * 2**20


def check_arrow(*, compress: bool) -> ModuleType:
    """Return pyarrow, or refuse what does not go with it."""
    if compress:
        raise InvalidInput("compress", "does not go with Arrow, which has its own compression")
    try:
        return import_module("pyarrow")
    except ModuleNotFoundError:
        raise MissingExtra("Arrow needs pyarrow: pip install 'vrooli-data[arrow]'") from None


def arrow_writer(record: type[Any], *, compress: bool) -> Writer:
    """Return what writes batches of columns; nested records become lists of structs."""
    return _Arrow(check_arrow(compress=compress), record).write_to


class _Arrow:
    def __init__(self, pyarrow: Any, record: type[Any]) -> None:
        self._pyarrow = pyarrow
        self._schema = pyarrow.schema(self._fields(record))

    @contextmanager
    def write_to(self, opened: BinaryIO) -> Iterator[Write]:
        """Write a batch whenever one is full."""
        ipc = self._pyarrow.ipc
        options = ipc.IpcWriteOptions(compression="zstd")
        waiting: list[dict[str, Any]] = []
        size = 0

        with ipc.new_file(_Counted(opened), self._schema, options=options) as file:

            def flush() -> None:
                nonlocal size
                file.write_batch(
                    self._pyarrow.RecordBatch.from_pylist(waiting, schema=self._schema)
                )
                waiting.clear()
                size = 0

            def write(row: Any) -> None:
                nonlocal size
                values = _plain(row)
                waiting.append(values)
                size += _size(values)
                if len(waiting) == _BATCH_ROWS or size > _BATCH_BYTES:
                    flush()

            yield write
            if waiting:
                flush()

    def _fields(self, record: type[Any]) -> list[Any]:
        return [
            self._pyarrow.field(
                field.name, self._type(field.type), nullable=_is_optional(field.type)
            )
            for field in record_fields(record)
        ]

    def _type(self, annotation: Any) -> Any:
        """Return the type of a column; JSON of any shape is text."""
        if _is_optional(annotation):
            (annotation,) = (part for part in get_args(annotation) if part is not type(None))
        if get_origin(annotation) is list:
            (item,) = get_args(annotation)
            return self._pyarrow.list_(
                self._pyarrow.field("item", self._type(item), nullable=False)
            )
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            return self._pyarrow.struct(self._fields(annotation))
        if annotation is datetime:
            return self._pyarrow.timestamp("us", tz="UTC")
        return {bool: self._pyarrow.bool_(), int: self._pyarrow.int64()}.get(
            annotation, self._pyarrow.string()
        )


class _Counted:
    """Counts the bytes of a stream that has no position, such as a pipe."""

    closed = False

    def __init__(self, opened: BinaryIO) -> None:
        self._opened = opened
        self._written = 0

    def write(self, data: bytes) -> int:
        """Write, and count."""
        self._opened.write(data)
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        """Return the number of written bytes."""
        return self._written

    def flush(self) -> None:
        """Flush the stream."""
        self._opened.flush()


def _is_optional(annotation: Any) -> bool:
    return type(None) in get_args(annotation)


def _plain(value: Any) -> Any:
    """Return a record as a dict, with the text of its JSON."""
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return bytes(value).decode() if isinstance(value, msgspec.Raw) else value


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    if isinstance(value, list):
        return sum(map(_size, value))
    return len(value) if isinstance(value, str) else 8
