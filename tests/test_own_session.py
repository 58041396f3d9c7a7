"""A session outside the pool."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from vrooli_data._migrate import migrate, status
from vrooli_data._own_session import own_session, transaction
from vrooli_data._seed import seed

#: Formats of text, as a role, a database or PGOPTIONS may set them.
_FORMATS = (
    "-c DateStyle=German -c IntervalStyle=sql_standard -c bytea_output=escape "
    "-c extra_float_digits=-15 -c standard_conforming_strings=off -c quote_all_identifiers=on "
    "-c array_nulls=off -c transform_null_equals=on"
)


def test_an_interrupt_in_the_middle_of_a_copy_ends_it_without_a_word(
    database_url: str, admin: Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    admin.execute("CREATE TABLE notes (id bigint)")
    with (
        pytest.raises(KeyboardInterrupt),
        own_session(database_url, "tests", None) as session,
        transaction(session),
    ):
        session.pgconn.exec_(b"COPY notes FROM STDIN")
        raise KeyboardInterrupt
    assert caplog.messages == []
    # This waits until the server has ended the transaction.
    admin.execute("DROP TABLE notes")


def test_formats_that_others_set_make_no_difference(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", _FORMATS)
    applied = migrate(empty_database_url).applied
    assert migrate(empty_database_url).applied == ()
    states = status(empty_database_url)
    assert [state.id for state in states if state.applied_at] == list(applied)
    seed(empty_database_url, scale=0.001)
