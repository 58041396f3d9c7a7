"""Processes made as servers and workers make them, from one that has used its database."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from types import FrameType

import pytest

from vrooli_data import CreateUser, Database, InvalidUse

db = Database.connect(min_size=2, max_size=4)
WORKERS = 3


def refuse_and_connect(name: str) -> None:
    """Find the parent's database refused, and write through one's own."""
    with pytest.raises(InvalidUse, match="connect after the fork"):
        db.users.create(CreateUser(name="Lost"))
    connect_and_write(name)


def connect_and_write(name: str) -> None:
    """Write through a database of this process."""
    with Database.connect(max_size=1) as own:
        own.users.create(CreateUser(name=name))


def under_multiprocessing() -> None:
    """Start one process of each kind, and a pool of them."""
    fork = multiprocessing.get_context("fork")
    server = multiprocessing.get_context("forkserver")
    for process in (
        fork.Process(target=refuse_and_connect, args=("fork",)),
        server.Process(target=connect_and_write, args=("forkserver",)),
    ):
        process.start()
        process.join()
        assert process.exitcode == 0
    with fork.Pool(WORKERS) as pool:
        pool.map(refuse_and_connect, ["pool"] * WORKERS)
        pool.close()
        pool.join()
    with pytest.raises(InvalidUse, match="in each process"):
        pickle.dumps(db)


def under_a_preloading_master() -> None:
    """Fork workers that inherit the database, serve, and are told to end, as Gunicorn does."""
    serving = [os.pipe() for _ in range(WORKERS)]
    workers = []
    for _, ready in serving:
        worker = os.fork()
        if worker == 0:
            signal.signal(signal.SIGTERM, end)
            refuse_and_connect("worker")
            os.write(ready, b".")
            signal.pause()
        workers.append(worker)
    for wait_for, _ in serving:
        os.read(wait_for, 1)
    for worker in workers:
        os.kill(worker, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == 0


def end(number: int, frame: FrameType | None) -> None:
    """End in order, through everything that runs at an exit."""
    sys.exit()


def beside_busy_threads() -> None:
    """Fork again and again while other threads are anywhere in the pool."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while not stop.is_set():
                db.users.find_by_id(1)
                db.transact(lambda tx: tx.users.find_by_id(1))
        except BaseException as error:  # noqa: BLE001 (told by the main thread)
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        child = os.fork()
        if child == 0:
            with pytest.raises(InvalidUse, match="connect after the fork"):
                db.users.find_by_id(1)
            sys.exit()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures, failures


if __name__ == "__main__":
    with db:
        db.users.create(CreateUser(name="parent"))
        under_multiprocessing()
        under_a_preloading_master()
        beside_busy_threads()
        assert sorted(user.name for user in db.users.find_many().items) == sorted(
            ["parent", "fork", "forkserver", *["pool"] * WORKERS, *["worker"] * WORKERS]
        )
