# Generated from tests/_async/test_application_migrations.py by tools/unasync.py. Do not edit.
"""Opening a database as an application whose own migrations it has to hold."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from vrooli_data import (
    Database,
    InvalidInput,
    NotMigrated,
    QueryEvent,
    SchemaTooNew,
    migrate,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write two migrations of an application, and one that no server here can apply."""
    (tmp_path / "0001_notes.sql").write_text("CREATE TABLE notes (id bigint PRIMARY KEY);\n")
    (tmp_path / "0002_tags.sql").write_text("CREATE TABLE tags (id bigint PRIMARY KEY);\n")
    (tmp_path / "0003_other.sql").write_text("-- requires extension: no_such\nSELECT 1;\n")
    return tmp_path


def test_what_the_application_has_not_migrated_is_said_at_opening(
    database_url: str, folder: Path
) -> None:
    database = Database.connect(database_url, migrations=folder)
    with pytest.raises(NotMigrated, match=r"lacks the migration app/0001_notes: run `") as raised:
        database.open()
    (command,) = re.findall("`vrooli-data (.*)`", str(raised.value))
    assert shlex.split(command) == [
        *("migrate", "--schema", "public"),
        *("--migrations", str(folder)),
    ]
    migrate(database_url, migrations=folder)
    with Database.connect(database_url, migrations=folder) as db:
        assert db.users.find_by_id(1) is None
    (folder / "0004_later.sql").write_text("SELECT 1;\n")
    database = Database.connect(database_url, migrations=[folder])
    with pytest.raises(NotMigrated, match="app/0004_later"):
        database.open()


def test_a_database_of_a_newer_application_is_refused(database_url: str, folder: Path) -> None:
    migrate(database_url, migrations=folder, application="shop")
    (folder / "0002_tags.sql").unlink()
    database = Database.connect(database_url, migrations=folder, application="shop")
    with pytest.raises(SchemaTooNew, match="shop/0002_tags"):
        database.open()
    # Nobody else is kept from it.
    with Database.connect(database_url):
        pass


def test_each_application_has_its_own(database_url: str, folder: Path) -> None:
    migrate(database_url, migrations=folder, application="shop")
    database = Database.connect(database_url, migrations=folder, application="blog")
    with pytest.raises(NotMigrated, match=r"blog/0001_notes.*--application blog"):
        database.open()


def test_ours_are_reported_first_and_are_left_out_where_they_are_not_checked(
    empty_database_url: str, folder: Path
) -> None:
    own = Database.connect(empty_database_url, migrations=folder, check_migrations=False)
    with pytest.raises(NotMigrated, match=r"app/0001_notes: .* --application-only`"):
        own.open()
    migrate(empty_database_url, migrations=folder, application_only=True)
    with own:
        pass
    database = Database.connect(empty_database_url, migrations=folder)
    with pytest.raises(NotMigrated, match="lacks the migration 0001_"):
        database.open()


def test_it_is_one_query_at_opening(database_url: str, folder: Path) -> None:
    migrate(database_url, migrations=folder)
    names: list[list[str]] = []
    for migrations in (None, folder):
        events: list[QueryEvent] = []
        with Database.connect(database_url, migrations=migrations, on_query=events.append) as db:
            db.users.find_by_id(1)
        names.append([event.name for event in events])
    without, beside = names
    beside.remove("schema.list_applied_application_migrations")
    assert beside == without


def test_a_name_without_migrations_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^application: needs migrations"):
        Database.connect("host=/nowhere", application="shop")
    with pytest.raises(InvalidInput, match=r"^migrations: nowhere is not a folder"):
        Database.connect("host=/nowhere", migrations="nowhere")
