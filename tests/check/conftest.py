"""Databases that queries are checked against: made once, because a check changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import conninfo

from vrooli_data._contract.scratch import prepare_database, scratch_database

SHOP = Path(__file__).with_name("shop")


@pytest.fixture(scope="session")
def server_url(postgresql_server: Any) -> str:
    """Name the server, by a database that is always there."""
    return conninfo.make_conninfo(
        host=postgresql_server.host,
        port=postgresql_server.port,
        user=postgresql_server.user,
        password=postgresql_server.password or None,
        dbname="postgres",
    )


@pytest.fixture(scope="session")
def package_url(server_url: str) -> Iterator[str]:
    """Name the database that the package's own queries are checked against."""
    with scratch_database(server_url) as url:
        prepare_database(url)
        yield url


@pytest.fixture(scope="session")
def shop_url(server_url: str) -> Iterator[str]:
    """Name a database of another project."""
    with scratch_database(server_url) as url:
        with psycopg.connect(url) as connection:
            connection.execute((SHOP / "schema.sql").read_bytes())
        yield url


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a copy of the shop, to be broken."""
    return shutil.copytree(
        SHOP, tmp_path / "shop", ignore=shutil.ignore_patterns("__pycache__", "plans.txt")
    )
