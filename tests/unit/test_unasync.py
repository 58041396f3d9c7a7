"""The generator of the sync face: what it changes, what it refuses, what its check notices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tools import unasync

NAMES = {"_async": "_sync", "asynccontextmanager": "contextmanager", "__anext__": "__next__"}
#: Uses every entry, so that a tree with this file is not refused for an entry without a use.
EVERY_NAME = "from .._async import asynccontextmanager, __anext__\n"
USERS = "vrooli_data/_async/users.py"
GENERATED = "vrooli_data/_sync/users.py"


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unasync, "NAMES", NAMES)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project with one source, whose generated file is up to date."""
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 60\n")
    put(tmp_path, "vrooli_data/_async/__init__.py", "")
    put(tmp_path, "tests/_async/names.py", EVERY_NAME)
    put(tmp_path, USERS, "async def find() -> None:\n    await connect()\n")
    assert unasync.main([], tmp_path) == 0
    return tmp_path


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("async def f() -> None: ...\n", "def f() -> None: ...\n"),
        ("async with db.transaction() as tx:\n", "with db.transaction() as tx:\n"),
        ("return [row async for row in rows]\n", "return [row for row in rows]\n"),
        ("user = await find(await key())\n", "user = find(key())\n"),
        ("db: AsyncDatabase = AsyncDatabase()\n", "db: Database = Database()\n"),
        ("psycopg.AsyncConnection.connect()\n", "psycopg.Connection.connect()\n"),
        ("from .._async import users\n", "from .._sync import users\n"),
        ("@asynccontextmanager\n", "@contextmanager\n"),
        ("def __anext__(self): ...\n", "def __next__(self): ...\n"),
    ],
)
def test_each_keyword_and_name_becomes_its_sync_form(source: str, expected: str) -> None:
    assert unasync.convert(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "asynchronous = awaited = Asynchronous = MyAsyncThing = Async = 1\n",
        'name = "users"  # await AsyncDatabase in a comment\n',
        'text = """\n\tasync def f(): await g()\n"""\n',
        "text = f'{rows!r:>10} {AsyncDatabase}'\n",
    ],
)
def test_other_names_strings_and_comments_stay_as_they_are(source: str) -> None:
    assert unasync.convert(source) == source


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        ('"""Say await."""\n', [(1, "await")]),
        ('x = 1\ny = """\n\nIn AsyncDatabase.\n"""\n', [(4, "AsyncDatabase")]),
        ('x = "a" "b _async c"\n', [(1, "_async")]),
        ("x = f'{await f()}'\n", [(1, "await")]),
        (
            "x = f'''\n{db} {[\n  r async for r in AsyncRows()]}'''\n",
            [(3, "async"), (3, "AsyncRows")],
        ),
        ("x = f'{a:{width}} __anext__'\n", [(1, "__anext__")]),
        (r'x = "line\nawait"' + "\n", [(1, "await")]),
        ('x = "awaiting asynchronous AsyncS3cret2"\n', [(1, "AsyncS3cret2")]),
        ('x = "asynchronous awaiting"\n', []),
    ],
)
def test_a_word_in_a_string_that_code_would_change_is_refused(
    source: str, refused: list[tuple[int, str]]
) -> None:
    assert unasync.refusals(source) == refused


def test_a_refusal_names_file_line_and_word_and_writes_nothing(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (tree / GENERATED).read_text()
    put(tree, USERS, 'x = 1\ny = "await it"\n')

    assert unasync.main([], tree) == 1

    assert f"{USERS}:2: 'await' stands in a string" in capsys.readouterr().err
    assert (tree / GENERATED).read_text() == before


def test_a_name_of_the_table_that_nothing_uses_is_refused(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tree, "tests/_async/names.py", EVERY_NAME.replace("__anext__", "anext"))

    assert unasync.main(["--check"], tree) == 1

    assert capsys.readouterr().err == "NAMES['__anext__'] is never used: remove it\n"


def test_a_generated_file_says_from_what_and_is_formatted_as_the_project_is(tree: Path) -> None:
    put(
        tree,
        USERS,
        "from collections.abc import AsyncIterator, Iterator, Sized\n"
        "from psycopg import AsyncConnection\n"
        "from msgspec import Struct\n\n\n"
        "async def find() -> None:\n"
        "    user = await connection.fetch_one_or_none(\n"
        "        query, public_id\n"
        "    )\n",
    )

    assert unasync.main([], tree) == 0

    assert (tree / GENERATED).read_text() == (
        f"# Generated from {USERS} by tools/unasync.py. Do not edit.\n"
        "from collections.abc import Iterator, Sized\n\n"
        "from msgspec import Struct\n"
        "from psycopg import Connection\n\n\n"
        "def find() -> None:\n"
        "    user = connection.fetch_one_or_none(query, public_id)\n"
    )


def test_a_source_that_is_not_python_is_refused(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tree, USERS, "async def find() -> None:\n    return )\n")

    assert unasync.main([], tree) == 1

    assert f"{USERS}:2: unmatched ')'" in capsys.readouterr().err


def test_the_check_accepts_what_was_just_written(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()

    assert unasync.main(["--check"], tree) == 0

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:0],
        lambda text: text + "\n",
        lambda text: text.replace("connect", "reconnect"),
        lambda text: text.replace("Generated from", "Written like"),
    ],
    ids=["emptied", "longer", "edited", "without its header"],
)
def test_the_check_notices_a_stale_file(
    tree: Path, capsys: pytest.CaptureFixture[str], change: Callable[[str], str]
) -> None:
    put(tree, GENERATED, change((tree / GENERATED).read_text()))
    capsys.readouterr()

    assert unasync.main(["--check"], tree) == 1

    assert capsys.readouterr().out == f"stale: {GENERATED}\n"


def test_the_check_notices_missing_and_extra_files_and_changes_nothing(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tree, "vrooli_data/_async/teams.py", "x = 1\n")
    (tree / USERS).unlink()
    capsys.readouterr()

    assert unasync.main(["--check"], tree) == 1

    assert capsys.readouterr().out == f"extra: {GENERATED}\nmissing: vrooli_data/_sync/teams.py\n"
    assert (tree / GENERATED).exists()
    assert not (tree / "vrooli_data/_sync/teams.py").exists()


def test_writing_touches_only_what_differs(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    untouched = tree / "tests/_sync/names.py"
    before = untouched.stat().st_mtime_ns
    put(tree, "vrooli_data/_async/teams.py", "x = 1\n")
    (tree / USERS).unlink()
    capsys.readouterr()

    assert unasync.main([], tree) == 0

    expected = f"removed: {GENERATED}\nwritten: vrooli_data/_sync/teams.py\n"
    assert capsys.readouterr().out == expected
    assert untouched.stat().st_mtime_ns == before
    assert unasync.main(["--check"], tree) == 0


def test_a_file_written_by_hand_among_the_generated_ones_is_never_removed(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tree, "vrooli_data/_sync/helpers.py", "x = 1\n")

    assert unasync.main(["--check"], tree) == 1
    assert unasync.main([], tree) == 1

    refused = "not generated, and without a source: vrooli_data/_sync/helpers.py\n"
    assert capsys.readouterr().err.endswith(refused)
    assert (tree / "vrooli_data/_sync/helpers.py").exists()


def test_the_hand_written_twins_are_left_alone(tree: Path) -> None:
    put(tree, "vrooli_data/_async/_compat.py", 'x = "await"\n')
    put(tree, "tests/_sync/deep/_compat.py", "x = 2\n")

    assert unasync.main([], tree) == 0

    assert not (tree / "vrooli_data/_sync/_compat.py").exists()
    assert (tree / "tests/_sync/deep/_compat.py").read_text() == "x = 2\n"
    assert unasync.main(["--check"], tree) == 0


def test_files_in_folders_are_generated_too(tree: Path) -> None:
    put(tree, "tests/_async/deep/er/test_x.py", "async def test_x() -> None: ...\n")

    assert unasync.main([], tree) == 0

    assert (tree / "tests/_sync/deep/er/test_x.py").read_text() == (
        "# Generated from tests/_async/deep/er/test_x.py by tools/unasync.py. Do not edit.\n"
        "def test_x() -> None: ...\n"
    )
