"""The import: good lines are loaded, bad ones are reported by number and reason; or all or none."""

from __future__ import annotations

import codecs
import gzip
import io
import itertools
import json
import os
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import dict_row

from vrooli_data import (
    GeneratedKeyTaken,
    InvalidFile,
    InvalidInput,
    NotMigrated,
    PermissionDenied,
)
from vrooli_data._export import export
from vrooli_data._import import ImportReport, RejectedLine, import_file
from vrooli_data._import._lines import KEPT, MAX_LINE
from vrooli_data.validation import MAX_DEPTH

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
    return import_file(url, "resources", file)


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
    lists = MAX_DEPTH - 1
    deepest = with_config('{"a": ' + "[" * lists + "]" * lists + "}")
    wide = line(2, config={"a": [[]] * (MAX_DEPTH + 1)})
    assert run(database_url, file, deepest, wide).inserted == 2


#: Lines, with the field that is refused and how the reason begins.
BAD_LINES: dict[str, tuple[bytes, str | None, str]] = {
    "not json": (b"hello\n", None, "is not JSON"),
    "half a line": (line()[:60] + b"\n", None, "is not JSON"),
    "two objects": (line().rstrip() + line(), None, "is not JSON: Extra data"),
    "blank line": (b"\n", None, "is not JSON: it is empty"),
    "line of spaces": (b"  \t \n", None, "is not JSON: it is empty"),
    "array": (b"[]\n", None, "expected `object`, got `array`"),
    "null": (b"null\n", None, "expected `object`, got `null`"),
    "wrong utf-8": (line(name="here").replace(b"here", b"\xff\xfe"), None, "is not UTF-8"),
    "wrong utf-8 in config": (
        line(config={"a": "here"}).replace(b"here", b"\xc3("),
        "config",
        "is not UTF-8",
    ),
    "utf-16": (line().decode().rstrip().encode("utf-16-le") + b"\n", None, "is not JSON"),
    "nul bytes": (b"\0\0\0\n", None, "is not JSON"),
    "unknown field": (line(colour="red"), None, "has the unknown field 'colour'"),
    "unknown format": (line(format="resource/9"), "format", "must be "),
    "format is a number": (line(format=2), "format", "expected `str | null`, got `int`"),
    "long unknown field": (
        line(**{"x" * 100_000: 1}),
        None,
        f"has the unknown field '{'x' * 64}'",
    ),
    "missing field": (b'{"public_id": "000000000001"}\n', None, "object missing required field"),
    "duplicate key for a missing one": (
        line().replace(b'"description"', b'"name"'),
        None,
        "object missing required field `description`",
    ),
    "duplicate key": (
        line().replace(b'{"public_id"', b'{"name": "x", "public_id"'),
        None,
        "has the key 'name' twice",
    ),
    "duplicate key by escape": (
        line().replace(b'{"public_id"', b'{"\\u006eame": "x", "public_id"'),
        None,
        "has the key 'name' twice",
    ),
    "duplicate key in config": (
        with_config('{"a": {"b": 1, "b": 2}}'),
        None,
        "has the key 'b' twice",
    ),
    "nul in name": (line(name="a\0b"), None, "holds the character NUL"),
    "nul in config": (line(config={"a": ["\0"]}), None, "holds the character NUL"),
    "nul in a key": (line(config={"\0": 1}), None, "holds the character NUL"),
    "nul behind a backslash": (line(name="\\\0"), None, "holds the character NUL"),
    "lone surrogate": (line(name="\ud800"), None, "holds half of a surrogate pair"),
    "lone surrogate in config": (
        line(config={"a": "\udc00"}),
        None,
        "holds half of a surrogate pair",
    ),
    "control character": (
        line(name="here").replace(b"here", b"a\tb"),
        None,
        "is not JSON: Invalid control character",
    ),
    "config is a list": (line(config=[]), "config", "expected `object`, got `array`"),
    "config is null": (line(config=None), "config", "expected `object`, got `null`"),
    "config with 1e400": (with_config('{"a": 1e400}'), "config", "number out of range"),
    "config with -1e400": (with_config('{"a": [-1e400]}'), "config", "number out of range"),
    "config with 1e-20000": (
        with_config('{"a": 1e-20000}'),
        "config",
        "holds a number with more than 16383 digits",
    ),
    "config with 1e-16384": (
        with_config('{"a": 1E-16384}'),
        "config",
        "holds a number with more than 16383 digits",
    ),
    "config with a long exponent": (
        with_config('{"a": -1e-99999999999999999999}'),
        "config",
        "holds a number with more than 16383 digits",
    ),
    "config with a long fraction": (
        with_config('{"a": 0.' + "0" * 16_383 + "1}"),
        "config",
        "holds a number with more than 16383 digits",
    ),
    "config with NaN": (with_config('{"a": NaN}'), None, "is not JSON: NaN is no number of JSON"),
    "config with Infinity": (
        with_config('{"a": -Infinity}'),
        None,
        "is not JSON: -Infinity is no number of JSON",
    ),
    "config with 5 000 digits": (
        with_config('{"a": ' + "1" * 5000 + "}"),
        "config",
        "integer value out of range",
    ),
    "config nested 101 deep": (
        with_config('{"a": ' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}"),
        "config",
        "is nested more than 100 levels deep",
    ),
    "config nested 10 000 deep": (
        with_config('{"a": ' + "[" * 10_000 + "]" * 10_000 + "}"),
        None,
        "is nested more than 100 levels deep",
    ),
    "10 000 levels that do not end": (
        b'{"config": {"a": ' + b"[" * 10_000 + b"\n",
        None,
        "is nested more than 100 levels deep",
    ),
    "10 000 levels alone": (b"[" * 10_000 + b"\n", None, "expected `object`, got `array`"),
    "public id too short": (line(public_id="abc"), "public_id", "expected `str` matching"),
    "public id in upper case": (
        line(public_id="ABCDEFGHIJKL"),
        "public_id",
        "expected `str` matching",
    ),
    "public id and a line feed": (
        line(public_id="abcdefghijkl\n"),
        "public_id",
        "expected `str` matching",
    ),
    "public id is a number": (
        line(public_id=123456789012),
        "public_id",
        "expected `str`, got `int`",
    ),
    "unknown type": (
        line(resource_type=TOLD_NOBODY),
        "resource_type",
        "must be one of Api, Code",
    ),
    "language": (line(language="english language"), "language", "expected `str` matching"),
    "long language": (
        line(language="en-" + "-".join(["abcdefgh"] * 4)),
        "language",
        "expected `str` of length <= 35",
    ),
    "empty name": (line(name=""), "name", "expected `str` of length >= 1"),
    "long name": (line(name="x" * 256), "name", "expected `str` of length <= 255"),
    "long description": (
        line(description="x" * 10_001),
        "description",
        "expected `str` of length <= 10000",
    ),
    "empty label": (line(version_label=""), "version_label", "expected `str` of length >= 1"),
    "long label": (line(version_label="x" * 129), "version_label", "expected `str` of length"),
    "is_complete is 1": (line(is_complete=1), "is_complete", "expected `bool`, got `int`"),
}


def check_counts(report: ImportReport, read: int, inserted: int, rejected: int) -> None:
    assert (report.read, report.inserted, report.rejected) == (read, inserted, rejected)
    assert report.read == report.inserted + report.skipped + report.rejected


def test_bad_lines_are_reported_with_number_and_reason_and_the_others_are_loaded(
    admin: Connection[Any], database_url: str, file: Path
) -> None:
    lines = [
        each
        for number, (bad, _, _) in enumerate(BAD_LINES.values())
        for each in (line(number), bad)
    ]
    rejected: list[RejectedLine] = []
    file.write_bytes(b"".join(lines))
    report = import_file(database_url, "resources", file, on_rejected=rejected.extend)
    check_counts(report, len(lines), len(BAD_LINES), len(BAD_LINES))
    assert counts(admin) == (len(BAD_LINES),) * 3
    expected = zip(range(2, len(lines) + 1, 2), BAD_LINES.items(), strict=True)
    for each, (number, (name, (bad, field, reason))) in zip(rejected, expected, strict=True):
        assert (each.line, each.field, each.constraint) == (number, field, None), name
        assert each.reason.startswith(reason), name
        assert len(each.reason) < 200
        assert TOLD_NOBODY not in each.reason
        assert each.raw == bad.rstrip(b"\r\n").decode(errors="backslashreplace")
        assert not each.is_cut


@pytest.mark.parametrize(
    "bad",
    [
        {1},
        {12},
        {1, 12},
        {4, 5, 8, 9},
        {5, 6, 7, 8},
        set(range(1, 13)),
        set(range(1, 12)),
        set(),
    ],
    ids=["first", "last", "ends", "borders", "batch", "all", "all but last", "none"],
)
def test_bad_lines_at_any_position(
    admin: Connection[Any], database_url: str, file: Path, bad: set[int]
) -> None:
    shapes = itertools.product((b"", codecs.BOM_UTF8), (b"\n", b"\r\n"), (True, False))
    for first, (mark, end, is_ended) in zip(range(0, 96, 12), shapes, strict=True):
        lines = [b"{}" if place in bad else line(first + place).rstrip() for place in range(1, 13)]
        file.write_bytes(mark + end.join(lines) + end * is_ended)
        rejected: list[RejectedLine] = []
        report = import_file(
            database_url, "resources", file, batch_size=4, on_rejected=rejected.extend
        )
        check_counts(report, 12, 12 - len(bad), len(bad))
        assert [each.line for each in rejected] == sorted(bad)
        assert {each.raw for each in rejected} <= {"{}"}
    loaded = admin.execute("SELECT public_id::integer FROM resources ORDER BY 1").fetchall()
    expected = [number for number in range(1, 97) if (number - 1) % 12 + 1 not in bad]
    assert [number for (number,) in loaded] == expected


def test_a_line_of_100_mb_is_cut_and_the_next_is_read(database_url: str) -> None:
    class Stream(io.RawIOBase):
        """Makes what is read, so that the test holds none of it."""

        name = "made"
        left = 100_000_000

        def read(self, size: int = -1, /) -> bytes:
            part = b"x" * min(size, self.left)
            self.left -= len(part)
            return part or end.read(size)

    end = io.BytesIO(b"\n" + line(1) + b"x" * MAX_LINE + b"\n" + line(2))
    rejected: list[RejectedLine] = []
    tracemalloc.start()
    report = import_file(database_url, "resources", Stream(), on_rejected=rejected.extend)  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    check_counts(report, 4, 2, 2)
    # The line itself and the blocks that it is put together of.
    assert peak < 3 * MAX_LINE
    reason = f"has more than {MAX_LINE} bytes"
    assert rejected == [
        RejectedLine(number, None, None, reason, "x" * KEPT, is_cut=True) for number in (1, 3)
    ]


def test_the_longest_line_is_read(database_url: str, file: Path) -> None:
    short = line(config={"a": ""})
    longest = short.replace(b'""', b'"' + b"x" * (MAX_LINE - len(short)) + b'"')
    assert len(longest) == MAX_LINE
    rejected: list[RejectedLine] = []
    file.write_bytes(longest)
    report = import_file(database_url, "resources", file, on_rejected=rejected.extend)
    assert (report.inserted, rejected) == (1, [])


def test_rows_that_the_server_refuses_are_reported_with_their_constraint(
    admin: Connection[Any], database_url: str, file: Path
) -> None:
    admin.execute("ALTER TABLE resources ADD CONSTRAINT ours CHECK (resource_type <> 'Api')")
    lines = [line(number) for number in range(1, 101)]
    lines[0] = lines[99] = b"{}\n"
    for number in (2, 50, 60):
        lines[number - 1] = line(number, resource_type="Api")
    rejected: list[RejectedLine] = []
    file.write_bytes(b"".join(lines))
    report = import_file(
        database_url, "resources", file, batch_size=50, on_rejected=rejected.extend
    )
    check_counts(report, 100, 95, 5)
    assert [each.line for each in rejected] == [1, 2, 50, 60, 100]
    assert [each.constraint for each in rejected] == [None, "ours", "ours", "ours", None]
    assert rejected[1].raw == lines[1].rstrip().decode()
    assert counts(admin) == (95, 95, 95)


def test_a_good_line_counts_where_an_earlier_one_of_its_public_id_is_bad(
    admin: Connection[Any], database_url: str, file: Path
) -> None:
    same = [line(1, language="?"), line(1, name="first"), line(1, name="second")]
    file.write_bytes(b"".join(same))
    report = import_file(database_url, "resources", file, batch_size=2)
    check_counts(report, 3, 1, 1)
    row = admin.execute("SELECT name FROM resource_translations").fetchone()
    assert row == ("first",)


def test_strict_writes_nothing_where_a_line_is_bad(
    admin: Connection[Any], database_url: str, file: Path
) -> None:
    lines = [line(number) for number in range(10)]
    lines[3] = lines[8] = b"{}\n"
    file.write_bytes(b"".join(lines))
    rejected: list[RejectedLine] = []
    with pytest.raises(InvalidFile) as caught:
        import_file(
            database_url, "resources", file, strict=True, batch_size=3, on_rejected=rejected.extend
        )
    assert caught.value.line == 4
    assert str(caught.value) == (
        f"{file}:4: nothing was written, because 2 of 10 lines are bad, this one first"
    )
    assert [each.line for each in rejected] == [4, 9]
    assert counts(admin) == (0, 0, 0)
    file.write_bytes(b"".join(lines[:3]))
    check_counts(import_file(database_url, "resources", file, strict=True, batch_size=2), 3, 3, 0)
    assert counts(admin) == (3, 3, 3)


def test_one_file_may_have_lines_of_several_formats(
    admin: Connection[Any], database_url: str, file: Path
) -> None:
    run(database_url, file, *(line(number) for number in range(1, 6)))
    stream = io.BytesIO()
    export(database_url, "resources", stream)
    exported = stream.getvalue().splitlines(keepends=True)
    admin.execute("TRUNCATE resources CASCADE")
    lines = [exported[0], line(2), b"{}\n", exported[2], exported[3], line(4, name=""), line(5)]
    # In both formats: the first is written, and the other skipped.
    lines += [line(1), exported[4]]
    rejected: list[RejectedLine] = []
    file.write_bytes(b"".join(lines))
    report = import_file(database_url, "resources", file, on_rejected=rejected.extend)
    check_counts(report, 9, 5, 2)
    assert [each.line for each in rejected] == [3, 6]
    assert counts(admin) == (5, 5, 5)


class Interrupted(io.BytesIO):
    """A stream whose reader is interrupted in the middle."""

    name = "interrupted"

    def read1(self, size: int | None = -1, /) -> bytes:
        some = super().read1(100)
        if not some:
            raise KeyboardInterrupt
        return some


def test_an_interrupt_leaves_whole_batches_and_a_second_run_the_rest(
    admin: Connection[Any], database_url: str
) -> None:
    lines = [line(number) for number in range(100)]
    for strict, kept in ((True, 0), (False, 60)):
        with pytest.raises(KeyboardInterrupt):
            import_file(
                database_url,
                "resources",
                Interrupted(b"".join(lines[:65])),
                strict=strict,
                batch_size=20,
            )
        assert counts(admin) == (kept,) * 3
    report = import_file(database_url, "resources", io.BytesIO(b"".join(lines)), batch_size=20)
    assert (report.read, report.inserted, report.skipped) == (100, 40, 60)
    assert counts(admin) == (100, 100, 100)


def test_gzip_is_found_in_a_stream_that_comes_in_single_bytes(database_url: str) -> None:
    reading, writing = os.pipe()
    packed = gzip.compress(line())

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            pipe.writelines(packed[place : place + 1] for place in range(len(packed)))

    with ThreadPoolExecutor() as pool, os.fdopen(reading, "rb") as pipe:
        pool.submit(write)
        assert import_file(database_url, "resources", pipe).inserted == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "cats"),
        ("strict", 1),
        ("batch_size", 0),
        ("batch_size", 10_001),
        ("on_rejected", []),
    ],
)
def test_wrong_arguments_are_refused(file: Path, name: str, value: object) -> None:
    arguments: dict[str, Any] = {"kind": "resources", name: value}
    with pytest.raises(InvalidInput) as caught:
        import_file("host=/nowhere", source=file, **arguments)
    assert caught.value.field == name


def test_longest_texts_of_the_schema_are_kept(database_url: str, file: Path) -> None:
    longest = line(
        name="𝄞" * 255,
        description="é" * 10_000,
        version_label="ß" * 128,
        language="abcdefgh-" + "-".join(["abcdefgh"] * 2) + "-abcdefgh",
    )
    assert run(database_url, file, longest).inserted == 1


def test_missing_file_is_reported(database_url: str, file: Path) -> None:
    with pytest.raises(InvalidFile, match="cannot be read: No such file") as caught:
        import_file(database_url, "resources", file)
    assert caught.value.line is None


def test_directory_is_reported(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="cannot be read: Is a directory"):
        import_file(database_url, "resources", tmp_path)


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")], ids=["plain", "gzip"])
@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
def test_an_empty_file_imports_nothing(
    database_url: str, file: Path, content: bytes, *, strict: bool
) -> None:
    file.write_bytes(content)
    report = import_file(database_url, "resources", file, strict=strict)
    assert (report.read, report.inserted, report.skipped, report.rejected) == (0, 0, 0, 0)


def test_truncated_gzip_is_reported(admin: Connection[Any], database_url: str, file: Path) -> None:
    packed = gzip.compress(b"".join(line(number) for number in range(100)))
    for length in (2, 10, len(packed) // 2, len(packed) - 1):
        error = refused(database_url, file, packed[:length])
        assert "cut short" in str(error)
        assert error.line is not None
    assert counts(admin) == (0, 0, 0)


def test_damaged_gzip_is_reported(database_url: str, file: Path) -> None:
    packed = bytearray(gzip.compress(b"".join(line(number) for number in range(100))))
    checksum = packed.copy()
    checksum[-5] ^= 0xFF
    packed[30] ^= 0xFF
    for content in (bytes(packed), bytes(checksum), gzip.compress(line()) + b"behind"):
        assert "damaged" in str(refused(database_url, file, content))


def test_database_without_migrations_is_refused(empty_database_url: str, file: Path) -> None:
    with pytest.raises(NotMigrated):
        run(empty_database_url, file, line())


def test_role_without_privileges_is_reported(
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
            imports = [pool.submit(import_file, database_url, "resources", file) for file in files]
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
    import_file(database_url, "resources", file, progress=progress)
    assert (progress.done, progress.finished) == (2_500, 1)
