"""The exporter: every row, at one moment, in a file that is whole or not there."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from psycopg import Connection

from vrooli_data import InvalidFile, InvalidInput, MissingExtra, NotMigrated, Unavailable
from vrooli_data._export import ExportReport, Kind, export
from vrooli_data._seed import seed
from vrooli_data.records.lines import (
    ResourceLine,
    RunLine,
    StepLine,
    TranslationLine,
    UserLine,
    ValueLine,
    VersionLine,
)

from .cli import ENVIRONMENT, PROGRAM, fail, succeed
from .factories import Factory

KINDS: tuple[Kind, ...] = get_args(Kind)
LINES: dict[Kind, Any] = {"users": UserLine, "resources": ResourceLine, "runs": RunLine}
#: The tables that are exported, and their columns that are not: the public ids, the place of a row
#: in its line and the other fields imply these.
EXPORTED: dict[str, tuple[Any, set[str]]] = {
    "users": (UserLine, {"id", "name_folded"}),
    "resources": (
        ResourceLine,
        {"id", "created_by_id", "deleted_by_id", "has_complete_version", "latest_version_id"},
    ),
    "resource_versions": (VersionLine, {"id", "resource_id"}),
    "resource_translations": (
        TranslationLine,
        {"resource_id", "name_folded", "description_folded"},
    ),
    "runs": (RunLine, {"id", "user_id", "resource_version_id"}),
    "run_steps": (StepLine, {"run_id", "user_id"}),
    "run_io": (ValueLine, {"run_id", "user_id", "side"}),
}
_COLUMNS = """
SELECT attname
FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
"""
#: Quotes, backslashes, what looks like an escape, control characters, the separators of lines.
HOSTILE = "a\"b\\c\\u0000 \\n\n\r\t\x01\x1f\x7f\x80\x85\u2028\u2029\ufeff\U0001f680'); --"


class Recorder:
    """Remembers what a progress bar would show."""

    def __init__(self) -> None:
        self.tasks: list[str] = []
        self.done = 0

    def start(self, task: str, total: int | None) -> None:
        self.tasks.append(task)

    def advance(self, count: int) -> None:
        self.done += count

    def finish(self) -> None:
        self.tasks.append("")


def exported(url: str, kind: Kind) -> list[dict[str, Any]]:
    """Return the lines as a reader of JSON sees them."""
    stream = io.BytesIO()
    report = export(url, kind, stream)
    lines = stream.getvalue().split(b"\n")
    assert lines.pop() == b""
    assert report.rows == len(lines)
    for line in lines:
        msgspec.json.decode(line, type=LINES[kind])
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("table", EXPORTED)
def test_every_column_is_in_a_line(admin: Connection[Any], table: str) -> None:
    line, implied = EXPORTED[table]
    columns = {name for (name,) in admin.execute(_COLUMNS, (table,))}
    assert columns - set(line.__struct_fields__) == implied


def test_a_user_is_one_line_with_every_column(database_url: str, make: Factory) -> None:
    make.user(
        public_id="firstuser000",
        email="ada@example.org",
        name=HOSTILE,
        handle="ada",
        is_bot=True,
        languages=["en", "pt-BR"],
        last_active_at="2026-01-02T03:04:05.678901Z",
        created_at="0001-01-02Z",
        updated_at="9999-12-29T23:59:59.999999Z",
        revision=7,
    )
    assert exported(database_url, "users") == [
        {
            "format": "user/2",
            "public_id": "firstuser000",
            "email": "ada@example.org",
            "name": HOSTILE,
            "handle": "ada",
            "is_bot": True,
            "is_private": False,
            "languages": ["en", "pt-BR"],
            "last_active_at": "2026-01-02T03:04:05.678901Z",
            "revision": 7,
            "created_at": "0001-01-02T00:00:00Z",
            "updated_at": "9999-12-29T23:59:59.999999Z",
        }
    ]


def test_a_resource_is_one_line_with_its_versions_and_translations(
    database_url: str, make: Factory
) -> None:
    ada = make.user(public_id="firstuser000")
    resource_id = make.resource(
        public_id="resource0000",
        created_by_id=ada,
        deleted_by_id=ada,
        is_deleted=True,
        deleted_at="2026-01-02Z",
        score=-5,
    )
    make.version(resource_id, public_id="version00000", config={"text": HOSTILE})
    make.version(resource_id, public_id="version00001", version_index=1, version_label=HOSTILE)
    make.translation(resource_id, "pt-BR", name=HOSTILE, description=HOSTILE)
    make.translation(resource_id, "en")
    make.resource(public_id="resource0001")
    first, second = exported(database_url, "resources")
    assert (first["created_by_public_id"], first["deleted_by_public_id"]) == ("firstuser000",) * 2
    assert (first["is_deleted"], first["score"]) == (True, -5)
    assert first["latest_version_public_id"] == "version00001"
    assert [version["public_id"] for version in first["versions"]] == [
        "version00000",
        "version00001",
    ]
    assert first["versions"][0]["config"] == {"text": HOSTILE}
    assert first["versions"][1]["version_label"] == HOSTILE
    assert [each["language"] for each in first["translations"]] == ["en", "pt-BR"]
    assert first["translations"][1]["description"] == HOSTILE
    assert (second["versions"], second["translations"]) == ([], [])
    assert second["latest_version_public_id"] is None


def test_a_run_is_one_line_with_its_steps_and_values(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    ada = make.user(public_id="firstuser000")
    version_id = make.version(make.resource(), public_id="version00000")
    run_id = make.run(ada, public_id="run000000000", resource_version_id=version_id, data=HOSTILE)
    make.run_step(ada, run_id, 2, time_elapsed=5)
    make.run_step(ada, run_id, 1, name=HOSTILE)
    make.run_io(ada, run_id, "input", HOSTILE, {HOSTILE: [None]}, step=1)
    make.run_io(ada, run_id, "output", "a", None)
    make.run(ada)
    admin.execute("UPDATE runs SET data = 'null' WHERE id = %s", (make.run(ada),))
    first, without, null = exported(database_url, "runs")
    assert (first["user_public_id"], first["resource_version_public_id"]) == (
        "firstuser000",
        "version00000",
    )
    assert (first["has_data"], first["data"]) == (True, HOSTILE)
    assert [(step["step"], step["name"]) for step in first["steps"]] == [
        (1, HOSTILE),
        (2, "Step 2"),
    ]
    (given,) = first["inputs"]
    assert (given["step"], given["key"], given["value"]) == (1, HOSTILE, {HOSTILE: [None]})
    assert [each["value"] for each in first["outputs"]] == [None]
    assert (without["has_data"], without["data"]) == (False, None)
    assert (null["has_data"], null["data"]) == (True, None)


def test_numbers_of_json_keep_all_their_digits(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    make.version(make.resource())
    number = "123456789012345678901234567890.000000000000000000000000000001"
    admin.execute(
        "UPDATE resource_versions SET config = %s::jsonb", (f'{{"n": {number}, "e": 1e400}}',)
    )
    stream = io.BytesIO()
    export(database_url, "resources", stream)
    assert number.encode() in stream.getvalue()
    assert b"1" + b"0" * 400 in stream.getvalue()


@pytest.mark.slow("large tables")
def test_a_json_of_many_megabytes_is_one_line(database_url: str, make: Factory) -> None:
    text = "x" * 20_000_000
    make.version(make.resource(), config={"text": text})
    (line,) = exported(database_url, "resources")
    assert line["versions"][0]["config"]["text"] == text


def test_rows_come_in_the_order_of_their_keys(database_url: str, make: Factory) -> None:
    users = [f"user{number:08}" for number in (5, 1, 3)]
    ids = [make.user(public_id=public_id) for public_id in users]
    assert [line["public_id"] for line in exported(database_url, "users")] == users
    for number, id in enumerate([*reversed(ids), *ids]):
        make.run(id, public_id=f"run{number:09}")
    owners = [line["user_public_id"] for line in exported(database_url, "runs")]
    assert owners == [user for user in users for _ in range(2)]


def test_an_export_is_of_one_moment(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    # More than the buffers between server and client hold.
    user_id = make.user()
    admin.execute(
        "INSERT INTO runs (user_id, name, data) "
        "SELECT %s, 'R', to_jsonb(repeat('x', 8000)) FROM generate_series(1, 3000)",
        (user_id,),
    )

    class WritesMeanwhile(io.BytesIO):
        changed = 0

        def write(self, data: Any) -> int:
            if not self.changed:
                self.changed = admin.execute("UPDATE runs SET data = '\"changed\"'").rowcount
                admin.execute("DELETE FROM runs WHERE id % 3 = 0")
                make.run(user_id)
            return super().write(data)

    stream = WritesMeanwhile()
    report = export(database_url, "runs", stream)
    assert stream.changed == report.rows == 3000
    assert b"changed" not in stream.getvalue()
    assert len(exported(database_url, "runs")) == 2001


def test_a_file_is_packed_where_its_name_or_the_caller_says_so(
    database_url: str, make: Factory, tmp_path: Path
) -> None:
    make.user()
    plain, packed = tmp_path / "users.ndjson", tmp_path / "users.ndjson.gz"
    export(database_url, "users", plain)
    export(database_url, "users", packed)
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    stream = io.BytesIO()
    export(database_url, "users", stream, compress=True)
    assert stream.getvalue() == packed.read_bytes()
    export(database_url, "users", packed, compress=False)
    assert packed.read_bytes() == plain.read_bytes()


def test_progress_counts_every_row(database_url: str, make: Factory) -> None:
    for _ in range(3):
        make.user()
    progress = Recorder()
    report = export(database_url, "users", io.BytesIO(), progress=progress)
    assert isinstance(report, ExportReport)
    assert (progress.tasks, progress.done, report.rows) == (["Exporting users", ""], 3, 3)


class FullError(Exception):
    pass


def test_what_fails_leaves_the_file_as_it_was(
    database_url: str, admin: Connection[Any], make: Factory, tmp_path: Path
) -> None:
    class Fails(Recorder):
        def advance(self, count: int) -> None:
            raise FullError

    make.user()
    file = tmp_path / "users.ndjson"
    with pytest.raises(FullError):
        export(database_url, "users", file, progress=Fails())
    assert list(tmp_path.iterdir()) == []
    file.write_text("as it was")
    with pytest.raises(FullError):
        export(database_url, "users", file, progress=Fails())
    assert [each.name for each in tmp_path.iterdir()] == ["users.ndjson"]
    assert file.read_text() == "as it was"
    # The session of a broken export goes.
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND datname = %s"
    names = ("vrooli_data export", admin.info.dbname)
    while admin.execute(sessions, names).fetchone() != (0,):
        pass


def test_a_link_stays_and_its_file_is_replaced(
    database_url: str, make: Factory, tmp_path: Path
) -> None:
    make.user()
    file, link = tmp_path / "real", tmp_path / "link"
    file.touch()
    link.symlink_to(file)
    export(database_url, "users", link)
    assert link.is_symlink()
    assert file.stat().st_size > 0


@pytest.mark.parametrize("place", ["no/such/folder/users", "."])
def test_a_file_that_cannot_be_written_is_named(
    database_url: str, tmp_path: Path, place: str
) -> None:
    with pytest.raises(InvalidFile, match="cannot be written"):
        export(database_url, "users", tmp_path / place)


def test_what_is_asked_wrongly_is_refused_before_a_file_is_made(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "users"
    wrong: Any = "teams"
    with pytest.raises(InvalidInput, match="kind"):
        export(database_url, wrong, file)
    with pytest.raises(InvalidInput, match="file_format"):
        export(database_url, "users", file, file_format=wrong)
    with pytest.raises(InvalidInput, match="compress"):
        export(database_url, "users", file, file_format="arrow", compress=True)
    with pytest.raises(NotMigrated):
        export(empty_database_url, "users", file)
    with pytest.raises(Unavailable):
        export("postgresql://127.0.0.1:1/none", "users", file)
    assert list(tmp_path.iterdir()) == []


def test_without_pyarrow_the_extra_is_named(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"vrooli-data\[arrow\]"):
        export(database_url, "users", io.BytesIO(), file_format="arrow")


@pytest.mark.slow("the seed")
@pytest.mark.parametrize("kind", KINDS)
def test_arrow_has_the_values_of_the_lines(database_url: str, kind: Kind, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    # Without its types, mypy takes it for Any.
    from pyarrow import ipc  # noqa: PLC0415

    seed(database_url, scale=0.002)
    file = tmp_path / "rows.arrow"
    report = export(database_url, kind, file, file_format="arrow")
    stream = io.BytesIO()
    export(database_url, kind, stream, file_format="arrow")
    assert stream.getvalue() == file.read_bytes()
    with ipc.open_file(file) as opened:
        rows = opened.read_all().to_pylist()
    lines = exported(database_url, kind)
    assert report.rows == len(rows) == len(lines) > 0
    for row, line in zip(rows, lines, strict=True):
        del line["format"]
        assert as_line(row) == line


def as_line(value: Any, name: str = "") -> Any:
    """Return a value of Arrow as JSON has it."""
    if name in ("config", "data", "value"):
        return json.loads(value)
    if isinstance(value, dict):
        return {key: as_line(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [as_line(item) for item in value]
    return msgspec.to_builtins(value)


@pytest.mark.slow("the command line")
def test_the_command_writes_a_file_or_the_standard_output(
    database_url: str, make: Factory, tmp_path: Path
) -> None:
    make.user(name=HOSTILE)
    file = tmp_path / "users.ndjson"
    output = succeed("export", "users", file, "--database-url", database_url)
    assert "rows/s" in output
    piped = subprocess.run(
        [*PROGRAM, "export", "users", "-", "--gzip", "--database-url", database_url],
        capture_output=True,
        check=True,
        env=ENVIRONMENT,
    )
    assert piped.stderr == b""
    assert gzip.decompress(piped.stdout) == file.read_bytes()
    told = fail(2, "export", "users", "--format", "arrow", "--gzip", "--database-url", database_url)
    assert told == "--gzip: does not go with Arrow, which has its own compression"
    missing = tmp_path / "none" / "users"
    told = fail(1, "export", "users", missing, "--database-url", database_url)
    assert told == f"{missing}: cannot be written: No such file or directory"


@pytest.mark.slow("the command line")
def test_an_interrupted_command_leaves_no_file(
    database_url: str, admin: Connection[Any], make: Factory, tmp_path: Path
) -> None:
    for _ in range(100):
        make.version(make.resource(), config={"text": "x" * 100_000})
    fifo, file = tmp_path / "fifo", tmp_path / "resources.ndjson"
    os.mkfifo(fifo)
    lock = "BEGIN; LOCK TABLE resource_translations IN ACCESS EXCLUSIVE MODE"
    admin.execute(lock)
    exporting = subprocess.Popen(
        [*PROGRAM, "export", "resources", str(file), "--database-url", database_url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    while admin.execute(waiting).fetchone() == (0,):
        assert exporting.poll() is None
    assert [each.name for each in tmp_path.iterdir() if each.name.endswith(".part")]
    exporting.send_signal(signal.SIGINT)
    assert exporting.communicate(timeout=60) == (b"", b"")
    assert exporting.returncode == 130
    admin.execute("ROLLBACK")
    assert [each.name for each in tmp_path.iterdir()] == ["fifo"]
    # A reader that goes away ends it too.
    reading = subprocess.Popen(
        [*PROGRAM, "export", "resources", str(fifo), "--database-url", database_url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    with fifo.open("rb") as pipe:
        assert pipe.read(10) == b'{"format":'
    assert reading.communicate(timeout=60) == (b"", b"")
    assert reading.returncode == 1
