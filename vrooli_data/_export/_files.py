"""Write a file that appears only when it is complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import InvalidFile


@contextmanager
def whole_file(target: Path | BinaryIO) -> Iterator[BinaryIO]:
    """Open a file that gets its name at the end of the block; a stream is written directly."""
    if not isinstance(target, Path):
        yield target
        target.flush()
        return
    try:
        # The target of a link is replaced, and the link stays.
        place = target.resolve()
        if place.exists() and not place.is_file():
            # A device or a pipe has no other name.
            with place.open("wb") as opened:
                yield opened
            return
        part = place.with_name(f".{place.name}.{os.getpid()}.part")
        with part.open("xb") as opened:
            try:
                yield opened
                opened.flush()
                os.fsync(opened.fileno())
                part.replace(place)
            except BaseException:
                part.unlink()
                raise
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InvalidFile(f"{target}: cannot be written: {error.strerror}") from None
