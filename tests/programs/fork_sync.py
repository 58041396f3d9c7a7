"""A process that forks with everything open: the child is refused, and the parent goes on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import psycopg
import pytest

from vrooli_data import CreateResource, CreateUser, Database, InvalidUse, ViewBuffer

REFUSED = "connect after the fork"


def refused(calls: dict[str, Callable[[], object]]) -> None:
    """Make each call, which has to be refused in words that say what to do."""
    for name, call in calls.items():
        with pytest.raises(InvalidUse, match=REFUSED):
            call()
            raise AssertionError(name)


db = Database.connect(max_size=3)
db.open()
holding = db.connection()
held = holding.__enter__()
attempts = db.retrying()
attempt = next(attempts)
block = db.transaction()
tx = block.__enter__()
savepoint = tx.savepoint()
savepoint.__enter__()
ada = tx.users.create(CreateUser(name="Ada"))
connection = tx.connection
backend = tx.connection.info.backend_pid
users = db.users.iter_many()
relay = db.events.relay(print)
listener = db.events.listen("1/0/0")
buffer = ViewBuffer(db, interval=1_000.0)
buffer.__enter__()
buffer.add("a" * 12)

child = os.fork()
if child == 0:
    refused(
        {
            "db.open": db.open,
            "db.pool_stats": db.pool_stats,
            "db.retrying": db.retrying,
            "db.transact": lambda: db.transact(print),
            "db.transaction": lambda: db.transaction().__enter__(),
            "db.serializable": lambda: db.serializable().__enter__(),
            "db.connection": lambda: db.connection().__enter__(),
            "db, a read": lambda: db.users.find_by_id(1),
            "db, a listing": db.users.find_many,
            "db, an iteration": lambda: next(users),
            "db, a write": lambda: db.users.create(CreateUser(name="Lost")),
            "db, several statements": lambda: db.users.delete(1),
            "a relay": relay.poll,
            "a listener": lambda: next(iter(listener)),
            "a view": lambda: buffer.add("a" * 12),
            "views that are written": buffer.flush,
            "held.connection": lambda: held.connection,
            "held, a read": lambda: held.users.find_by_id(1),
            "held, a write": lambda: held.users.create(CreateUser(name="Lost")),
            "held, several statements": lambda: held.users.delete(1),
            "tx.connection": lambda: tx.connection,
            "tx.savepoint": lambda: tx.savepoint().__enter__(),
            "tx.on_commit": lambda: tx.on_commit(print),
            "tx.try_each": lambda: tx.try_each([], print),
            "tx, a read": lambda: tx.users.find_by_id(1),
            "tx, a write": lambda: tx.users.create(CreateUser(name="Lost")),
            "tx, several statements": lambda: tx.users.delete(1),
            "the end of a savepoint": lambda: savepoint.__exit__(None, None, None),
            "the end of the transaction": lambda: block.__exit__(None, None, None),
            "an attempt": attempt.__enter__,
            "the next attempt": lambda: next(attempts),
        }
    )
    # Psycopg's own, taken before the fork.
    with pytest.raises(psycopg.OperationalError):
        connection.execute("ROLLBACK")
    connection.close()
    assert repr(db)
    buffer.__exit__(None, None, None)
    db.close()
    with Database.connect(max_size=1) as own:
        own.transact(lambda tx: tx.users.create(CreateUser(name="Bea")))
    # An ordinary end, which deletes all that the child has inherited.
    sys.exit()

assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert tx.users.find_by_id(ada.id) == ada
assert tx.connection.info.backend_pid == backend
savepoint.__exit__(None, None, None)
block.__exit__(None, None, None)
held.users.create(CreateUser(name="Cleo"))
holding.__exit__(None, None, None)
note = db.resources.create(CreateResource(resource_type="Note", public_id="a" * 12))
buffer.__exit__(None, None, None)
assert [each.views for each in [db.resources.find_by_id(note.id)] if each] == [1]
assert [user.name for user in db.users.find_many().items] == ["Cleo", "Bea", "Ada"]
db.close()
