"""Records of what the server says of a transaction."""

from __future__ import annotations

from typing import Literal

import msgspec


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of a transaction."""

    #: None when the server has forgotten so old a transaction.
    status: Literal["in progress", "committed", "aborted"] | None
    #: Eight hexadecimal digits; another one than at BEGIN means another server.
    timeline: str
