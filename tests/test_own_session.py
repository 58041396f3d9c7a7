"""A session outside the pool."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from vrooli_data._own_session import own_session, transaction


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
