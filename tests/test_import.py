"""The importer: every line or none, each wrong line named, nothing of its values told."""

from __future__ import annotations

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import dict_row

from vrooli_data import GeneratedKeyTaken, InvalidFile, NotMigrated, PermissionDenied
from vrooli_data._import import ImportReport, import_resources
from vrooli_data._import._lines import MAX_LINE
from vrooli_data._import._resource_line import MAX_CONFIG_DEPTH

from .factories import Factory

TOLD_NOBODY = "value-of-the-row"


def resource(number: int = 1, **values: Any) -> dict[str, Any]:
    return {
        "public_id": f"{number:012}",
        "resource_type": "Routine",
        "language": "en",
        "name": f"resource {number}",
        "description": TOLD_NOBODY,
        "version_label": "1.0",
        "is_complete": True,
        "config": {"depends": ["libc6"], "size": number},
    } | values


def line(number: int = 1, **values: Any) -> bytes:
    return json.dumps(resource(number, **values)).encode() + b"\n"


def with_config(text: str) -> bytes:
    return line(config="here").replace(b'"here"', text.encode())


def counts(connection: Connection[Any]) -> tuple[int, ...]:
    row: tuple[int, ...] | None = connection.execute(
        """
        SELECT
            (SELECT count(*) FROM resources),
            (SELECT count(*) FROM resource_versions),
            (SELECT count(*) FROM resource_translations)
        """
    ).fetchone()
    assert row is not None
    return row


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "resources.ndjson"


def run(url: str, file: Path, *lines: bytes) -> ImportReport:
    file.write_bytes(b"".join(lines))
    return import_resources(url, file)


def refused(url: str, file: Path, *lines: bytes) -> InvalidFile:
    with pytest.raises(InvalidFile) as caught:
        run(url, file, *lines)
    error = caught.value
    assert TOLD_NOBODY not in str(error)
    assert TOLD_NOBODY not in repr(error)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert str(error).startswith(str(file))
    return error


def test_each_line_becomes_a_resource_with_version_and_translation(
    admin: Connection[Any], database_url: str, file: Path
) -> None:
    config = {"a": [1, None, "ü", {"b": 1.5}], "n": 123456789012345678901234567890}
    report = run(
        database_url,
        file,
        line(1, name="Ελληνικά 🚀", language="el", config=config),
        line(2, resource_type="Api", is_complete=False, description=None),
    )
    assert (report.read, report.inserted, report.skipped, report.rejected) == (2, 2, 0, 0)
    assert report.seconds > 0
    rows = (
        admin.cursor(row_factory=dict_row)
        .execute(
            """
            SELECT
                resources.public_id, resource_type, has_complete_version, last_version_index,
                latest_version_id = resource_versions.id AS points_at_it, version_index,
                version_label, is_complete, config::text, language, name, description,
                is_private, is_deleted, score, created_by_id, resources.revision,
                resource_versions.public_id ~ '^[0-9a-z]{12}$' AS has_public_id
            FROM resources
            INNER JOIN resource_versions ON resources.id = resource_versions.resource_id
            INNER JOIN resource_translations ON resources.id = resource_translations.resource_id
            ORDER BY resources.public_id
            """
        )
        .fetchall()
    )
    assert rows[0] == {
        "public_id": "000000000001",
        "resource_type": "Routine",
        "has_complete_version": True,
        "last_version_index": 0,
        "points_at_it": True,
        "version_index": 0,
        "version_label": "1.0",
        "is_complete": True,
        "config": '{"a": [1, null, "ü", {"b": 1.5}], "n": 123456789012345678901234567890}',
        "language": "el",
        "name": "Ελληνικά 🚀",
        "description": TOLD_NOBODY,
        "is_private": False,
        "is_deleted": False,
        "score": 0,
        "created_by_id": None,
        "revision": 0,
        "has_public_id": True,
    }
    assert rows[1]["resource_type"] == "Api"
    assert rows[1]["has_complete_version"] is False
    assert rows[1]["is_complete"] is False
    assert rows[1]["description"] is None


def test_first_line_of_a_public_id_wins(
    admin: Connection[Any], database_url: str, file: Path
) -> None:
    lines = [line(number % 400, name=f"line {number}") for number in range(1000)]
    report = run(database_url, file, *lines)
    assert (report.read, report.inserted, report.skipped) == (1000, 400, 600)
    assert counts(admin) == (400, 400, 400)
    later = admin.execute(
        "SELECT count(*) FROM resource_translations WHERE substr(name, 6)::integer >= 400"
    ).fetchone()
    assert later == (0,)


def test_second_run_inserts_nothing(admin: Connection[Any], database_url: str, file: Path) -> None:
    lines = [line(number) for number in range(50)]
    run(database_url, file, *lines)
    again = run(database_url, file, *lines, line(50))
    assert (again.read, again.inserted, again.skipped) == (51, 1, 50)
    assert counts(admin) == (51, 51, 51)


def test_existing_resource_stays_as_it_is(
    admin: Connection[Any], database_url: str, file: Path
) -> None:
    make = Factory(admin)
    id = make.resource(public_id="000000000001", resource_type="Note")
    report = run(database_url, file, line(1), line(2))
    assert (report.inserted, report.skipped) == (1, 1)
    row = admin.execute("SELECT resource_type FROM resources WHERE id = %s", (id,)).fetchone()
    assert row == ("Note",)


def test_gzip_is_found_by_its_content(
    admin: Connection[Any], database_url: str, file: Path
) -> None:
    # Two members, as `cat a.gz b.gz` makes them.
    report = run(database_url, file, gzip.compress(line(1)), gzip.compress(line(2)))
    assert report.inserted == 2
    assert counts(admin) == (2, 2, 2)


def test_plain_file_called_gz_is_read(database_url: str, tmp_path: Path) -> None:
    assert run(database_url, tmp_path / "plain.gz", line()).inserted == 1


def test_last_line_needs_no_end_and_lines_may_end_as_on_windows(
    database_url: str, file: Path
) -> None:
    report = run(database_url, file, line(1).replace(b"\n", b"\r\n"), line(2).rstrip())
    assert report.inserted == 2


def test_text_that_looks_like_an_escaped_nul_is_kept(
    admin: Connection[Any], database_url: str, file: Path
) -> None:
    run(database_url, file, line(name=r"\u0000", config={r"\u0000": r"\\u0000"}))
    row = admin.execute(
        "SELECT name, config FROM resource_translations "
        "INNER JOIN resource_versions USING (resource_id)"
    ).fetchone()
    assert row == (r"\u0000", {r"\u0000": r"\\u0000"})


def test_deepest_config_is_kept(database_url: str, file: Path) -> None:
    lists = MAX_CONFIG_DEPTH - 1
    deepest = with_config('{"a": ' + "[" * lists + "]" * lists + "}")
    wide = line(2, config={"a": [[]] * (MAX_CONFIG_DEPTH + 1)})
    assert run(database_url, file, deepest, wide).inserted == 2


WRONG_LINES = {
    "not json": (b"hello\n", "is not JSON"),
    "half a line": (line()[:60] + b"\n", "is not JSON"),
    "two objects": (line().rstrip() + line(), "is not JSON: Extra data"),
    "empty line": (b"\n", "is not JSON: it is empty"),
    "array": (b"[]\n", "Expected `object`, got `array`"),
    "null": (b"null\n", "Expected `object`, got `null`"),
    "wrong utf-8": (line(name="here").replace(b"here", b"\xff\xfe"), "is not UTF-8"),
    "utf-16": (line().decode().encode("utf-16"), "is not UTF-8"),
    "unknown field": (line(colour="red"), "unknown field `colour`"),
    "missing field": (b'{"public_id": "000000000001"}\n', "missing required field"),
    "duplicate key for a missing one": (
        line().replace(b'"description"', b'"name"'),
        "missing required field `description`",
    ),
    "duplicate key": (
        line().replace(b'{"public_id"', b'{"name": "x", "public_id"'),
        "has the key 'name' twice",
    ),
    "duplicate key by escape": (
        line().replace(b'{"public_id"', b'{"\\u006eame": "x", "public_id"'),
        "has the key 'name' twice",
    ),
    "duplicate key in config": (with_config('{"a": {"b": 1, "b": 2}}'), "has the key 'b' twice"),
    "nul in name": (line(name="a\0b"), "the character NUL"),
    "nul in config": (line(config={"a": ["\0"]}), "the character NUL"),
    "nul in a key": (line(config={"\0": 1}), "the character NUL"),
    "nul behind a backslash": (line(name="\\\0"), "the character NUL"),
    "lone surrogate": (line(name="\ud800"), "half of a surrogate pair"),
    "lone surrogate in config": (line(config={"a": "\udc00"}), "half of a surrogate pair"),
    "control character": (line(name="here").replace(b"here", b"a\tb"), "control character"),
    "config is a list": (line(config=[]), "config: Expected `object`, got `array`"),
    "config is null": (line(config=None), "config: Expected `object`, got `null`"),
    "config with 1e400": (with_config('{"a": 1e400}'), "config: Number out of range"),
    "config with -1e400": (with_config('{"a": [-1e400]}'), "config: Number out of range"),
    "config with 1e-20000": (with_config('{"a": 1e-20000}'), "config: the database cannot hold"),
    "config with NaN": (with_config('{"a": NaN}'), "NaN is no number of JSON"),
    "config with Infinity": (with_config('{"a": -Infinity}'), "-Infinity is no number of JSON"),
    "config with 5 000 digits": (
        with_config('{"a": ' + "1" * 5000 + "}"),
        "config: Integer value out of range",
    ),
    "config nested 101 deep": (
        with_config('{"a": ' + "[" * MAX_CONFIG_DEPTH + "]" * MAX_CONFIG_DEPTH + "}"),
        "config: is nested more than 100 levels deep",
    ),
    "config nested 10 000 deep": (
        with_config('{"a": ' + "[" * 10_000 + "]" * 10_000 + "}"),
        "is nested more than 100 levels deep",
    ),
    "public id too short": (line(public_id="abc"), r"`\$.public_id`"),
    "public id in upper case": (line(public_id="ABCDEFGHIJKL"), r"`\$.public_id`"),
    "public id and a line feed": (line(public_id="abcdefghijkl\n"), r"`\$.public_id`"),
    "public id is a number": (line(public_id=123456789012), r"`\$.public_id`"),
    "unknown type": (line(resource_type=TOLD_NOBODY), "resource_type: must be one of Api, Code"),
    "language": (line(language="english language"), r"`\$.language`"),
    "long language": (line(language="en-" + "-".join(["abcdefgh"] * 4)), r"`\$.language`"),
    "empty name": (line(name=""), r"`\$.name`"),
    "long name": (line(name="x" * 256), r"`\$.name`"),
    "long description": (line(description="x" * 10_001), r"`\$.description`"),
    "empty label": (line(version_label=""), r"`\$.version_label`"),
    "long label": (line(version_label="x" * 129), r"`\$.version_label`"),
    "is_complete is 1": (line(is_complete=1), r"`\$.is_complete`"),
    "line too long": (line(description="x" * MAX_LINE), "more than 16777216 bytes"),
}


@pytest.mark.slow("wrong lines")
@pytest.mark.parametrize(("wrong", "problem"), WRONG_LINES.values(), ids=WRONG_LINES)
def test_wrong_line_is_named_and_nothing_is_imported(
    admin: Connection[Any], database_url: str, file: Path, wrong: bytes, problem: str
) -> None:
    error = refused(database_url, file, line(7), line(8), wrong, line(9))
    assert error.line == 3
    assert f"{file}:3: " in str(error)
    with pytest.raises(InvalidFile, match=problem):
        run(database_url, file, wrong)
    assert counts(admin) == (0, 0, 0)


def test_longest_texts_of_the_schema_are_kept(database_url: str, file: Path) -> None:
    longest = line(
        name="𝄞" * 255,
        description="é" * 10_000,
        version_label="ß" * 128,
        language="abcdefgh-" + "-".join(["abcdefgh"] * 2) + "-abcdefgh",
    )
    assert run(database_url, file, longest).inserted == 1


def test_missing_file_is_told(database_url: str, file: Path) -> None:
    with pytest.raises(InvalidFile, match="cannot be read: No such file") as caught:
        import_resources(database_url, file)
    assert caught.value.line is None


def test_directory_is_told(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="cannot be read: Is a directory"):
        import_resources(database_url, tmp_path)


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")], ids=["plain", "gzip"])
def test_empty_file_is_told(database_url: str, file: Path, content: bytes) -> None:
    assert "is empty" in str(refused(database_url, file, content))


def test_truncated_gzip_is_told(admin: Connection[Any], database_url: str, file: Path) -> None:
    packed = gzip.compress(b"".join(line(number) for number in range(100)))
    for length in (2, 10, len(packed) // 2, len(packed) - 1):
        error = refused(database_url, file, packed[:length])
        assert "cut short" in str(error)
        assert error.line is not None
    assert counts(admin) == (0, 0, 0)


def test_damaged_gzip_is_told(database_url: str, file: Path) -> None:
    packed = bytearray(gzip.compress(b"".join(line(number) for number in range(100))))
    checksum = packed.copy()
    checksum[-5] ^= 0xFF
    packed[30] ^= 0xFF
    for content in (bytes(packed), bytes(checksum), gzip.compress(line()) + b"behind"):
        assert "damaged" in str(refused(database_url, file, content))


def test_database_without_migrations_is_refused(empty_database_url: str, file: Path) -> None:
    with pytest.raises(NotMigrated):
        run(empty_database_url, file, line())


def test_role_without_privileges_is_told(
    admin: Connection[Any], database_url: str, role: str, file: Path
) -> None:
    admin.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}".encode())
    url = psycopg.conninfo.make_conninfo(database_url, options=f"-c role={role}")
    with pytest.raises(PermissionDenied):
        run(url, file, line())


@pytest.mark.parametrize("table", ["resources", "resource_versions"])
def test_a_sequence_left_behind_by_a_restore_is_named(
    admin: Connection[Any], database_url: str, file: Path, table: str
) -> None:
    run(database_url, file, line(1))
    admin.execute(f"ALTER SEQUENCE {table}_id_seq RESTART".encode())
    with pytest.raises(GeneratedKeyTaken) as caught:
        run(database_url, file, line(2))
    assert caught.value.sequence == f"public.{table}_id_seq"
    admin.execute(caught.value.remedy.encode())
    assert run(database_url, file, line(2)).inserted == 1


def wait_for_blocked(connection: Connection[Any], number: int) -> None:
    deadline = time.monotonic() + 60
    blocked = "SELECT count(*) FROM pg_locks WHERE relation = 'resources'::regclass AND NOT granted"
    while connection.execute(blocked).fetchone() != (number,):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_two_imports_at_once_insert_each_resource_once(
    admin: Connection[Any], database_url: str, tmp_path: Path
) -> None:
    lines = [line(number) for number in range(5_000)]
    files = tmp_path / "up.ndjson", tmp_path / "down.ndjson"
    # Opposite orders: inserted in the order of the lines, each would wait for the other.
    files[0].write_bytes(b"".join(lines))
    files[1].write_bytes(b"".join(reversed(lines)))
    with ThreadPoolExecutor() as pool:
        with psycopg.connect(database_url) as gate:
            gate.execute("LOCK TABLE resources IN SHARE ROW EXCLUSIVE MODE")
            imports = [pool.submit(import_resources, database_url, file) for file in files]
            wait_for_blocked(admin, 2)
        reports = [running.result() for running in imports]
    assert sum(report.inserted for report in reports) == 5_000
    assert counts(admin) == (5_000, 5_000, 5_000)


def test_progress_reports_each_line(database_url: str, file: Path) -> None:
    class Recorder:
        done = 0
        finished = 0

        def start(self, task: str, total: int | None) -> None:
            assert total is None

        def advance(self, count: int) -> None:
            self.done += count

        def finish(self) -> None:
            self.finished += 1

    progress = Recorder()
    file.write_bytes(b"".join(line(number) for number in range(2_500)))
    import_resources(database_url, file, progress=progress)
    assert (progress.done, progress.finished) == (2_500, 2)
