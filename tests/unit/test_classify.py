"""Which error of ours stands for which of psycopg's."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors as pg

from vrooli_data import errors
from vrooli_data._classify import translate, unreachable


@pytest.mark.parametrize(
    ("raised", "ours"),
    [
        (pg.UniqueViolation, errors.AlreadyExists),
        (pg.ExclusionViolation, errors.AlreadyExists),
        (pg.ForeignKeyViolation, errors.StillReferenced),
        (pg.RestrictViolation, errors.StillReferenced),
        (pg.CheckViolation, errors.CheckFailed),
        (pg.NotNullViolation, errors.CheckFailed),
        (pg.SerializationFailure, errors.SerializationFailure),
        (pg.DeadlockDetected, errors.DeadlockDetected),
        (pg.InsufficientPrivilege, errors.PermissionDenied),
        (pg.QueryCanceled, errors.Timeout),
        (pg.LockNotAvailable, errors.Timeout),
        (pg.TooManyConnections, errors.Unavailable),
        (pg.AdminShutdown, errors.Unavailable),
        (pg.CannotConnectNow, errors.Unavailable),
        (pg.UndefinedTable, errors.DatabaseError),
        (pg.DataError, errors.DatabaseError),
    ],
)
def test_the_code_decides(raised: type[psycopg.Error], ours: type[errors.VrooliDataError]) -> None:
    error = translate(raised("Key (email)=(ada@example.org)"), "users.create", lost=False)
    assert type(error) is ours
    assert error.query == "users.create"
    assert error.sqlstate == raised.sqlstate
    assert "users.create" in str(error)
    assert "ada" not in str(error)


def test_a_connection_that_is_gone_is_unavailable() -> None:
    error = translate(psycopg.OperationalError("..."), "users.find_by_id", lost=True)
    assert type(error) is errors.Unavailable
    assert "lost" in str(error)


def test_a_server_out_of_reach_is_told_in_one_line() -> None:
    text = "connection failed: refused\n\tIs it running?\n- host: 'a', port: '1'"
    assert str(unreachable(psycopg.OperationalError(text))) == (
        "connection failed: refused; Is it running?; host: 'a', port: '1'"
    )
