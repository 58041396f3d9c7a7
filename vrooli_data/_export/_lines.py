"""Write rows as lines of JSON."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import msgspec

#: Takes one row.
Write: TypeAlias = Callable[[Any], object]
#: Begins to write to an opened file, and ends what it has written there.
Writer: TypeAlias = Callable[[BinaryIO], AbstractContextManager[Write]]

_ENCODER = msgspec.json.Encoder()


def is_packed(target: Path | BinaryIO, *, compress: bool | None) -> bool:
    """Return whether to write gzip: *compress*, or whether the name of the file ends in .gz."""
    if compress is None:
        return isinstance(target, Path) and target.suffix == ".gz"
    return compress


def line_writer(*, compress: bool) -> Writer:
    """Return a writer of one line per row."""
    return _packed_lines if compress else _lines


@contextmanager
def _lines(opened: BinaryIO | gzip.GzipFile) -> Iterator[Write]:
    def write(row: Any) -> None:
        opened.write(_ENCODER.encode(row))
        opened.write(b"\n")

    yield write


@contextmanager
def _packed_lines(opened: BinaryIO) -> Iterator[Write]:
    # The same rows make the same file: no name and no time is in it.
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=opened, mtime=0) as packed,
        _lines(packed) as write,
    ):
        yield write
