"""A format of lines: decodes a line, and names the queries that load the staged rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from .._loading import Load


class Format(NamedTuple):
    """One format of the lines of one kind."""

    load: Load[Any]
    #: Returns the row that is staged for a line, or raises `WrongLine`.
    stage: Callable[[bytes], msgspec.Struct]
