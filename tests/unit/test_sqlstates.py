"""The table of SQLSTATEs, and that no other file knows one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors as pg
from psycopg.pq import DiagnosticField

import vrooli_data
from vrooli_data._classify import retry_reason
from vrooli_data._retry import Reason
from vrooli_data._sqlstates import SQLSTATES, UNPREPARED, quotes_values

PACKAGE = Path(vrooli_data.__file__).parent
#: What `PermissionDenied` has where no server said it.
OUTSIDE_THE_TABLE = {("errors.py", "42501")}


def is_sqlstate(text: object) -> bool:
    try:
        return isinstance(text, str) and len(text) == 5 and bool(pg.lookup(text))
    except KeyError:
        return False


def literals() -> Iterator[tuple[str, str]]:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and is_sqlstate(node.value):
                yield path.relative_to(PACKAGE).as_posix(), str(node.value)


def test_no_other_file_knows_a_code() -> None:
    found = set(literals())
    assert {code for path, code in found if path == "_sqlstates.py"} >= SQLSTATES.keys()
    assert {each for each in found if each[0] != "_sqlstates.py"} == OUTSIDE_THE_TABLE


def test_the_table_is_in_order_and_each_code_is_one_of_the_server() -> None:
    assert list(SQLSTATES) == sorted(SQLSTATES)
    assert all(map(is_sqlstate, SQLSTATES))


@pytest.mark.parametrize(
    ("raised", "there", "lost"),
    [
        (pg.SerializationFailure, Reason.CONFLICT, Reason.LOST),
        (pg.DeadlockDetected, Reason.CONFLICT, None),
        (pg.TooManyConnections, Reason.BUSY, None),
        (pg.CannotConnectNow, Reason.BUSY, Reason.LOST),
        (pg.SqlclientUnableToEstablishSqlconnection, Reason.BUSY, None),
        (pg.InvalidSqlStatementName, Reason.STALE, None),
        (pg.DuplicatePreparedStatement, Reason.STALE, None),
        (pg.AdminShutdown, None, Reason.LOST),
        (pg.CrashShutdown, None, Reason.LOST),
        (pg.ConnectionException, None, Reason.LOST),
        (pg.ConnectionDoesNotExist, None, Reason.LOST),
        (pg.ConnectionFailure, None, Reason.LOST),
        (psycopg.OperationalError, None, Reason.LOST),
        (pg.TransactionTimeout, None, None),
        (pg.IdleInTransactionSessionTimeout, None, None),
        (pg.QueryCanceled, None, None),
        (pg.LockNotAvailable, None, None),
        (pg.UniqueViolation, None, None),
        (pg.FeatureNotSupported, None, None),
        (pg.UndefinedTable, None, None),
    ],
)
def test_the_code_and_the_connection_decide_about_a_retry(
    raised: type[psycopg.Error], there: Reason | None, lost: Reason | None
) -> None:
    assert retry_reason(raised(), lost=False) is there
    assert retry_reason(raised(), lost=True) is lost


def test_a_refusal_to_write_is_retried_where_the_server_is_a_standby() -> None:
    error = pg.ReadOnlySqlTransaction()
    assert retry_reason(error, lost=False, in_hot_standby=True) is Reason.READ_ONLY
    assert retry_reason(error, lost=False) is None


def test_a_stale_plan_is_recognized_by_the_function_of_the_server() -> None:
    info: dict[int, bytes | None] = {DiagnosticField.SOURCE_FUNCTION: b"RevalidateCachedQuery"}
    assert retry_reason(pg.FeatureNotSupported("", info=info), lost=False) is Reason.STALE


def test_prepared_statements_are_turned_off_by_two_codes() -> None:
    assert {pg.lookup(code) for code in UNPREPARED} == {
        pg.InvalidSqlStatementName,
        pg.DuplicatePreparedStatement,
    }


def test_data_exceptions_may_quote_values_of_rows() -> None:
    assert quotes_values("22P02")
    assert not quotes_values("42P01")
