"""The import of runs: files of the export, and lines with mistakes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, get_type_hints

import psycopg
import pytest
from psycopg import Connection

from tests._sync._compat import Started, until_waiting
from tests.test_import import check_counts
from vrooli_data._export import export
from vrooli_data._import import ImportReport, RejectedLine, import_file
from vrooli_data._import._run_line import _RunLine, _StepLine, _ValueLine
from vrooli_data._seed import seed
from vrooli_data.records import lines as exported_lines
from vrooli_data.validation import MAX_DEPTH

from .factories import Factory

MOMENT = "2026-01-02T03:04:05.678901Z"
USER = "user00000000"
VERSION = "version00000"
TOLD_NOBODY = "value-of-the-row"


def step(number: int = 1, **values: Any) -> dict[str, Any]:
    return {
        "step": number,
        "name": TOLD_NOBODY,
        "status": "Completed",
        "time_elapsed": None,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    } | values


def value(**values: Any) -> dict[str, Any]:
    return {
        "step": 0,
        "key": "key",
        "value": {"a": TOLD_NOBODY},
        "created_at": MOMENT,
        "updated_at": MOMENT,
    } | values


def run(number: int = 1, **values: Any) -> dict[str, Any]:
    return {
        "format": "run/2",
        "public_id": f"run{number:09}",
        "user_public_id": USER,
        "resource_version_public_id": None,
        "name": "Run",
        "status": "Completed",
        "is_private": False,
        "has_data": True,
        "data": {"size": number},
        "started_at": MOMENT,
        "completed_at": None,
        "time_elapsed": 5,
        "completed_complexity": 0,
        "context_switches": 1,
        "revision": 3,
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "steps": [],
        "inputs": [],
        "outputs": [],
    } | values


def line(number: int = 1, **values: Any) -> bytes:
    return json.dumps(run(number, **values)).encode() + b"\n"


@pytest.fixture
def ada(make: Factory) -> int:
    return make.user(public_id=USER)


def imported(
    url: str, lines: Iterable[bytes], **options: Any
) -> tuple[ImportReport, list[RejectedLine]]:
    rejected: list[RejectedLine] = []
    stream = io.BytesIO(b"".join(lines))
    report = import_file(url, "runs", stream, on_rejected=rejected.extend, **options)
    assert report.read == report.inserted + report.skipped + report.rejected
    assert report.rejected == len(rejected)
    return report, rejected


def reasons(rejected: Iterable[RejectedLine]) -> list[tuple[int, str | None, str]]:
    return [(each.line, each.constraint, each.reason) for each in rejected]


def runs(url: str) -> list[bytes]:
    """Return all runs as lines, in the order of their public ids."""
    stream = io.BytesIO()
    export(url, "runs", stream)
    return sorted(stream.getvalue().splitlines(keepends=True))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (_RunLine, exported_lines.RunLine),
        (_StepLine, exported_lines.StepLine),
        (_ValueLine, exported_lines.ValueLine),
    ],
    ids=["run", "step", "value"],
)
def test_a_line_has_the_fields_of_an_exported_one(ours: Any, theirs: Any) -> None:
    tag = theirs.__struct_config__.tag
    # msgspec reads a line without its tag. So the format is a field when it is read.
    written = {"format": Literal[tag]} if tag else {}
    read = get_type_hints(ours)
    assert list(read) == [*written, *get_type_hints(theirs)]
    assert read.items() >= written.items()


def test_an_import_of_an_export_gives_back_every_run(
    admin: Connection[Any], database_url: str
) -> None:
    seed(database_url, scale=0.001)
    admin.execute("UPDATE runs SET data = 'null' WHERE id % 3 = 0")
    admin.execute("UPDATE runs SET data = NULL WHERE id % 3 = 1")
    before = runs(database_url)
    assert len(before) > 100
    admin.execute("DELETE FROM runs")
    report, rejected = imported(database_url, before, batch_size=70)
    assert rejected == []
    check_counts(report, len(before), len(before), 0)
    assert runs(database_url) == before
    again, _ = imported(database_url, before)
    assert (again.inserted, again.skipped) == (0, len(before))
    assert runs(database_url) == before


def test_json_comes_back_with_all_digits_and_nulls(database_url: str, ada: int) -> None:
    number = "123456789012345678901234567890"
    given = line(
        data=[None, "here"],
        steps=[step(2), step(1, time_elapsed=2**63 - 1)],
        inputs=[value(value=None), value(step=2, value="here")],
        outputs=[value(value=False)],
    ).replace(b'"here"', number.encode())
    report, rejected = imported(database_url, [given])
    assert (report.inserted, rejected) == (1, [])
    (back,) = runs(database_url)
    loaded, expected = json.loads(back), json.loads(given)
    assert [each["step"] for each in loaded["steps"]] == [1, 2]
    expected["steps"].reverse()
    assert loaded == expected
    assert back.count(number.encode()) == 2


#: Lines, with the field that is refused and how the reason begins.
BAD_LINES: dict[str, tuple[bytes, str | None, str]] = {
    "not json": (b"{\n", None, "is not JSON"),
    "blank": (b"\n", None, "is not JSON: it is empty"),
    "no format": (line().replace(b'"format": "run/2", ', b""), "format", "must be run/2"),
    "format of users": (line(format="user/2"), "format", "must be run/2"),
    "next version": (line(format="run/3"), "format", "must be run/2"),
    "unknown field": (line(colour=1), None, "has the unknown field 'colour'"),
    "unknown field of a step": (
        line(steps=[step(colour=1)]),
        "steps[0]",
        "has the unknown field 'colour'",
    ),
    "missing field": (
        b'{"format": "run/2", "public_id": "run000000001"}\n',
        None,
        "object missing required field",
    ),
    "missing field of a value": (
        line(inputs=[{"step": 1}]),
        "inputs[0]",
        "object missing required field `key`",
    ),
    "field twice": (
        line().replace(b'"name": "Run"', b'"name": "Run", "name": "Run"'),
        None,
        "has the key 'name' twice",
    ),
    "field of a step twice": (
        line(steps=[step()]).replace(b'"step": 1', b'"step": 1, "step": 2'),
        None,
        "has the key 'step' twice",
    ),
    "key of data twice": (
        line(data={"a": "here"}).replace(b'"here"', b'1, "a": 2'),
        None,
        "has the key 'a' twice",
    ),
    "key of an output twice": (
        line(outputs=[value(value={"a": "here"})]).replace(b'"here"', b'1, "a": 2'),
        None,
        "has the key 'a' twice",
    ),
    "public id": (line(public_id="RUN"), "public_id", "expected `str` matching"),
    "user": (line(user_public_id=None), "user_public_id", "expected `str`, got `null`"),
    "status": (line(status=TOLD_NOBODY), "status", "must be one of Scheduled, InProgress"),
    "status of a step": (
        line(steps=[step(2), step(status=TOLD_NOBODY)]),
        "steps[1].status",
        "must be one of Scheduled, InProgress, Completed, Skipped, Failed",
    ),
    "empty name": (line(name=""), "name", "expected `str` of length >= 1"),
    "long name of a step": (
        line(steps=[step(name="x" * 256)]),
        "steps[0].name",
        "expected `str` of length <= 255",
    ),
    "step 0": (line(steps=[step(0)]), "steps[0].step", "expected `int` >= 1"),
    "two steps of one number": (
        line(steps=[step(1), step(2), step(1)]),
        "steps",
        "holds two steps of one number",
    ),
    "value of step -1": (line(inputs=[value(step=-1)]), "inputs[0].step", "expected `int` >= 0"),
    "empty key": (line(inputs=[value(key="")]), "inputs[0].key", "expected `str` of length"),
    "two values of one key": (
        line(outputs=[value(), value(step=1), value()]),
        "outputs",
        "holds two values of one step and key",
    ),
    "negative time": (line(time_elapsed=-1), "time_elapsed", "expected `int` >= 0"),
    "too long a time": (line(time_elapsed=2**63), "time_elapsed", "expected `int` <= "),
    "too large a count": (line(revision=2**31), "revision", "expected `int` <= 2147483647"),
    "moment without a zone": (
        line(created_at="2026-01-02T03:04:05"),
        "created_at",
        "expected `datetime` with a timezone",
    ),
    "moment that is none": (
        line(created_at="2026-02-30T00:00:00Z"),
        "created_at",
        "invalid RFC3339 encoded datetime",
    ),
    "moment before all": (
        line(started_at="0001-01-01T23:59:59Z"),
        "started_at",
        "must be from 0001-01-02 to 9999-12-30",
    ),
    "moment of a step behind all": (
        line(steps=[step(updated_at="9999-12-31T00:00:00Z")]),
        "steps[0].updated_at",
        "must be from 0001-01-02 to 9999-12-30",
    ),
    "moment of a value behind all": (
        line(inputs=[value(created_at="9999-12-31T00:00:00Z")]),
        "inputs[0].created_at",
        "must be from 0001-01-02 to 9999-12-30",
    ),
    "data that is not there": (
        line(has_data=False),
        "data",
        "must be null where has_data is false",
    ),
    "nul in data": (line(data=["\0"]), None, "holds the character NUL"),
    "nul in a key": (line(inputs=[value(key="\0")]), None, "holds the character NUL"),
    "data nested 101 deep": (
        line(data="here").replace(b'"here"', b"[" * 101 + b"]" * 101),
        "data",
        "is nested more than 100 levels deep",
    ),
    "value nested 101 deep": (
        line(inputs=[value(value="here")]).replace(b'"here"', b"[" * 101 + b"]" * 101),
        "inputs[0].value",
        "is nested more than 100 levels deep",
    ),
    "value of 1e400": (
        line(inputs=[value(value="here")]).replace(b'"here"', b"1e400"),
        "inputs[0].value",
        "number out of range",
    ),
    "value of 1e-20000": (
        line(inputs=[value(value="here")]).replace(b'"here"', b"1e-20000"),
        "inputs[0].value",
        "holds a number with more than 16383 digits",
    ),
}


def test_bad_lines_are_reported_with_number_and_reason_and_the_others_are_loaded(
    database_url: str, ada: int
) -> None:
    lines = [
        each
        for number, (bad, _, _) in enumerate(BAD_LINES.values(), 10)
        for each in (line(number), bad)
    ]
    report, rejected = imported(database_url, lines)
    check_counts(report, len(lines), len(BAD_LINES), len(BAD_LINES))
    assert len(runs(database_url)) == len(BAD_LINES)
    expected = zip(range(2, len(lines) + 1, 2), BAD_LINES.items(), strict=True)
    for each, (number, (name, (bad, field, reason))) in zip(rejected, expected, strict=True):
        assert (each.line, each.field, each.constraint) == (number, field, None), name
        assert each.reason.startswith(reason), name
        assert TOLD_NOBODY not in each.reason
        assert each.raw == bad.rstrip(b"\n").decode()


def test_what_the_schema_allows_is_taken(database_url: str, ada: int) -> None:
    lines = [
        line(1, name="𝄞" * 255, time_elapsed=2**63 - 1, revision=2**31 - 1),
        line(2, created_at="0001-01-02T00:00:00Z", updated_at="9999-12-30T00:00:00Z"),
        line(3, inputs=[value(key="k" * 255), value(key="k", step=2**31 - 1)]),
        line(4, data="here").replace(b'"here"', b"[" * MAX_DEPTH + b"]" * MAX_DEPTH),
        line(5, created_at="2026-01-02T05:04:05+02:00", data={"time": "12:30:00"}),
        # No step needs to have the number of a value.
        line(6, steps=[step(7)], outputs=[value(step=9)]),
        line(7, status="Scheduled", data=None, has_data=False),
    ]
    report, rejected = imported(database_url, lines)
    assert rejected == []
    assert report.inserted == len(lines)


def test_runs_of_what_is_absent_are_reported(
    admin: Connection[Any], database_url: str, ada: int, make: Factory
) -> None:
    make.version(make.resource(), public_id=VERSION)
    make.version(make.resource(is_deleted=True), public_id="deleted00000")
    lines = [
        line(1, resource_version_public_id=VERSION, status="Scheduled"),
        line(2, user_public_id="nobody000000"),
        line(3, resource_version_public_id="nothing00000"),
        line(4, resource_version_public_id="deleted00000", status="Paused"),
        line(5, resource_version_public_id="deleted00000", status="Cancelled"),
        line(6, user_public_id="nobody000000", resource_version_public_id="nothing00000"),
        # It is there, whatever its user is called in the file.
        line(1, user_public_id="nobody000000"),
    ]
    report, rejected = imported(database_url, lines)
    assert reasons(rejected) == [
        (2, "runs_user_id_fkey", "there is no such user"),
        (3, "runs_resource_version_id_fkey", "there is no such version"),
        (4, "runs_resource_version_id_fkey", "the resource is deleted"),
        (6, "runs_user_id_fkey", "there is no such user"),
        (7, "runs_user_id_fkey", "there is no such user"),
    ]
    check_counts(report, 7, 2, 5)
    again, rejected = imported(database_url, [lines[0], lines[6]])
    assert (again.inserted, again.skipped, rejected) == (0, 2, [])
    assert admin.execute("SELECT count(*) FROM stats_users").fetchone() == (0,)


def test_the_first_good_line_of_a_public_id_wins(database_url: str, ada: int) -> None:
    lines = [line(name=""), line(name="first"), line(name="second"), line(2), line(name="third")]
    for _ in range(2):
        imported(database_url, lines, batch_size=3)
        assert [json.loads(each)["name"] for each in runs(database_url)] == ["first", "Run"]


def test_strict_writes_no_run_where_the_database_refuses_one(database_url: str, ada: int) -> None:
    with pytest.raises(Exception, match="nothing was written, because 1 of 3 lines are bad"):
        imported(
            database_url,
            [line(1), line(2, user_public_id="nobody000000"), line(3)],
            strict=True,
        )
    assert runs(database_url) == []


def test_no_run_escapes_a_deletion(
    admin: Connection[Any], database_url: str, ada: int, make: Factory
) -> None:
    kept, gone = make.resource(), make.resource()
    make.version(kept, public_id=VERSION)
    make.version(gone, public_id="deleted00000")
    lines = [
        line(1, resource_version_public_id=VERSION, status="Scheduled"),
        line(2, resource_version_public_id="deleted00000", status="Scheduled"),
        line(3, resource_version_public_id="deleted00000", status="Completed"),
    ]
    with psycopg.connect(database_url) as other:
        other.execute("UPDATE resources SET is_deleted = TRUE WHERE id = %s", (gone,))
        importing = Started(lambda: imported(database_url, lines))
        until_waiting(admin)
        other.commit()
    report, rejected = importing.result()
    assert reasons(rejected) == [(2, "runs_resource_version_id_fkey", "the resource is deleted")]
    check_counts(report, 3, 2, 1)


def test_a_user_who_is_deleted_meanwhile_gets_no_run(
    admin: Connection[Any], database_url: str, ada: int, make: Factory
) -> None:
    make.user(public_id="nobody000000")
    with psycopg.connect(database_url) as other:
        other.execute("DELETE FROM users WHERE public_id = 'nobody000000'")
        importing = Started(
            lambda: imported(database_url, [line(1), line(2, user_public_id="nobody000000")])
        )
        until_waiting(admin)
        other.commit()
    report, rejected = importing.result()
    assert reasons(rejected) == [(2, "runs_user_id_fkey", "there is no such user")]
    check_counts(report, 2, 1, 1)


def test_two_imports_at_once_insert_each_run_once(
    admin: Connection[Any], database_url: str, ada: int
) -> None:
    lines = [line(number, steps=[step()], inputs=[value()]) for number in range(2_000)]
    with ThreadPoolExecutor() as pool:
        with psycopg.connect(database_url) as gate:
            gate.execute("LOCK TABLE runs IN SHARE ROW EXCLUSIVE MODE")
            calls = [
                pool.submit(imported, database_url, given, batch_size=700)
                for given in (lines, lines[::-1])
            ]
            until_waiting(admin, 2)
        done = [call.result() for call in calls]
    assert [rejected for _, rejected in done] == [[], []]
    assert sum(report.inserted for report, _ in done) == 2_000
    for table in ("runs", "run_steps", "run_io"):
        assert admin.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (2_000,)
