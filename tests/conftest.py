"""The test server, and a database of its own for every test."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import Connection, conninfo, sql
from pytest_postgresql import factories as postgresql_factories

from tests.factories import Factory
from tests.server import EmbeddedTestServer
from vrooli_data import MissingExtra, migrate

pytest_plugins = ("tests.slow",)
_DEFAULT_VERSION = "18"


def pytest_configure(config: pytest.Config) -> None:
    """Choose the server: the one of --postgresql-host, else an embedded one, else DATABASE_URL.

    Each worker of pytest-xdist starts an embedded server of its own: what belongs to a whole
    server, as its roles and its xid horizon, is then that of one test alone. A server that was
    given is shared; pytest-postgresql names the databases of each worker differently.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell has its background processes ignore it, and what they start; tests send it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    option = config.option
    if option.postgresql_dbname is None:
        # Its own, so that several runs can share the server.
        option.postgresql_dbname = f"tests_{os.getpid()}"
    if option.postgresql_host is not None or _has_workers(config):
        return
    try:
        embedded_server = EmbeddedTestServer(os.environ.get("VROOLI_TEST_PG", _DEFAULT_VERSION))
    except MissingExtra as missing:
        url = os.environ.get("DATABASE_URL")
        if not url:
            pytest.exit(f"{missing}; or set DATABASE_URL, or pass --postgresql-host", returncode=2)
    else:
        url = embedded_server.url
        config.add_cleanup(embedded_server.release)
    server = conninfo.conninfo_to_dict(url)
    option.postgresql_host = server.get("host")
    option.postgresql_port = str(server.get("port") or 5432)
    option.postgresql_user = server.get("user") or "postgres"
    option.postgresql_password = server.get("password") or ""


def _has_workers(config: pytest.Config) -> bool:
    """Tell whether this is the process that hands the tests out to the workers of pytest-xdist."""
    # `--dist` alone, as the project's options have it, starts none.
    return bool(config.getoption("tx", None)) and not hasattr(config, "workerinput")


def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers keep every core busy: each waits for its server half of the time."""
    return len(os.sched_getaffinity(0)) * 3 // 2 if hasattr(os, "sched_getaffinity") else 2


def pytest_report_header(config: pytest.Config) -> str:
    """Name the server that the tests run against."""
    option = config.option
    if option.postgresql_host is None:
        return "server: each worker has its own"
    with psycopg.connect(
        host=option.postgresql_host,
        port=option.postgresql_port,
        user=option.postgresql_user,
        password=option.postgresql_password,
        dbname="postgres",
    ) as connection:
        version = connection.info.server_version
    return f"server: PostgreSQL {version // 10_000}.{version % 10_000} at {option.postgresql_host}"


def load_migrations(
    *, host: str, port: int, user: str, dbname: str, password: str | None, **_: object
) -> None:
    """Bring the template up to date."""
    migrate(
        conninfo.make_conninfo(
            host=host, port=port, user=user, dbname=dbname, password=password or None
        )
    )


postgresql_server = postgresql_factories.postgresql_noproc(load=[load_migrations])


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run the asynchronous tests on asyncio, the one loop that psycopg runs on."""
    return "asyncio"


@pytest.fixture(scope="session")
def maintenance(postgresql_server: Any) -> Iterator[Connection[Any]]:
    """Connect to the server, to make databases and drop them."""
    with psycopg.connect(_url(postgresql_server, "postgres"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def database_url(postgresql_server: Any, maintenance: Connection[Any]) -> Iterator[str]:
    """Name a migrated database that is this test's alone."""
    with _database(maintenance, postgresql_server.dbname, postgresql_server.template_dbname):
        yield _url(postgresql_server, postgresql_server.dbname)


@pytest.fixture
def server_version(maintenance: Connection[Any]) -> int:
    """Return the server's major version."""
    return maintenance.info.server_version // 10_000


@pytest.fixture
def empty_database_url(postgresql_server: Any, maintenance: Connection[Any]) -> Iterator[str]:
    """Name an empty database that is this test's alone."""
    name = f"{postgresql_server.dbname}_empty"
    with _database(maintenance, name, "template0"):
        yield _url(postgresql_server, name)


@pytest.fixture
def admin(database_url: str) -> Iterator[Connection[Any]]:
    """Connect to this test's database beside the layer, each statement its own transaction."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def role(admin: Connection[Any]) -> Iterator[str]:
    """Make a role without privileges; its name is new, because roles are the whole server's."""
    name = f"role_{secrets.token_hex(4)}"
    admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'S3cr3t'".encode())
    yield name
    admin.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}".encode())


@pytest.fixture
def make(admin: Connection[Any]) -> Factory:
    """Make rows with defaults for whatever a test does not care about."""
    return Factory(admin)


def _url(server: Any, database: str) -> str:
    return conninfo.make_conninfo(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password or None,
        dbname=database,
    )


@contextmanager
def _database(maintenance: Connection[Any], name: str, template: str) -> Iterator[None]:
    """Make a database, and drop it.

    On the one connection that there is: the fixture of pytest-postgresql makes four for each test.
    """
    database = sql.Identifier(name)
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database)
    # Copied as files, it costs a quarter less than written to the log.
    make = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
        database, sql.Identifier(template)
    )
    maintenance.execute(drop)
    maintenance.execute(make)
    yield
    maintenance.execute(drop)
