"""Records of transactions and of the server that ran them."""

from __future__ import annotations

from typing import Literal

import msgspec


class TransactionStatus(msgspec.Struct, frozen=True, gc=False):
    """The status of a transaction."""

    #: None when the transaction is too old for the server to know.
    status: Literal["in progress", "committed", "aborted"] | None
    #: Eight hexadecimal digits; it differs from that at BEGIN on another server.
    timeline: str


class ServerRun(msgspec.Struct, frozen=True):
    """One run of one server: from its start to its end, or to its next crash."""

    system_identifier: int
    timeline: int
    #: Seconds since 1970. A server that crashed and recovered by itself keeps it.
    started: str
    #: Seconds since 1970. A crash and a reset of the statistics set it; a clean shutdown does not.
    stats_reset: str
    #: The position of the latest checkpoint; recovery from a crash ends with a checkpoint.
    checkpoint_lsn: str
    #: The ids of the server's own processes; a crash replaces all of them.
    processes: list[int]
