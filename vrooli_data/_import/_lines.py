"""Read the lines of a file or a stream, plain or gzip; an error says why they cannot be read."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from ..errors import InvalidFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Bytes of a line, with its end: JSON of the longest that the layer stores has room in it.
MAX_LINE: Final = 32 * 2**20
#: Bytes that are kept of a longer line.
KEPT: Final = 1000
_GZIP: Final = b"\x1f\x8b"
_BLOCK: Final = 2**16


class Line(NamedTuple):
    """One line of a file."""

    #: From 1.
    number: int
    #: Without its end.
    text: bytes
    #: Whether the line is longer than `MAX_LINE`, and this is its beginning.
    is_cut: bool


@contextmanager
def read_lines(source: Path | BinaryIO) -> Iterator[Iterator[Line]]:
    """Open a file, or take an open stream, and yield its lines."""
    if not isinstance(source, Path):
        yield _lines(name_of(source), source)
        return
    try:
        opened = source.open("rb")
    except OSError as error:
        raise InvalidFile(f"{source}: cannot be read: {error.strerror}") from None
    with opened:
        yield _lines(name_of(source), opened)


def name_of(source: Path | BinaryIO) -> str:
    """Return what error messages call a file."""
    return str(source if isinstance(source, Path) else getattr(source, "name", "stream"))


def _lines(name: str, opened: BinaryIO) -> Iterator[Line]:
    number = 0
    try:
        source = _unpacked(opened)
        while text := source.readline(MAX_LINE + 1):
            number += 1
            is_cut = len(text) > MAX_LINE
            if is_cut:
                rest = text
                while rest and not rest.endswith(b"\n"):
                    rest = source.readline(_BLOCK)
                text = text[:KEPT]
            if number == 1:
                # Some editors begin UTF-8 with a mark.
                text = text.removeprefix(codecs.BOM_UTF8)
            yield Line(number, text.rstrip(b"\r\n"), is_cut)
    except EOFError:
        problem = "the gzip data ends too early: the file was cut short"
        raise InvalidFile(f"{name}:{number + 1}: {problem}", line=number + 1) from None
    except (gzip.BadGzipFile, zlib.error):
        problem = "the gzip data is damaged"
        raise InvalidFile(f"{name}:{number + 1}: {problem}", line=number + 1) from None
    except OSError as error:
        raise InvalidFile(f"{name}: cannot be read: {error.strerror}") from None


def _unpacked(opened: BinaryIO) -> BinaryIO:
    """Return what reads a stream, and unpacks it where it is gzip."""
    # `peek` of a pipe returns what one write has sent, which may be a single byte.
    head = opened.read(len(_GZIP))
    plain = BufferedReader(_Joined(head, opened), _BLOCK)
    if head == _GZIP:
        return BufferedReader(gzip.GzipFile(fileobj=plain), _BLOCK)
    return plain


class _Joined(RawIOBase):
    """The beginning of a stream, and the rest of it."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        # What came through a pipe is handed on; it waits for no whole block.
        self._read_rest = getattr(rest, "read1", rest.read)

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read some bytes; 0 at the end."""
        wanted = memoryview(buffer)
        some = self._head or self._read_rest(len(wanted))
        self._head = b""
        wanted[: len(some)] = some
        return len(some)
