"""What a single check says of one query; where it stands is added later. No I/O."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """What is wrong and how to mend it."""

    #: A key of `findings.CODES`.
    code: str
    what: str
    mend: str
