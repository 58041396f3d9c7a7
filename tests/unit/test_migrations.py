"""The files of the folder migrations, and what is told from their names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vrooli_data import _migrations
from vrooli_data._migrations import (
    application_series,
    check_applied,
    package_migrations,
    package_series,
)
from vrooli_data.errors import InvalidFile, InvalidInput, NotMigrated, SchemaTooNew

REQUIRED = [migration.id for migration in package_migrations() if migration.extension is None]
EVERY = [migration.id for migration in package_migrations()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(_migrations, "FOLDER", tmp_path)
    package_migrations.cache_clear()
    yield tmp_path
    package_migrations.cache_clear()


def test_each_file_has_a_number_of_its_own_and_its_rollback() -> None:
    numbers = [int(name[:4]) for name in EVERY]
    assert numbers == sorted(set(numbers))
    for migration in package_migrations():
        assert migration.path.with_name(f"{migration.id}.rollback.sql").is_file()


def test_every_sql_file_of_the_folder_is_a_migration_its_rollback_or_the_whole_schema() -> None:
    names = {path.name for path in _migrations.FOLDER.glob("*.sql")}
    expected = {f"{name}{suffix}" for name in EVERY for suffix in (".sql", ".rollback.sql")}
    assert names == expected | {"schema.sql"}


def test_files_are_plain_ascii_because_yoyo_reads_them_in_the_locale_s_encoding() -> None:
    for path in _migrations.FOLDER.glob("*.sql"):
        assert path.read_bytes().isascii(), path.name


def test_only_the_trigram_indexes_require_an_extension() -> None:
    assert {
        migration.id: migration.extension
        for migration in package_migrations()
        if migration.extension
    } == {
        "0007_search_with_pg_trgm": "pg_trgm",
        "0010_search_folded_with_pg_trgm": "pg_trgm",
    }


@pytest.mark.parametrize("applied", [REQUIRED, EVERY], ids=["without pg_trgm", "with pg_trgm"])
def test_a_migrated_database_passes(applied: list[str]) -> None:
    check_applied(package_series(), applied)


def test_the_first_missing_migration_and_the_command_are_named() -> None:
    with pytest.raises(NotMigrated, match=rf"{REQUIRED[1]}.*`vrooli-data migrate`"):
        check_applied(package_series(), [REQUIRED[0], *REQUIRED[3:]])


def test_a_migration_of_a_newer_package_is_named() -> None:
    with pytest.raises(SchemaTooNew, match="9999_from_the_future"):
        check_applied(package_series(), [*EVERY, "9999_from_the_future"])


def test_a_checkout_with_windows_line_ends_has_the_same_checksum(folder: Path) -> None:
    (folder / "0001_one.sql").write_bytes(b"SELECT 1;\r\n")
    assert package_migrations()[0].sha256 == hashlib.sha256(b"SELECT 1;\n").hexdigest()


def test_an_extension_is_required_by_a_line_of_its_own(folder: Path) -> None:
    (folder / "0001_one.sql").write_text("-- requires extension: pg_trgm\nSELECT 1;\n")
    (folder / "0002_two.sql").write_text("-- It says -- requires extension: pg_trgm\nSELECT 1;\n")
    assert [migration.extension for migration in package_migrations()] == ["pg_trgm", None]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["comments.sql"], "comments.sql: must be named NNNN_subject.sql"),
        (["1_comments.sql"], "1_comments.sql: must be named"),
        (["0001-comments.sql"], "0001-comments.sql: must be named"),
        (["0001_a.sql", "0001_b.sql"], "0001_b.sql: 0001_a.sql has the same number"),
        (["0001_a.sql", "00001_b.sql"], "0001_a.sql: 00001_b.sql has the same number"),
        (["0001_a.sql", "0002_b.rollback.sql"], "0002_b.rollback.sql: there is no migration that"),
    ],
)
def test_a_name_that_would_be_overlooked_is_refused(
    tmp_path: Path, names: list[str], problem: str
) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;\n")
    with pytest.raises(InvalidFile, match=re.escape(problem)):
        application_series(tmp_path, "app")


@pytest.mark.parametrize(
    ("head", "line", "problem"),
    [
        ("-- transactional: no\n", 1, "`transactional` must be true or false"),
        ("\n-- transactional: false \n", 2, "`transactional` must be true or false"),
        ("-- transactional: false\n-- transactional: false\n", 2, "a second `transactional`"),
        ("-- requires extension: a, b\n", 1, "must be the name of one extension"),
        ("-- Why.\n--depends: 0001_a\n", 2, "remove `depends`"),
    ],
)
def test_a_line_of_the_head_that_says_nothing_known_is_refused(
    tmp_path: Path, head: str, line: int, problem: str
) -> None:
    (tmp_path / "0001_a.sql").write_text(f"{head}SELECT 1;\n")
    with pytest.raises(InvalidFile, match=rf"0001_a\.sql:{line}: .*{problem}") as caught:
        application_series(tmp_path, "app")
    assert caught.value.line == line


def test_a_comment_after_the_head_is_only_a_comment(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("SELECT 1;\n-- requires extension: a, b\n")
    (migration,) = application_series([tmp_path], "app").migrations
    assert migration.extension is None


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_bytes(b"-- \xff\n")
    with pytest.raises(InvalidFile, match=r"0001_a\.sql: is not UTF-8"):
        application_series(tmp_path, "app")
    (tmp_path / "0001_a.sql").unlink()
    (tmp_path / "0001_a.sql").mkdir()
    with pytest.raises(InvalidFile, match=r"0001_a\.sql: cannot be read: Is a directory"):
        application_series(tmp_path, "app")


def test_what_is_no_migration_is_left_alone(tmp_path: Path) -> None:
    for name in ("0001_a.sql", "schema.sql", "README.md", ".0002_b.sql"):
        (tmp_path / name).write_text("SELECT 1;\n")
    series = application_series(str(tmp_path), "shop")
    assert [series.named(each.id) for each in series.migrations] == ["shop/0001_a"]


@pytest.mark.parametrize(
    ("folders", "problem"),
    [
        ([], "no file is named"),
        ("absent", "absent is not a folder"),
        (["absent"], "absent is not a folder"),
        (7, "must be a list, not int"),
        ([7], "must be a folder or a list of folders, not 7"),
    ],
)
def test_what_is_no_folder_is_refused(folders: Any, problem: str) -> None:
    with pytest.raises(InvalidInput, match=f"migrations: {problem}"):
        application_series(folders, "app")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"migrations: no file is named NNNN_subject\.sql"):
        application_series(tmp_path, "app")


@pytest.mark.parametrize("name", ["", "Shop", "1shop", "shop/one", "s" * 64, 7])
def test_an_application_has_a_plain_name(tmp_path: Path, name: Any) -> None:
    with pytest.raises(InvalidInput, match="application: must be 1 to 63 characters"):
        application_series(tmp_path, name)
