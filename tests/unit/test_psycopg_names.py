"""What the layer uses of psycopg and psycopg_pool that they keep private is as it was tried.

Tried with psycopg 3.3 and psycopg_pool 3.3. Where a name has changed, the message says which.
"""

from __future__ import annotations

import inspect
from collections import deque
from typing import Any

import psycopg
import psycopg_pool
import pytest
from psycopg import _preparing, errors
from psycopg._queries import PostgresQuery
from psycopg.adapt import Transformer
from psycopg.pq import PGconn

from vrooli_data._async.connection import AsyncLendingConnection
from vrooli_data._execution import new_name
from vrooli_data._sync.connection import LendingConnection


def nowhere() -> Any:
    connection = PGconn.connect_start(b"no_such_option=1")
    connection.finish()
    return connection


def parameters(call: Any) -> list[str]:
    return list(inspect.signature(call).parameters)


@pytest.mark.parametrize("face", [LendingConnection, AsyncLendingConnection])
def test_prepared_statements_are_kept_by_text_and_types(face: Any) -> None:
    connection = face(nowhere())
    manager = connection._prepared
    assert isinstance(manager, _preparing.PrepareManager)
    assert parameters(_preparing.PrepareManager.validate) == [
        "self",
        "key",
        "prep",
        "name",
        "results",
    ], "PrepareManager.validate"
    query = PostgresQuery(Transformer(connection))
    query.convert("SELECT %s", ["a"])
    prepare, name = manager.get(query, prepare=True)
    assert prepare is _preparing.Prepare.SHOULD
    assert manager._prepared_idx == 1, "PrepareManager._prepared_idx"
    assert new_name(connection) == name.replace(b"0", b"1"), "the names of prepared statements"
    manager.maybe_add_to_cache(query, prepare, name)
    manager._names.move_to_end((query.query, query.types))
    assert list(manager._names.values()) == [name], "PrepareManager._names"
    manager.clear()
    assert not manager._names
    assert list(manager._to_flush) == [None], "PrepareManager._to_flush"


def test_a_wait_has_its_signature_and_its_error() -> None:
    for connection in (psycopg.Connection, psycopg.AsyncConnection):
        assert parameters(connection.wait) == ["self", "gen", "interval", "timeout"]
        assert parameters(connection._try_cancel) == ["self", "timeout"], "Connection._try_cancel"
    assert issubclass(errors._WaitTimeout, psycopg.Error), "errors._WaitTimeout"


@pytest.mark.parametrize("pool", [psycopg_pool.ConnectionPool, psycopg_pool.AsyncConnectionPool])
async def test_a_pool_keeps_its_connections_and_its_queue(pool: Any) -> None:
    made = pool("", open=False)
    assert isinstance(made._pool, deque), "ConnectionPool._pool"
    assert isinstance(made._waiting, deque), "ConnectionPool._waiting"
    for name in ("_nconns", "_nconns_min", "_stats", "_closed", "_opened", "_drained_at"):
        assert hasattr(made, name), f"{pool.__name__}.{name}"
    assert callable(made._maybe_grow_pool), "ConnectionPool._maybe_grow_pool"
