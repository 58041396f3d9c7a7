"""Read a file line by line, plain or gzip, and say clearly why it cannot be read."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from ..errors import InvalidFile

_GZIP = b"\x1f\x8b"
#: A longer line is no resource; it would only fill the memory.
MAX_LINE = 16 * 2**20


@contextmanager
def read_lines(file: Path) -> Iterator[Iterator[bytes]]:
    """Open *file* and hand out its lines; a file without lines is refused."""
    try:
        opened = file.open("rb")
    except OSError as error:
        raise InvalidFile(f"{file}: cannot be read: {error.strerror}") from None
    with opened:
        yield _lines(file, opened)


def _lines(file: Path, opened: BufferedReader) -> Iterator[bytes]:
    number = 0
    try:
        packed = opened.peek(len(_GZIP)).startswith(_GZIP)
        source = BufferedReader(gzip.GzipFile(fileobj=opened)) if packed else opened
        while line := source.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                raise InvalidFile(
                    f"{file}:{number}: the line has more than {MAX_LINE} bytes", line=number
                )
            # Some editors begin UTF-8 with a mark.
            yield line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
    except EOFError:
        problem = "the gzip data ends too early: the file was cut short"
        raise InvalidFile(f"{file}:{number + 1}: {problem}", line=number + 1) from None
    except (gzip.BadGzipFile, zlib.error):
        problem = "the gzip data is damaged"
        raise InvalidFile(f"{file}:{number + 1}: {problem}", line=number + 1) from None
    except OSError as error:
        raise InvalidFile(f"{file}: cannot be read: {error.strerror}") from None
    if number == 0:
        raise InvalidFile(f"{file}: is empty")
