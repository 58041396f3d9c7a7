"""Signal handlers raise at any line: no transaction stays open, and no connection is lost.

A tracer raises at one line of the layer after the other. It does not raise in psycopg_pool, which
can lose a connection between two steps of its own, nor between the body of a `with` block and its
end, where CPython handles no signal.
"""

from __future__ import annotations

import asyncio
import linecache
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from psycopg import Connection, OperationalError
from psycopg_pool import PoolTimeout

import vrooli_data
from tests._sync._compat import PATIENCE, until, until_waiting
from tests._sync.horizon import HAS_LOOKED
from tests._sync.whole_pool import check_whole
from tests.factories import Factory
from vrooli_data import (
    AsyncDatabase,
    AsyncTransaction,
    CommitUnknown,
    CreateEvent,
    CreateUser,
    Database,
    ViewBuffer,
    VrooliDataError,
)
from vrooli_data._sync._compat import WaitingClient
from vrooli_data._sync.connection import LendingConnection
from vrooli_data._transactions import COMMITTED, NOT_COMMITTED

PACKAGE = str(Path(vrooli_data.__file__).parent)
#: The rooms in which connections are taken and given back, and transactions begin and end.
ROOMS = (
    "_compat.py",
    "_execution.py",
    "_opening.py",
    "connection.py",
    "database.py",
    "held.py",
    "pool.py",
    "retrying.py",
    "session.py",
    "transaction.py",
)


class Stop(BaseException):
    """The exception of a handler."""


class Late(Exception):
    """An `Exception` of a handler, such as the soft time limit of Celery."""


def ends_block(frame: FrameType) -> bool:
    """Return whether a frame is at the end of a `with` block, which has its first line."""
    code, line = frame.f_code, frame.f_lineno
    if not linecache.getline(code.co_filename, line).lstrip().startswith("with "):
        return False
    return frame.f_lasti != min(start for start, _, each in code.co_lines() if each == line)


class Tracer:
    """Raises at one line of the layer, counted from the first."""

    def __init__(
        self,
        number: int,
        error: type[BaseException],
        rooms: tuple[str, ...] = ROOMS,
        *,
        folder: str = PACKAGE,
    ) -> None:
        self.left = number
        self.place = ""
        self._error = error
        self._rooms = rooms
        self._folder = folder

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        """Raise if this is the chosen line."""
        name = frame.f_code.co_filename
        if not name.startswith(self._folder) or not name.endswith(self._rooms):
            return None
        # The first line of a function comes twice: as its call, and as a line.
        if event == "line" and not ends_block(frame):
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                self.place = f"{Path(name).name}:{frame.f_lineno} {frame.f_code.co_name}"
                raise self._error(self.place)
        return self


@pytest.fixture
def on_alarm() -> Iterator[None]:
    """Let a timer raise at the current line of the program."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Late

    before = signal.signal(signal.SIGALRM, stop)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@contextmanager
def traced(tracer: Tracer) -> Iterator[None]:
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        yield
    finally:
        sys.settrace(before)


def names(admin: Connection[Any]) -> list[str]:
    return [name for (name,) in admin.execute("SELECT name FROM users ORDER BY name")]


def read(db: Database) -> None:
    db.users.find_by_id(1)


def write(db: Database) -> None:
    db.users.create(CreateUser(name="Ada"))


def write_in_block(db: Database) -> None:
    with db.transaction() as tx:
        tx.users.create(CreateUser(name="Ada"))


def write_in_attempts(db: Database) -> None:
    db.transact(lambda tx: tx.users.create(CreateUser(name="Ada")), timeout=60)


def write_behind_savepoint(db: Database) -> None:
    with db.transaction() as tx, tx.savepoint():
        tx.users.create(CreateUser(name="Ada"))


def undo(db: Database) -> None:
    with pytest.raises(ZeroDivisionError), db.transaction() as tx:
        tx.users.create(CreateUser(name="Lost"))
        raise ZeroDivisionError


def hold(db: Database) -> None:
    with db.connection() as held:
        held.users.create(CreateUser(name="Ada"))


def hold_and_delete(db: Database) -> None:
    with db.connection() as held:
        held.users.delete(2**62)


def lend(db: Database) -> None:
    with db.connection() as held:
        held.connection.execute("SET statement_timeout = 12345")
        held.users.find_by_id(1)


def lend_in_transaction(db: Database) -> None:
    with db.transaction(timeout=60) as tx:
        tx.connection.execute("INSERT INTO users (public_id, name) VALUES ('ada000000000', 'Ada')")


def several(db: Database) -> None:
    db.users.delete(2**62)


def wait_until_a_thread_waits(db: Database, *, unless: threading.Event) -> None:
    while not db.pool_stats()["requests_waiting"] and not unless.wait(0.001):
        pass


def wait_for_another(db: Database) -> None:
    """Wait for the pool's only connection, which another thread returns."""
    is_taken, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        with db.connection():
            is_taken.set()
            wait_until_a_thread_waits(db, unless=is_over)

    other = threading.Thread(target=hold)
    other.start()
    is_taken.wait()
    try:
        db.users.find_by_id(1)
    finally:
        is_over.set()
        other.join()


def serve_another(db: Database) -> None:
    """Return the pool's only connection, for which another thread waits."""
    found: list[bool] = []

    def use() -> None:
        with db.transaction() as tx:
            found.append(tx.users.find_by_id(1) is None and tx.users.find_by_id(2) is None)

    other = threading.Thread(target=use)
    try:
        with db.connection():
            other.start()
            wait_until_a_thread_waits(db, unless=threading.Event())
    finally:
        if other.ident is not None:
            other.join()
            assert found == [True]


WRITERS = (
    write,
    write_in_block,
    write_in_attempts,
    write_behind_savepoint,
    hold,
    lend_in_transaction,
)


@pytest.mark.slow("an exception at any line")
@pytest.mark.parametrize(
    "work",
    [
        read,
        write,
        write_in_block,
        write_in_attempts,
        write_behind_savepoint,
        undo,
        hold,
        hold_and_delete,
        lend,
        lend_in_transaction,
        several,
        wait_for_another,
        serve_another,
    ],
)
def test_an_exception_at_any_line_loses_no_connection_and_reports_the_true_outcome(
    database_url: str,
    admin: Connection[Any],
    work: Callable[[Database], None],
) -> None:
    with Database.connect(database_url, max_size=1, timeout=10.0) as db:
        work(db)
        admin.execute("TRUNCATE users CASCADE")
        number = 0
        while True:
            number += 1
            # Half are ordinary exceptions, as a soft time limit is.
            tracer = Tracer(number, Stop if number % 2 else Late)
            raised: BaseException | None = None
            try:
                with traced(tracer):
                    work(db)
            except BaseException as caught:  # noqa: BLE001 (the tracer's, or what took its place)
                raised = caught
            if not tracer.place:
                break
            # While the exception is handled, as its handler may use the database.
            check(db, admin, raised, tracer.place, ["Ada"] if work in WRITERS else [])
            admin.execute("TRUNCATE users CASCADE")
        assert raised is None
        assert number > 20


def check(
    db: Database,
    admin: Connection[Any],
    raised: BaseException | None,
    place: str,
    committed: list[str],
) -> None:
    written = names(admin)
    assert "Lost" not in written, place
    notes = getattr(raised, "__notes__", [])
    if NOT_COMMITTED in notes:
        assert written == [], (place, raised)
    elif COMMITTED in notes:
        assert written == committed, (place, raised)
    elif isinstance(raised, CommitUnknown):
        assert raised.resolve() in ("unknown", "committed" if written else "aborted"), place
    check_whole(db, 1)
    # Not twice, either.
    assert db.pool_stats()["pool_available"] <= 1, place
    db.transact(lambda tx: tx.users.find_by_id(1))
    with db.connection() as held, held.connection.transaction():
        held.users.find_by_id(1)


@pytest.mark.parametrize("answer", [None, OperationalError("refused")])
def test_an_exception_while_a_connection_is_waited_for_stays_itself(
    answer: OperationalError | None,
) -> None:
    """Neither the wait nor what it uses of `threading` replaces it, and others may still answer."""
    number = 0
    while True:
        number += 1
        client = WaitingClient[LendingConnection]()
        if answer is not None:
            client.fail(answer)
        tracer = Tracer(number, Stop, ("_compat.py", "threading.py"), folder="")
        with traced(tracer), suppress(Stop, PoolTimeout, OperationalError):
            client.wait(0.0)
        other = threading.Thread(target=client.fail, args=(PoolTimeout(),), daemon=True)
        other.start()
        other.join(PATIENCE)
        assert not other.is_alive(), tracer.place
        if not tracer.place:
            return


def views(admin: Connection[Any]) -> int:
    ((count,),) = admin.execute("SELECT views FROM resources")
    return int(count)


@pytest.mark.slow("an exception at any line")
def test_an_exception_at_any_line_of_a_flush_neither_loses_nor_doubles_a_view(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    make.resource(public_id="a" * 12)
    with Database.connect(database_url, max_size=1, timeout=10.0) as db:
        buffer = ViewBuffer(db)
        number = 0
        while True:
            number += 1
            buffer.add("a" * 12)
            tracer = Tracer(number, Stop if number % 2 else Late, (*ROOMS, "views.py"))
            with suppress(Stop, Late, VrooliDataError), traced(tracer):
                buffer.flush()
            if not tracer.place:
                break
            buffer.flush()
            assert views(admin) == number, tracer.place
        assert views(admin) == number
        assert number > 20


class Handler(Tracer):
    """Calls a function at one line, as a signal handler is called, and goes on."""

    def __init__(self, number: int, call: Callable[[], object], rooms: tuple[str, ...]) -> None:
        super().__init__(number, Stop, rooms)
        self._call = call

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Call it, and raise nothing."""
        try:
            return super().__call__(frame, event, argument)
        except Stop:
            self._call()
            return None


@pytest.mark.slow("an exception at any line")
def test_a_signal_handler_may_add_and_flush_at_any_line_of_both(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    make.resource(public_id="a" * 12)
    with Database.connect(database_url, max_size=1, timeout=10.0) as db:
        buffer = ViewBuffer(db)

        def count() -> None:
            buffer.add("a" * 12)
            buffer.flush()

        number = 0
        while True:
            number += 1
            handler = Handler(number, count, (*ROOMS, "views.py"))
            with traced(handler):
                count()
            if not handler.place:
                break
            buffer.flush()
            assert views(admin) == 2 * number, handler.place
        assert number > 20


def test_a_flush_in_a_signal_handler_leaves_the_writing_to_the_one_that_it_interrupts(
    database_url: str, admin: Connection[Any], make: Factory, on_alarm: None
) -> None:
    make.resource(public_id="a" * 12)
    with Database.connect(database_url, max_size=2, timeout=10.0) as db, ViewBuffer(db) as buffer:

        def write(number: int, frame: FrameType | None) -> None:
            buffer.add("a" * 12)
            buffer.flush()
            handled.set()

        def interrupt() -> None:
            until_waiting(admin)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
            handled.wait(60)
            admin.execute("COMMIT")

        handled = threading.Event()
        signal.signal(signal.SIGALRM, write)
        buffer.add("a" * 12)
        admin.execute("BEGIN")
        admin.execute("UPDATE resources SET views = 10")
        thread = threading.Thread(target=interrupt)
        thread.start()
        buffer.flush()
        thread.join()
        assert views(admin) == 12


def test_ctrl_c_in_a_loop_that_waits_for_events_closes_its_connection(
    database_url: str, admin: Connection[Any]
) -> None:
    listens = f"""
        SELECT count(*) = %s FROM pg_stat_activity
        WHERE datname = current_database() AND query ~ '{HAS_LOOKED}' AND state = 'idle'
    """

    def interrupt() -> None:
        until(admin, listens, 1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with Database.connect(database_url, max_size=1) as db:
        # Not longer: any open transaction of the server may hide the event at first.
        listener = db.events.listen(db.events.position(), poll_interval=1.0)
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            next(iter(listener))
        until(admin, listens, 0)
        # Another loop goes on where that one was.
        event = CreateEvent(user_id=1, entity_type="order", entity_id=7, change_type="paid")
        recorded = db.events.record(event)
        assert next(iter(listener)).event_id == recorded.event_id


async def sleep_in_transaction(tx: AsyncTransaction) -> None:
    await tx.users.create(CreateUser(name="Lost"))
    await tx.connection.execute("SELECT pg_sleep(60)")


def test_ctrl_c_under_asyncio_run_rolls_the_transaction_back(
    database_url: str, admin: Connection[Any]
) -> None:
    def interrupt() -> None:
        until(admin, "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    async def main() -> None:
        async with AsyncDatabase.connect(database_url, max_size=1) as db:
            threading.Thread(target=interrupt).start()
            try:
                await db.transact(sleep_in_transaction)
            finally:
                # What is interrupted is the task, and the database serves on.
                assert await db.users.find_by_id(1) is None

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert names(admin) == []


def test_a_timer_that_raises_in_an_event_loop_ends_the_program_and_commits_nothing(
    database_url: str, admin: Connection[Any], on_alarm: None
) -> None:
    async def main() -> None:
        async with AsyncDatabase.connect(database_url, max_size=1) as db:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            await db.transact(sleep_in_transaction)

    with pytest.raises(Late):
        asyncio.run(main())
    assert names(admin) == []
