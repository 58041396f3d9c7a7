"""Every option of every command: wrong arguments are refused before a server starts.

The commands and their options are found in the application. The folder of the server lies below a
file, so that no test can start one: a command that would says that the folder cannot be created.
"""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias, get_args, get_origin

import pytest
import typer

import vrooli_data
from tests.cli import LINE
from vrooli_data._command_line import command
from vrooli_data._sync.database_events import DatabaseEvents
from vrooli_data.cli import main
from vrooli_data.cli._app import app

pytestmark = pytest.mark.slow("the command line")

#: What is refused, by the type of the option; a flag has no value.
WRONG: dict[Any, tuple[str, ...]] = {
    int: ("1.5", "-1", "9223372036854775808"),
    float: ("much", "0", "-1", "nan", "inf"),
    str: ("", "no such: thing"),
    Path: ("missing/missing", "empty"),
}
#: Where it depends on the option: a folder that is absent is made for the server.
_WRONG_SCHEMA = ("", "pg_toast", "x" * 64)
WRONG_FOR = {
    "--data-dir": ("file",),
    "--database-url": ("no such: thing", "postgresql://nowhere.invalid/x?sslmode=requir"),
    "--schema": _WRONG_SCHEMA,
    "--search-path": _WRONG_SCHEMA,
}
#: What is taken, by the option; see `call` for the files.
RIGHT = {
    "--application": "shop",
    "--batch-size": "1",
    "--database-url": "postgresql://127.0.0.1:1/x",
    "--data-dir": "other",
    "--every": "1",
    "--examples": "examples",
    "--html": "page.html",
    "--lease": "60",
    "--lock-timeout": "1",
    "--max-attempts": "3",
    "--migrations": "migrations",
    "--poll-interval": "1",
    "--prune": "7d",
    "--records": "vrooli_data.records",
    "--rejects": "rejects",
    "--repositories": "vrooli_data._async",
    "--resend": "1/00000000-0000-4000-8000-000000000000",
    "--rollback-to": "0",
    "--scale": "0.01",
    "--schema": "shop",
    "--search-path": "shop",
    "--seed": "1",
    "--sql": "queries",
    "--version": "18",
    "--wait": "1",
    "--wait-initial": "1",
    "--wait-max": "60",
    "command": "cat",
    "query": "users.find_by_id",
    "file": "file",
}
#: With what else an option goes, beside what the beginning of its help says.
ALSO = {("check", "--sql"): ["--records"]}
#: Options that do not go together, and are refused so, by command.
APART = [
    ("events", "--parked", "--prune"),
    ("events", "--parked", "--resend"),
    ("events", "--prune", "--resend"),
    ("events", "--parked", "--lag"),
    ("events", "--parked", "--restamp"),
    ("events", "--prune", "--lag"),
    ("events", "--prune", "--restamp"),
    ("events", "--resend", "--lag"),
    ("events", "--resend", "--restamp"),
    ("events", "--lag", "--restamp"),
    ("relay", "--to", "command"),
    ("check", "--database-url", "--data-dir"),
    ("explain", "--html", "--schema"),
    ("explain", "--html --sql", "--scale"),
    ("migrate", "--status", "--lock-timeout"),
    ("migrate", "--status", "--rollback-to"),
    ("migrate", "--status", "--search-path"),
    ("migrate", "--status", "--wait"),
]
QUERY = """\
-- name: find_one()^
-- Find one.
-- Record: One
-- Index:  none: reads no table
-- Locks:  none
SELECT 1 AS id;
"""


class Option(NamedTuple):
    """One option or argument of one command."""

    command: str
    #: As it is typed; without dashes where it is an argument.
    name: str
    type: Any
    #: The options that its help begins with.
    needs: list[str]

    def __str__(self) -> str:
        return f"{self.command} {self.name}"

    def given(self, value: str) -> list[str]:
        """Return the words that give a value."""
        return [self.name, value] if self.name.startswith("--") else [value]


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, each in group.commands.items():
        if hasattr(each, "commands"):
            yield from _commands(each, f"{before}{name} ")
        else:
            yield before + name, each


def _option(name: str, parameter: Any) -> Option:
    kind = parameter.type_descriptor.annotation
    if get_origin(kind) is list:
        (kind,) = get_args(kind)
    begins = re.match(r"With ([^:]*?)(?: and without .*)?: ", parameter.help or "")
    needs = re.findall(r"--[\w-]+", begins[1]) if begins else []
    return Option(name, parameter.opts[0], kind, needs + ALSO.get((name, parameter.opts[0]), []))


COMMANDS = dict(_commands(typer.main.get_command(app)))
OPTIONS = {
    (name, parameter.opts[0]): _option(name, parameter)
    for name, each in COMMANDS.items()
    for parameter in each.params
}
#: Commands that start a server where nothing is wrong.
STARTING = [name for name in COMMANDS if name not in ("db stop", "db url")]

Call: TypeAlias = Callable[..., str]


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Run a command beside all files that options name, and return its line of error."""
    (tmp_path / "file").write_text(f"{LINE}\n")
    for name in ("empty", "examples", "migrations", "queries"):
        (tmp_path / name).mkdir()
    (tmp_path / "migrations" / "0001_notes.sql").write_text("CREATE TABLE notes ();\n")
    (tmp_path / "queries" / "find_one.sql").write_text(QUERY)
    (tmp_path / "examples" / "any.sql").write_text("-- name: any_query()^\nSELECT 1 AS id;\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.delenv("DATABASE_URL", raising=False)

    def called(name: str, *words: str) -> str:
        given = [*name.split(), *words]
        if name.startswith("import ") and "file" not in words:
            given.append("file")
        if not {"--data-dir", "--database-url"} & set(words):
            given += ["--data-dir", "file/server"]
        monkeypatch.setattr(sys, "argv", ["vrooli-data", *given])
        assert main() in (1, 2)
        *_, last = capsys.readouterr().err.splitlines()
        return last

    return called


def goes_to_the_server(error: str) -> bool:
    return error.endswith("/file/server cannot be created: Not a directory")


def wrong(option: Option) -> tuple[str, ...]:
    if get_origin(option.type) is Literal:
        return ("no-such", "")
    return WRONG_FOR.get(option.name) or WRONG[option.type]


def with_needs(option: Option, words: list[str]) -> list[str]:
    """Return the words that give an option, with those that it needs."""
    for name in option.needs:
        if name not in words:
            other = OPTIONS[option.command, name]
            words = with_needs(other, [*words, *right(other)])
    return words


def right(option: Option) -> list[str]:
    if option.type is bool:
        return [option.name]
    if get_origin(option.type) is Literal and option.name not in RIGHT:
        return option.given(get_args(option.type)[0])
    return option.given(RIGHT[option.name])


@pytest.mark.parametrize("name", STARTING)
def test_a_command_with_nothing_wrong_goes_to_the_server(call: Call, name: str) -> None:
    assert goes_to_the_server(call(name))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        pytest.param(option, value, id=f"{option} {value!r}")
        for option in OPTIONS.values()
        if option.type is not bool
        for value in wrong(option)
    ],
)
def test_a_wrong_value_is_refused_before_a_server_starts(
    call: Call, option: Option, value: str
) -> None:
    message = call(option.command, *with_needs(option, option.given(value)))
    assert option.name.upper().lstrip("-") in message.upper() or f"{value} contains no" in message
    assert not goes_to_the_server(message)


@pytest.mark.parametrize(
    "option",
    [
        option
        for option in OPTIONS.values()
        if option.command in STARTING and option.name not in ("--data-dir", "--database-url")
    ],
    ids=str,
)
def test_an_option_that_needs_another_says_so_in_its_help_and_is_refused_alone(
    call: Call, option: Option
) -> None:
    message = call(option.command, *right(option))
    assert goes_to_the_server(message) == (not option.needs)
    if option.needs:
        named = (option.name, *option.needs)
        assert message.startswith(tuple(f"error: {name}: " for name in named))
    assert goes_to_the_server(call(option.command, *with_needs(option, right(option))))


@pytest.mark.core
@pytest.mark.parametrize(("name", "given", "refused"), APART)
def test_options_that_do_not_go_together_are_refused(
    call: Call, name: str, given: str, refused: str
) -> None:
    words = [word for each in given.split() for word in right(OPTIONS[name, each])]
    message = call(name, *words, *right(OPTIONS[name, refused]))
    assert message.startswith(f"error: {refused}: ")
    assert not goes_to_the_server(message)


def test_every_limit_of_a_relay_has_its_option_with_the_same_default() -> None:
    limits = {
        name: each.default
        for name, each in inspect.signature(DatabaseEvents.relay).parameters.items()
        if name not in ("self", "handlers")
    }
    given = {each.name: each.default for each in COMMANDS["relay"].params}
    assert {name: given.get(name) for name in limits} == limits


PACKAGE = Path(vrooli_data.__file__).parent
#: In texts of the package, and at the beginning of a line of the documents.
TYPED = re.compile(r"(?:`|^\$ )vrooli-data ([a-z][^`\n]*)", re.MULTILINE)


def _texts() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path.name, node.value
    for path in (PACKAGE.parent / "README.md", *sorted(PACKAGE.parent.glob("docs/*.md"))):
        if path.exists():
            yield path.name, path.read_text()


SHOWN = sorted(
    f"{name}: {typed}"
    for name, typed in {(name, typed) for name, text in _texts() for typed in TYPED.findall(text)}
    if not any(each.startswith(f"{typed} ") for each in COMMANDS)
)


def read_options(words: list[str]) -> dict[str, Any]:
    """Read words as the command line does, without looking at the values."""
    length = next(n for n in (2, 1) if " ".join(words[:n]) in COMMANDS)
    named = COMMANDS[" ".join(words[:length])]
    context = named.context_class(named)
    options, rest, _ = named.make_parser(context).parse_args(words[length:])
    assert rest == []
    return dict(options)


@pytest.mark.parametrize("shown", SHOWN)
def test_a_command_that_is_shown_somewhere_can_be_typed(shown: str) -> None:
    read_options(shlex.split(shown.partition(": ")[2], comments=True))


def test_a_command_is_written_with_its_options() -> None:
    typed = command(
        "migrate",
        {"data_dir": "a b"},
        {"migrations": [Path("x"), "y"], "schema": None, "search_path": [], "status": True},
    )
    assert typed == "vrooli-data migrate --data-dir 'a b' --migrations x --migrations y --status"
    options = read_options(shlex.split(typed)[1:])
    assert options == {"data_dir": "a b", "migrations": ["x", "y"], "show_status": True}
