"""Call every method of the repositories, and record which query it runs with which parameters.

Nothing is executed: the rows that a method gets to see are made from the query's record.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Container, Iterator, Sequence
from itertools import product
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple, TypeVar, get_type_hints

import msgspec

from .._async.repository import AsyncExecutor, AsyncRepository
from .._async.session import AsyncMerger, AsyncRunner
from .._bound import BoundQuery, Query, arranged
from .._pages import Page
from .._rows import Row
from ..errors import InvalidInput, NotFound, VrooliDataError
from ..validation import json_text
from .examples import Example, Examples, NoExampleError, row, row_values

R = TypeVar("R")
T = TypeVar("T")

#: What raises by itself where there is no row.
_GETTERS = (AsyncRepository.get_one.__code__, AsyncRepository.get_scalar.__code__)
#: More than any example of a limit, so that a page is followed by another.
_ROWS = 50


class Call(NamedTuple):
    """One query that a method ran."""

    #: As a reader finds it: ``AsyncUserRepository.find_by_id``.
    method: str
    query: str
    #: What the rows become.
    record: Any
    parameters: tuple[Any, ...]
    #: What a parameter of this name may hold: arguments given, and fields of inputs and of rows.
    given: dict[str, list[Any]]
    #: Whether the method goes on when there is no row; None where there were rows.
    goes_on_without: bool | None


class Method(NamedTuple):
    """One public method and what it ran."""

    name: str
    path: Path
    line: int
    calls: list[Call]
    #: Why it could not be called at all; None mostly.
    problem: str | None


def record_methods(modules: Sequence[ModuleType]) -> list[Method]:
    """Call each public method of the repositories in all the ways that its annotations tell of."""
    return asyncio.run(_record(_repositories(modules)))


def _repositories(modules: Sequence[ModuleType]) -> list[type[AsyncRepository]]:
    """Return the repositories; one that others are made of is called through those."""
    found = [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, AsyncRepository)
        and kind.__module__ == module.__name__
    ]
    return [kind for kind in found if not any(issubclass(o, kind) for o in found if o is not kind)]


async def _record(repositories: list[type[AsyncRepository]]) -> list[Method]:
    return [
        await _method(repository, function)
        for repository in repositories
        for name, function in inspect.getmembers(repository, inspect.iscoroutinefunction)
        # Those of the base are what the others are made of.
        if not name.startswith("_") and function is not getattr(AsyncRepository, name, None)
    ]


async def _method(repository: type[AsyncRepository], function: Any) -> Method:
    name = f"{repository.__name__}.{function.__name__}"
    code = function.__code__
    calls: list[Call] = []
    problem = None
    try:
        for arguments in _arguments(function):
            for recorder in _recorders(name):
                problem = await _call(repository, function, arguments, recorder) or problem
                calls += recorder.calls
    except NoExampleError as unknown:
        problem = f"takes {unknown}, of which no example is known"
    return Method(name, Path(code.co_filename), code.co_firstlineno, calls, problem)


def _arguments(function: Any) -> Iterator[dict[str, Example]]:
    hints = get_type_hints(function)
    examples = Examples()
    choices = {
        name: examples.argument(hints[name])
        for name in inspect.signature(function).parameters
        # Cursors are what the pages themselves say.
        if name not in ("self", "cursor")
    }
    for choice in product(*choices.values()):
        yield dict(zip(choices, choice, strict=True))


def _recorders(method: str) -> Iterator[_Recorder]:
    for extensions in ((), _Every()):
        for rows in (_ROWS, 0):
            yield _Recorder(method, rows, extensions)


async def _call(  # noqa: PLR0911 (one for each way it may end)
    repository: type[AsyncRepository],
    function: Any,
    examples: dict[str, Example],
    recorder: _Recorder,
) -> str | None:
    """Call a method with the first examples that it accepts, and with the cursors of its page."""
    ranks = dict.fromkeys(examples, 0)
    while True:
        try:
            arguments = {name: example(ranks[name]) for name, example in examples.items()}
        except IndexError:
            # These arguments do not go together, whatever their values.
            return None
        recorder.give(arguments)
        bound = function.__get__(repository(AsyncExecutor(recorder)))
        try:
            page = await bound(**arguments)
            if isinstance(page, Page) and page.next_cursor:
                page = await bound(**arguments, cursor=page.next_cursor)
            if isinstance(page, Page) and page.previous_cursor:
                await bound(**arguments, cursor=page.previous_cursor)
        except InvalidInput as refused:
            if _code_of(refused) is arranged.__code__:
                return f"raises InvalidInput: {refused}"
            # What is wrong with one item of a list is wrong with the list.
            argument = refused.field.partition("[")[0]
            if argument not in ranks:
                return None
            ranks[argument] += 1
        except VrooliDataError as error:
            if isinstance(error, NotFound) and _code_of(error) in _GETTERS:
                # Whether the header says that there may be no row, it is an error of the caller's.
                recorder.calls[-1] = recorder.calls[-1]._replace(goes_on_without=None)
            return None
        except Exception as error:  # noqa: BLE001 (whatever it is, it is the finding)
            if recorder.has_no_rows and recorder.calls:
                # It takes for granted that the last query always returns a row.
                recorder.calls[-1] = recorder.calls[-1]._replace(goes_on_without=False)
                return None
            return f"raises {type(error).__name__}: {error}"
        else:
            return None


def _code_of(error: BaseException) -> CodeType | None:
    """Return the code that raised an error."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return None if place is None else place.tb_frame.f_code


class _Every(Container[str]):
    """The extensions of a server that has all."""

    def __contains__(self, name: object) -> bool:
        return True


class _Recorder:
    """A runner that keeps what it is asked to run, and answers with example rows."""

    def __init__(self, method: str, rows: int, extensions: Container[str]) -> None:
        self.extensions = extensions
        self.merger: AsyncMerger | None = self
        self.has_no_rows = rows == 0
        self.calls: list[Call] = []
        self._method = method
        self._rows = rows
        self._given: dict[str, list[Any]] = {}

    def give(self, arguments: dict[str, Any]) -> None:
        """Note the arguments of the call that follows."""
        self._given = {}
        for name, value in arguments.items():
            fields = {name: value}
            if isinstance(value, msgspec.Struct):
                fields = msgspec.structs.asdict(value)
            # Two inputs may have a field of one name.
            for field, held in fields.items():
                self._given.setdefault(field, []).append(held)

    async def rows(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Keep the query and its parameters."""
        # msgspec's stubs hide that a class of records can be hashed.
        kind: Any = query.record
        places = {
            f"{direction}_{name}": [value]
            for direction in ("after", "before")
            for name, value in row_values(kind).items()
        }
        given = places | self._given
        goes_on = True if self._rows == 0 else None
        self.calls.append(Call(self._method, query.name, kind, parameters, given, goes_on))
        if query.counts_rows:
            return [(self._rows,)]
        return [row(kind)] * self._rows

    async def find(self, query: Query[..., R], key: Any) -> R | None:
        """Keep the query of one key, and that of many, which may take its place."""
        if query.many is not None:
            await self.rows(query.many, (json_text([key]),))
        rows = await self.rows(query, (key,))
        return query.record_of(rows[0]) if rows else None

    async def atomic(self, body: Callable[[AsyncRunner], Awaitable[T]]) -> T:
        """Run what belongs together."""
        return await body(self)
