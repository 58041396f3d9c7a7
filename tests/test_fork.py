"""Processes that fork, as servers of web applications do."""

from __future__ import annotations

import os
import signal
import time

from tests.proxy import Way, open_proxy
from vrooli_data import CommitUnknown, CreateUser, Database

#: Seconds after which a child that hangs is ended.
_PATIENCE = 10


def test_deadlines_are_kept_in_a_process_that_was_forked(database_url: str) -> None:
    with Database.connect(database_url) as db:
        # From here on the parent has a thread for its deadlines, and a child has none.
        db.transact(lambda tx: tx.users.create(CreateUser(name="Ada")))
    with open_proxy(database_url) as proxy:
        proxy.fail_at_commit(b"silent", Way.SILENT)
        proxy.fail_at(b"find_outcome", Way.SILENT)
        child = os.fork()
        if child == 0:
            signal.alarm(_PATIENCE)
            os._exit(_commit_in_silence(proxy.url))
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def _commit_in_silence(url: str) -> int:
    started = time.monotonic()
    try:
        with Database.connect(url, commit_timeout=0.3) as db:
            db.transact(lambda tx: tx.users.create(CreateUser(name="silent")))
    except CommitUnknown:
        return 0 if time.monotonic() - started < _PATIENCE / 2 else 1
    return 2
