# Generated from tests/_async/test_tls.py by tools/unasync.py. Do not edit.
"""Replies that come in records of TLS: what was decrypted does not make the socket readable."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from tests.tls import open_tls
from vrooli_data import Database, HeldConnection, Repository, queries

from ._compat import PATIENCE

pytestmark = pytest.mark.slow("TLS")

#: What libpq makes room for depends on what a connection has read, and so there are many.
CONNECTIONS = 40
READS = 50
#: Bytes of a row. A record holds 16 kB, and libpq may have room for 8 kB of it.
WIDTHS = (1, 100, 5_000, 9_000, 9_500, 10_000, 11_000, 20_000)
SQL = """
-- name: wide(width, times)
-- Return wide rows.
-- Record: Wide
-- Index:  none
-- Locks:  none
SELECT
    number,
    repeat('x', :width::integer) AS value
FROM generate_series(1, :times::integer) AS number
ORDER BY number
LIMIT 10;
"""
COPY = """
COPY (SELECT repeat('x', 9_500) FROM generate_series(1, 8)) TO STDOUT
"""


class Wide(Struct, frozen=True, gc=False):
    number: int
    value: str


class Reads(Repository):
    """The read of these tests."""

    def __init__(self, db: HeldConnection, folder: Path) -> None:
        super().__init__(db)
        self._wide = queries(folder).bind("wide", Wide)

    def wide(self, width: int, times: int) -> list[int]:
        return [len(row.value) for row in self.find_all(self._wide, width, times)]


@pytest.fixture
def tls_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    with open_tls(database_url, tmp_path) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "reads"
    folder.mkdir()
    (folder / "reads.sql").write_text(SQL.lstrip())
    return folder


def copied(held: HeldConnection) -> int:
    """Return the number of bytes that a COPY yields."""
    size = 0
    with held.connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for block in copy:
            size += len(block)
    return size


def test_every_reply_is_read_to_its_end(tls_url: str, folder: Path) -> None:
    chance = random.Random(1)
    for _ in range(CONNECTIONS):
        with (
            Database.connect(tls_url, max_size=1, statement_timeout=PATIENCE) as db,
            db.connection() as held,
        ):
            assert held.connection.pgconn.ssl_in_use
            reads = Reads(held, folder)
            for _ in range(READS):
                width, times = chance.choice(WIDTHS), chance.randrange(1, 9)
                assert reads.wide(width, times) == [width] * times
            assert copied(held) == 8 * 9_501
