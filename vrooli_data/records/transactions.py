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


class ServerRun(msgspec.Struct, frozen=True):
    """One run of one server: from its start to its end, or to its next crash."""

    system_identifier: int
    timeline: int
    #: Seconds since 1970. A server that crashed and recovered by itself keeps it.
    started: str
    #: Seconds since 1970. Every crash sets it anew, and so does whoever resets statistics; a server
    #: that was stopped in good order keeps it.
    statistics_since: str
    #: Where the log's latest checkpoint is; recovery from a crash ends with one.
    checkpoint_lsn: str
    #: The server's own processes; all of them are new after a crash.
    processes: list[int]
