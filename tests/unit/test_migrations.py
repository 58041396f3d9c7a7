"""The files of the folder migrations, and what is told from their names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from vrooli_data import _migrations
from vrooli_data._migrations import check_applied, known
from vrooli_data.errors import NotMigrated, SchemaTooNew

REQUIRED = [migration.id for migration in known() if migration.extension is None]
EVERY = [migration.id for migration in known()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(_migrations, "FOLDER", tmp_path)
    known.cache_clear()
    yield tmp_path
    known.cache_clear()


def test_each_file_has_a_number_of_its_own_and_its_rollback() -> None:
    numbers = [int(name[:4]) for name in EVERY]
    assert numbers == sorted(set(numbers))
    for migration in known():
        assert migration.path.with_name(f"{migration.id}.rollback.sql").is_file()


def test_every_sql_file_of_the_folder_is_a_migration_its_rollback_or_the_whole_schema() -> None:
    names = {path.name for path in _migrations.FOLDER.glob("*.sql")}
    expected = {f"{name}{suffix}" for name in EVERY for suffix in (".sql", ".rollback.sql")}
    assert names == expected | {"schema.sql"}


def test_files_are_plain_ascii_because_yoyo_reads_them_in_the_locale_s_encoding() -> None:
    for path in _migrations.FOLDER.glob("*.sql"):
        assert path.read_bytes().isascii(), path.name


def test_only_the_trigram_indexes_require_an_extension() -> None:
    assert {migration.id: migration.extension for migration in known() if migration.extension} == {
        "0007_search_with_pg_trgm": "pg_trgm",
        "0010_search_folded_with_pg_trgm": "pg_trgm",
    }


@pytest.mark.parametrize("applied", [REQUIRED, EVERY], ids=["without pg_trgm", "with pg_trgm"])
def test_a_migrated_database_passes(applied: list[str]) -> None:
    check_applied(applied)


def test_the_first_missing_migration_and_the_command_are_named() -> None:
    with pytest.raises(NotMigrated, match=rf"{REQUIRED[1]}.*`vrooli-data migrate`"):
        check_applied([REQUIRED[0], *REQUIRED[3:]])


def test_a_migration_of_a_newer_package_is_named() -> None:
    with pytest.raises(SchemaTooNew, match="9999_from_the_future"):
        check_applied([*EVERY, "9999_from_the_future"])


def test_a_checkout_with_windows_line_ends_has_the_same_checksum(folder: Path) -> None:
    (folder / "0001_one.sql").write_bytes(b"SELECT 1;\r\n")
    assert known()[0].sha256 == hashlib.sha256(b"SELECT 1;\n").hexdigest()


def test_an_extension_is_required_by_a_line_of_its_own(folder: Path) -> None:
    (folder / "0001_one.sql").write_text("-- requires extension: pg_trgm\nSELECT 1;\n")
    (folder / "0002_two.sql").write_text("-- It says -- requires extension: pg_trgm\nSELECT 1;\n")
    assert [migration.extension for migration in known()] == ["pg_trgm", None]
