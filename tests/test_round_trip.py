"""An import of an export makes the same rows, and a second one makes none."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args, get_type_hints

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from vrooli_data import CreateVersion, Database, migrate
from vrooli_data._export import export
from vrooli_data._import import (
    ImportReport,
    RejectedLine,
    _exported_resource,
    _user_line,
    import_file,
)
from vrooli_data._import._kinds import Kind
from vrooli_data._seed import seed
from vrooli_data.records import lines

from .factories import Factory
from .test_export import HOSTILE

KINDS: tuple[Kind, ...] = get_args(Kind)
Snapshot: TypeAlias = dict[str, list[Any]]

#: Every column of every table, with public ids in place of the server's ids.
TABLES = {
    "users": "SELECT to_jsonb(users) - 'id' FROM users ORDER BY public_id",
    "resources": """
SELECT
    to_jsonb(resources) - '{id,created_by_id,deleted_by_id,latest_version_id}'::text[]
    || jsonb_build_array(creators.public_id, deleters.public_id, latest.public_id)
FROM resources
LEFT JOIN users AS creators ON created_by_id = creators.id
LEFT JOIN users AS deleters ON deleted_by_id = deleters.id
LEFT JOIN resource_versions AS latest ON latest_version_id = latest.id
ORDER BY resources.public_id
""",
    "resource_versions": """
SELECT to_jsonb(parts) - '{id,resource_id}'::text[] || jsonb_build_array(resources.public_id)
FROM resource_versions AS parts
INNER JOIN resources ON resource_id = resources.id
ORDER BY parts.public_id
""",
    "resource_translations": """
SELECT to_jsonb(parts) - 'resource_id' || jsonb_build_array(public_id)
FROM resource_translations AS parts
INNER JOIN resources ON resource_id = resources.id
ORDER BY public_id, language
""",
    "runs": """
SELECT
    to_jsonb(runs) - '{id,user_id,resource_version_id}'::text[]
    || jsonb_build_array(users.public_id, versions.public_id, data IS NULL)
FROM runs
INNER JOIN users ON user_id = users.id
LEFT JOIN resource_versions AS versions ON resource_version_id = versions.id
ORDER BY runs.public_id
""",
    "run_steps": """
SELECT to_jsonb(parts) - '{user_id,run_id}'::text[] || jsonb_build_array(public_id)
FROM run_steps AS parts
INNER JOIN runs ON parts.user_id = runs.user_id AND run_id = id
ORDER BY public_id, step
""",
    "run_io": """
SELECT to_jsonb(parts) - '{user_id,run_id}'::text[] || jsonb_build_array(public_id)
FROM run_io AS parts
INNER JOIN runs ON parts.user_id = runs.user_id AND run_id = id
ORDER BY public_id, side, step, key
""",
}
MOMENTS = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 (it gets its zone below)
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001 (as above)
).map(lambda moment: f"{moment.isoformat()}Z")
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.text(CHARACTERS, max_size=40)
NAMES = st.text(CHARACTERS, min_size=1, max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | TEXTS | st.integers() | st.floats(-1e300, 1e300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
CONFIGS = st.dictionaries(TEXTS, JSON, max_size=3)
NUMBERS = st.integers(0, 2**31 - 1)


def snapshot(connection: Connection[Any]) -> Snapshot:
    # As text, so that no digit of a number is lost.
    return {
        table: [
            row for (row,) in connection.execute(f"SELECT found::text FROM ({query}) AS t (found)")
        ]
        for table, query in TABLES.items()
    }


@pytest.fixture
def other_url(empty_database_url: str) -> str:
    """Name another migrated database, without rows."""
    migrate(empty_database_url)
    return empty_database_url


@pytest.fixture
def other(other_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(other_url, autocommit=True) as connection:
        yield connection


def exported(url: str) -> dict[Kind, bytes]:
    files: dict[Kind, bytes] = {}
    for kind in KINDS:
        stream = io.BytesIO()
        export(url, kind, stream)
        files[kind] = stream.getvalue()
    return files


def load(url: str, kind: Kind, data: bytes, *, good: bool = True) -> ImportReport:
    rejected: list[RejectedLine] = []
    report = import_file(url, kind, io.BytesIO(data), on_rejected=rejected.extend)
    if good:
        assert rejected == []
    return report


def carry_over(url: str, other_url: str) -> None:
    """Export everything and import it elsewhere, twice; the export of that is the same."""
    files = exported(url)
    for kind, data in files.items():
        count = data.count(b"\n")
        first = load(other_url, kind, data)
        assert (first.read, first.inserted) == (count, count)
        second = load(other_url, kind, data)
        assert (second.read, second.inserted, second.skipped) == (count, 0, count)
    again = exported(other_url)
    for kind, data in files.items():
        assert sorted(again[kind].splitlines()) == sorted(data.splitlines())


def test_the_export_of_an_empty_database_can_be_imported(
    database_url: str, other_url: str, other: Connection[Any]
) -> None:
    carry_over(database_url, other_url)
    assert not any(snapshot(other).values())


@pytest.mark.slow("the seed")
def test_a_world_comes_back_as_it_was(
    database_url: str, admin: Connection[Any], other_url: str, other: Connection[Any]
) -> None:
    seed(database_url, scale=0.005)
    carry_over(database_url, other_url)
    before = snapshot(admin)
    assert all(before.values())
    assert snapshot(other) == before
    # What was imported can be gone on with: versions have the next index.
    with Database.connect(other_url) as db:
        page = db.resources.find_by_type("Note")
        version = db.resources.add_version(page.items[0].id, CreateVersion(version_label="next"))
        assert version.version_index == page.items[0].last_version_index + 1


def test_hostile_texts_and_numbers_come_back_as_they_were(
    database_url: str,
    admin: Connection[Any],
    make: Factory,
    other_url: str,
    other: Connection[Any],
) -> None:
    user_id = make.user(name=HOSTILE, name_folded=None, email="É@'\"\\n\\u0000\u2028")
    admin.execute(
        "UPDATE users SET name = 'plain', name_folded = 'plain' WHERE id = %s", (user_id,)
    )
    make.user(name=HOSTILE, languages=["EN", "pt-br"], last_active_at="0001-01-02Z")
    resource_id = make.resource(score=-(2**63), views=2**63 - 1, last_version_index=5)
    make.version(resource_id, version_index=7, version_label=HOSTILE, config={HOSTILE: HOSTILE})
    make.version(resource_id, version_index=3)
    make.translation(resource_id, "EN", name="a", description="")
    make.translation(resource_id, "en", name="A", updated_at="9999-12-29T23:59:59.999999Z")
    admin.execute("UPDATE resources SET last_version_index = 9")
    number = "123456789012345678901234567890.000000000000000000000000000001"
    admin.execute(
        "UPDATE resource_versions SET config = %s::jsonb WHERE version_index = 3",
        (f'{{"n": {number}, "small": 1e-30, "null": null, "deep": [[[[]]]]}}',),
    )
    admin.execute("UPDATE resources SET has_complete_version = TRUE")
    run_id = make.run(user_id, name=HOSTILE, data={HOSTILE: [HOSTILE]}, time_elapsed=2**63 - 1)
    make.run_step(user_id, run_id, 2**31 - 1, name=HOSTILE)
    make.run_io(user_id, run_id, "input", HOSTILE, HOSTILE)
    make.run_io(user_id, run_id, "output", HOSTILE, None, step=7)
    null_id = make.run(user_id)
    admin.execute("UPDATE runs SET data = 'null' WHERE id = %s", (null_id,))
    carry_over(database_url, other_url)
    assert without_folded(other) == without_folded(admin)


def without_folded(connection: Connection[Any]) -> Snapshot:
    """Leave out what the import folds, and the tests did not; numbers stay text."""
    return {
        table: [_without_folded(json.loads(row, parse_float=str)) for row in rows]
        for table, rows in snapshot(connection).items()
    }


def _without_folded(value: Any) -> Any:
    if isinstance(value, list):
        return list(map(_without_folded, value))
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if not name.endswith("_folded")}
    return value


@pytest.mark.slow("hostile text")
@given(
    users=st.lists(
        st.fixed_dictionaries(
            {
                "name": NAMES,
                "is_bot": st.booleans(),
                "revision": NUMBERS,
                "created_at": MOMENTS,
                "updated_at": MOMENTS,
            }
        ),
        min_size=1,
        max_size=3,
    ),
    versions=st.lists(
        st.fixed_dictionaries(
            {
                "version_label": NAMES,
                "config": CONFIGS,
                "is_complete": st.booleans(),
                "revision": NUMBERS,
                "created_at": MOMENTS,
            }
        ),
        max_size=3,
    ),
    values=st.dictionaries(NAMES, JSON, max_size=3),
    translations=st.dictionaries(
        st.sampled_from(["en", "pt-BR", "zh-Hant"]),
        st.fixed_dictionaries({"name": NAMES, "description": st.none() | TEXTS}),
    ),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_rows_hold_comes_back(  # noqa: PLR0917 (fixtures and what is drawn)
    database_url: str,
    admin: Connection[Any],
    make: Factory,
    other_url: str,
    other: Connection[Any],
    users: list[dict[str, Any]],
    versions: list[dict[str, Any]],
    values: dict[str, Any],
    translations: dict[str, dict[str, Any]],
) -> None:
    for connection in (admin, other):
        connection.execute("TRUNCATE users, resources CASCADE")
    ids = [make.user(**user) for user in users]
    resource_id = make.resource(created_by_id=ids[0], deleted_by_id=ids[-1])
    for index, version in enumerate(versions):
        make.version(resource_id, version_index=index, **version)
    for language, translation in translations.items():
        make.translation(resource_id, language, **translation)
    run_id = make.run(ids[0], data=values)
    for step, (key, value) in enumerate(values.items()):
        make.run_io(ids[0], run_id, "output", key, value, step=step)
    complete = any(version["is_complete"] for version in versions)
    admin.execute("UPDATE resources SET has_complete_version = %s", (complete,))
    carry_over(database_url, other_url)
    assert without_folded(other) == without_folded(admin)


@pytest.mark.slow("large tables")
def test_a_json_of_megabytes_comes_back(
    database_url: str, make: Factory, other_url: str, other: Connection[Any]
) -> None:
    text = "x" * 10_000_000
    make.version(make.resource(), config={"text": text})
    carry_over(database_url, other_url)
    found = other.execute("SELECT config ->> 'text' FROM resource_versions").fetchone()
    assert found == (text,)


def user(number: int = 1, **values: Any) -> dict[str, Any]:
    return {
        "format": "user/2",
        "public_id": f"{number:012}",
        "email": None,
        "name": "Name",
        "handle": None,
        "is_bot": False,
        "is_private": False,
        "languages": [],
        "last_active_at": None,
        "revision": 0,
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:05Z",
    } | values


def version(number: int = 1, **values: Any) -> dict[str, Any]:
    return {
        "public_id": f"{number:012}",
        "version_index": number,
        "version_label": "1.0",
        "config": {},
        "is_complete": True,
        "revision": 0,
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:05Z",
    } | values


def resource(number: int = 1, **values: Any) -> dict[str, Any]:
    return {
        "format": "resource/2",
        "public_id": f"{number:012}",
        "resource_type": "Note",
        "is_private": False,
        "is_deleted": False,
        "deleted_at": None,
        "deleted_by_public_id": None,
        "score": 0,
        "bookmarks": 0,
        "views": 0,
        "created_by_public_id": None,
        "latest_version_public_id": None,
        "last_version_index": 9,
        "revision": 0,
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:05Z",
        "versions": [],
        "translations": [],
    } | values


TRANSLATION = {
    "language": "en",
    "name": "Name",
    "description": None,
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
}


@pytest.mark.parametrize(
    ("kind", "line", "field"),
    [
        ("users", user(format="user/3"), "format"),
        ("users", user(format="resource/2"), "format"),
        ("users", user(public_id="A" * 12), "public_id"),
        ("users", user(email="Ada@example.org"), "email"),
        ("users", user(email="@example.org"), "email"),
        ("users", user(email="a@" + "x" * 319), "email"),
        ("users", user(name=""), "name"),
        ("users", user(name="\0"), None),
        ("users", user(handle="Ad"), "handle"),
        ("users", user(languages=["e"]), "languages[0]"),
        ("users", user(languages=["en"] * 101), "languages"),
        ("users", user(revision=-1), "revision"),
        ("users", user(revision=2**31), "revision"),
        ("users", user(created_at="0001-01-01T00:00:00Z"), "created_at"),
        ("users", user(updated_at="2026-01-02T03:04:05"), "updated_at"),
        ("users", user(last_active_at="9999-12-31T00:00:00Z"), "last_active_at"),
        ("users", user(more=1), None),
        ("resources", resource(format="resource/1"), "format"),
        ("resources", resource(resource_type="Nothing"), "resource_type"),
        ("resources", resource(views=-1), "views"),
        ("resources", resource(score=2**63), "score"),
        ("resources", resource(last_version_index=-2), "last_version_index"),
        (
            "resources",
            resource(last_version_index=0, versions=[version()]),
            "last_version_index",
        ),
        ("resources", resource(versions=[version(), version(version_index=2)]), "versions"),
        ("resources", resource(versions=[version(), version(2, version_index=1)]), "versions"),
        ("resources", resource(versions=[version(config=[])]), "versions[0].config"),
        ("resources", resource(versions=[version(more=1)]), "versions[0]"),
        (
            "resources",
            resource(latest_version_public_id="1" * 12, versions=[version()]),
            "latest_version_public_id",
        ),
        ("resources", resource(translations=[TRANSLATION] * 2), "translations"),
        (
            "resources",
            resource(translations=[TRANSLATION | {"name": "x" * 256}]),
            "translations[0].name",
        ),
        (
            "resources",
            resource(translations=[TRANSLATION | {"updated_at": "9999-12-31T00:00:00Z"}]),
            "translations[0].updated_at",
        ),
    ],
)
def test_a_line_that_the_schema_does_not_take_is_refused_by_its_field(
    database_url: str, admin: Connection[Any], kind: Kind, line: dict[str, Any], field: str | None
) -> None:
    rejected: list[RejectedLine] = []
    good = user(2) if kind == "users" else resource(2)
    data = b"".join(msgspec.json.encode(each) + b"\n" for each in (line, good))
    report = import_file(database_url, kind, io.BytesIO(data), on_rejected=rejected.extend)
    assert (report.inserted, report.rejected) == (1, 1)
    assert (rejected[0].line, rejected[0].field, rejected[0].constraint) == (1, field, None)
    assert admin.execute(f"SELECT public_id FROM {kind}").fetchall() == [("000000000002",)]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (_user_line._UserLine, lines.UserLine),
        (_exported_resource._ResourceLine, lines.ResourceLine),
        (_exported_resource._VersionLine, lines.VersionLine),
        (_exported_resource._TranslationLine, lines.TranslationLine),
    ],
)
def test_a_line_has_the_fields_of_an_exported_one(ours: Any, theirs: Any) -> None:
    tag = theirs.__struct_config__.tag
    # msgspec reads a line without its tag. So the format is a field when it is read.
    written = {"format": Literal[tag]} if tag else {}
    assert ours.__struct_fields__ == (*written, *theirs.__struct_fields__)
    assert get_type_hints(ours).items() >= written.items()


def test_a_key_that_repeats_in_a_line_is_refused(database_url: str) -> None:
    line = msgspec.json.encode(user()).replace(b'"is_bot":false', b'"is_bot":false,"is_bot":true')
    assert load(database_url, "users", line, good=False).rejected == 1


def test_the_first_line_of_a_user_is_imported(database_url: str, admin: Connection[Any]) -> None:
    given = [user(1, name="First"), user(2), user(1, name="Second")]
    report = load(database_url, "users", msgspec.json.Encoder().encode_lines(given))
    assert (report.read, report.inserted, report.skipped) == (3, 2, 1)
    names = "SELECT name, name_folded FROM users WHERE public_id = %s"
    assert admin.execute(names, [given[0]["public_id"]]).fetchall() == [("First", "first")]


def test_rows_that_the_database_does_not_take_are_reported_with_their_constraint(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    make.user(public_id="firstuser000", email="taken@example.org", handle="taken")
    make.version(make.resource(public_id="resourcetakn"), public_id="versiontaken")
    rejected: list[RejectedLine] = []
    files: dict[Kind, list[dict[str, Any]]] = {
        "users": [
            user(1, email="taken@example.org"),
            user(2, handle="taken"),
            user(3, email="new@example.org"),
            user(4, email="new@example.org"),
            # It is there, and stays as it is.
            user(public_id="firstuser000", email="other@example.org", name="Other"),
        ],
        "resources": [
            resource(1, created_by_public_id="nosuchuser00"),
            resource(2, deleted_by_public_id="nosuchuser00"),
            resource(3, versions=[version(5), version(6, public_id="versiontaken")]),
            resource(4, created_by_public_id="firstuser000", versions=[version(5)]),
            resource(5, versions=[version(5)]),
        ],
    }
    told = {}
    for kind, given_lines in files.items():
        data = b"".join(msgspec.json.encode(line) + b"\n" for line in given_lines)
        report = import_file(database_url, kind, io.BytesIO(data), on_rejected=rejected.extend)
        assert report.inserted == 1
        told[kind] = {each.line: each.constraint for each in rejected}
        rejected.clear()
    assert told == {
        "users": {1: "users_email_key", 2: "users_handle_key", 4: "users_email_key"},
        "resources": {
            1: "resources_created_by_id_fkey",
            2: "resources_deleted_by_id_fkey",
            3: "resource_versions_public_id_key",
            5: "resource_versions_public_id_key",
        },
    }
    found = admin.execute("SELECT public_id, name FROM users ORDER BY 1").fetchall()
    assert found == [("000000000003", "Name"), ("firstuser000", "Ada")]
