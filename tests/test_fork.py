"""Processes that fork, as servers of web applications do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.proxy import Way, open_proxy
from vrooli_data import CommitUnknown, CreateUser, Database

#: Seconds after which a child that hangs is ended.
_PATIENCE = 60


@pytest.mark.parametrize(
    "program",
    [
        "fork_sync",
        "fork_async",
        pytest.param("fork_kinds", marks=pytest.mark.slow("kinds of processes")),
    ],
)
def test_a_child_is_refused_and_its_parents_connections_are_left_alone(
    database_url: str, program: str
) -> None:
    # In processes of their own, since a child that ends in order would end the tests as well.
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", f"tests.programs.{program}"],
        env=os.environ | {"DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_database_that_was_not_opened_yet_serves_the_child(database_url: str) -> None:
    db = Database.connect(database_url, max_size=1)
    child = os.fork()
    if child == 0:
        signal.alarm(_PATIENCE)
        with db:
            os._exit(0 if db.users.find_by_id(1) is None else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    with db:
        assert db.users.find_by_id(1) is None


def test_deadlines_are_kept_in_a_process_that_was_forked(database_url: str) -> None:
    with Database.connect(database_url) as db:
        # What the parent has waited for with a limit holds no child up.
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
