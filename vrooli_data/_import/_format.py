"""A format of lines: how one is decoded, and what loads the rows that are staged of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from .._loading import Load


class Format(NamedTuple):
    """One format of the lines of one kind."""

    load: Load[Any]
    #: Returns what is staged of a line, or raises `WrongLine`.
    stage: Callable[[bytes], msgspec.Struct]
