"""One problem of one query, before its place is known. No I/O."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """What is wrong, and how to fix it."""

    #: A key of `findings.CODES`.
    code: str
    what: str
    fix: str
