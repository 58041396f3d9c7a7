"""Call every method of repositories, and record the queries that it runs with their parameters.

No query is executed. The rows that a method receives are made from the record of the query.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import islice, product
from math import prod
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any, NamedTuple, TypeVar, get_type_hints

import msgspec

from .._async.repository import AsyncExecutor, AsyncRepository
from .._async.session import AsyncMerger, AsyncTransactionalRunner
from .._bound import BoundQuery, Query, arranged
from .._copying import Copy
from .._outbox import Recording
from .._pages import ListingQuery, Page
from .._rows import Row
from .._sync.repository import Executor, Repository
from .._sync.session import Merger, TransactionalRunner
from ..errors import (
    InvalidFile,
    InvalidInput,
    InvalidUse,
    NotFound,
    RecordMismatch,
)
from ..validation import MAX_MANY, json_text
from .examples import ArgumentExamples, Candidates, NoExampleError, row, row_values
from .modules import RepositoryClass, definition
from .problems import Problem

R = TypeVar("R")
T = TypeVar("T")

#: The methods of the base that raise NotFound if there is no row.
_GETTERS = frozenset(
    getattr(base, name).__code__
    for base in (AsyncRepository, Repository)
    for name in ("get_one", "get_recorded", "get_scalar")
)
#: Rows that are returned to a query without a parameter of the number of rows.
_ROWS = 50
#: A method that reads all pages would never end.
_MOST_QUERIES = 100
#: More than a batch of `iterate`, so that it is followed by another batch.
_MOST_ITEMS = MAX_MANY + 1
#: With more combinations of arguments, only one argument is varied at a time.
_MOST_COMBINATIONS = 500
#: This layer's errors for mistakes in a method.
_USE_ERRORS = (InvalidFile, InvalidUse, RecordMismatch)


class RecordedCall(NamedTuple):
    """One query that a method ran."""

    #: For messages, such as ``AsyncUserRepository.find_by_id``.
    method: str
    query: str
    #: The record of the rows, or the type of the value.
    record: Any
    parameters: tuple[Any, ...]
    #: The possible values of a parameter, by its name: arguments, fields of inputs, fields of rows.
    given: dict[str, list[Any]]
    #: Whether the method raises no error if there is no row; None if it was not tried.
    accepts_no_row: bool | None = None
    #: Why the query does not take the parameters; None if it does.
    refusal: str | None = None


class Method(NamedTuple):
    """One public method of a repository, and the queries that it ran."""

    name: str
    path: Path
    line: int
    calls: list[RecordedCall]
    #: Why it could not be called. None for nearly every method.
    problem: Problem | None


def record_methods(repositories: Sequence[RepositoryClass]) -> list[Method]:
    """Call each public method with every combination of arguments that its annotations allow.

    A base class of other given repositories is called as a part of these.
    """
    leaves = [
        kind
        for kind in repositories
        if not any(issubclass(other, kind) for other in repositories if other is not kind)
    ]
    return asyncio.run(_record(leaves))


async def _record(repositories: Sequence[RepositoryClass]) -> list[Method]:
    methods: list[Method] = []
    for kind in repositories:
        problem = _cannot_be_made(kind)
        if problem is not None:
            methods.append(Method(kind.__name__, *definition(kind), [], problem))
            continue
        methods += [await _method(kind, function) for function in _methods(kind)]
    return methods


def _cannot_be_made(kind: RepositoryClass) -> Problem | None:
    try:
        _make_repository(kind, _recorder(kind, "", 0, ()))
    except Exception as error:  # noqa: BLE001 (a constructor may raise anything)
        what = f"cannot be made of a database alone: {type(error).__name__}: {error}"
        return Problem("method", what, "let its __init__ take nothing else that is required")
    return None


def _methods(kind: RepositoryClass) -> Iterator[FunctionType]:
    """Yield the public methods, without the verbs of the base class."""
    base = _base(kind)
    for name in dir(kind):
        function = inspect.getattr_static(kind, name)
        if (
            isinstance(function, FunctionType)
            and not name.startswith("_")
            and function is not getattr(base, name, None)
        ):
            yield function


async def _method(kind: RepositoryClass, function: FunctionType) -> Method:
    name = f"{kind.__name__}.{function.__name__}"
    code = inspect.unwrap(function).__code__
    calls: list[RecordedCall] = []
    problem = refusal = None
    try:
        for arguments in _arguments(function):
            for extensions, rows in product(((), _EveryExtension()), (_ROWS, 0)):
                recorder = _recorder(kind, name, rows, extensions)
                found = await _call(kind, function, arguments, recorder)
                calls += recorder.calls
                if recorder.calls:
                    problem = problem or found
                else:
                    refusal = refusal or found
    except _UncallableError as error:
        problem = error.problem
    if not calls:
        # Otherwise the method accepts other arguments.
        problem = problem or refusal
    return Method(name, Path(code.co_filename), code.co_firstlineno, calls, problem)


class _UncallableError(Exception):
    """No arguments can be made for a method."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.problem = Problem("method", f"cannot be called: {what}", fix)


def _arguments(function: FunctionType) -> Iterator[dict[str, Candidates]]:
    """Yield candidates for each argument, in every combination of the ways of the arguments."""
    try:
        hints = get_type_hints(function)
    except Exception as error:  # noqa: BLE001 (an annotation is any expression)
        raise _UncallableError(
            f"its annotations cannot be read: {error}", "import the names at run time"
        ) from None
    examples = ArgumentExamples()
    ways: dict[str, list[Candidates]] = {}
    for parameter in _parameters(function):
        try:
            ways[parameter.name] = examples.argument(hints[parameter.name])
        except (KeyError, NoExampleError) as error:
            if parameter.default is not parameter.empty:
                continue
            what = f"its parameter {parameter.name} has no annotation"
            if isinstance(error, NoExampleError):
                what = f"no example is known for {parameter.name}, a {error}"
            raise _UncallableError(what, "annotate it with a type of a column") from None
    yield from _combinations(ways)


def _parameters(function: FunctionType) -> list[inspect.Parameter]:
    """Return the parameters, without self, the cursor of a page and ``**keywords``."""
    _, *parameters = inspect.signature(function).parameters.values()
    return [p for p in parameters if p.name != "cursor" and p.kind is not p.VAR_KEYWORD]


def _combinations(ways: dict[str, list[Candidates]]) -> Iterator[dict[str, Candidates]]:
    if prod(map(len, ways.values())) <= _MOST_COMBINATIONS:
        for combination in product(*ways.values()):
            yield dict(zip(ways, combination, strict=True))
        return
    first: dict[str, Candidates] = {name: choices[0] for name, choices in ways.items()}
    yield first
    for name, choices in ways.items():
        for choice in choices[1:]:
            yield {**first, name: choice}


async def _call(
    kind: RepositoryClass,
    function: FunctionType,
    candidates: dict[str, Candidates],
    recorder: _Recorder,
) -> Problem | None:
    """Call a method with the first candidates that it accepts, and with the cursors of its page."""
    ranks = dict.fromkeys(candidates, 0)
    while True:
        arguments = {name: values[ranks[name]] for name, values in candidates.items()}
        recorder.set_arguments(arguments)
        try:
            await _run(kind, function, arguments, recorder)
        except _TooManyQueriesError:
            return None
        except Exception as error:  # noqa: BLE001 (a method may raise anything)
            if not _take_next(ranks, candidates, error, recorder):
                return _problem_of(error, recorder)
        else:
            return None


def _take_next(
    ranks: dict[str, int],
    candidates: dict[str, Candidates],
    error: Exception,
    recorder: _Recorder,
) -> bool:
    """Move on to the next candidates after a method has refused some; False if there are none."""
    raiser = _raising_frame(error)
    if raiser is not None and raiser.f_code is arranged.__code__:
        return False
    # A refused item of a list is a refused list.
    refused = [error.field.partition("[")[0]] if isinstance(error, InvalidInput) else []
    if ranks.keys().isdisjoint(refused):
        # Any argument may be the cause, before the first query.
        refused = [] if recorder.calls else list(ranks)
    waiting = [
        name for name in refused if name in ranks and ranks[name] + 1 < len(candidates[name])
    ]
    for name in waiting:
        ranks[name] += 1
    return bool(waiting)


def _problem_of(error: Exception, recorder: _Recorder) -> Problem | None:
    """Return the problem of a method that raised an error; None if the error is not its fault."""
    shown_error = f"{type(error).__name__}: {error}"
    raiser = _raising_frame(error)
    if raiser is not None and raiser.f_code is arranged.__code__:
        recorder.add_refusal(raiser.f_locals["query"], str(error))
        return None
    if not recorder.calls:
        fix = "correct it, or let it accept some value of each annotation"
        return Problem("method", f"cannot be called: it raises {shown_error}", fix)
    if isinstance(error, NotFound) and raiser is not None and raiser.f_code in _GETTERS:
        # The caller receives the error in both cases, with and without `or no row` in the header.
        recorder.calls[-1] = recorder.calls[-1]._replace(accepts_no_row=None)
        return None
    if recorder.has_no_rows and _is_fault(error):
        recorder.calls[-1] = recorder.calls[-1]._replace(accepts_no_row=False)
        return None
    # A method may require one row of a query of many rows. The recorder returns several.
    if isinstance(error, _USE_ERRORS) or (_is_fault(error) and type(error) is not ValueError):
        return Problem("method", f"cannot be called: it raises {shown_error}", "correct the method")
    return None


def _is_fault(error: Exception) -> bool:
    """Return whether an error is a fault; a method raises the application's errors on purpose."""
    kind = type(error)
    return kind.__module__ == "builtins" and kind not in (KeyError, LookupError)


async def _run(
    kind: RepositoryClass,
    function: FunctionType,
    arguments: dict[str, Any],
    recorder: _Recorder,
) -> None:
    """Call a method; of a listing, fetch the page after the first, and the page before that."""
    method = function.__get__(_make_repository(kind, recorder))
    signature = inspect.signature(method)
    given = {
        name: (arguments[name],) if parameter.kind is parameter.VAR_POSITIONAL else arguments[name]
        for name, parameter in signature.parameters.items()
        if name in arguments
    }
    bound = inspect.BoundArguments(signature, OrderedDict(given))

    async def call(**cursor: str) -> Any:
        return await _consume(method(*bound.args, **bound.kwargs, **cursor))

    page = await call()
    if "cursor" not in signature.parameters:
        return
    if isinstance(page, Page) and page.next_cursor:
        page = await call(cursor=page.next_cursor)
    if isinstance(page, Page) and page.previous_cursor:
        await call(cursor=page.previous_cursor)


async def _consume(result: Any) -> Any:
    """Await the result of a method, and read the items of an iterator."""
    if inspect.isawaitable(result):
        result = await result
    if isinstance(result, Iterator):
        return list(islice(result, _MOST_ITEMS))
    if isinstance(result, AsyncIterator):
        return [item async for item in _first_items(result)]
    return result


async def _first_items(items: AsyncIterator[T]) -> AsyncIterator[T]:
    number = 0
    async for item in items:
        yield item
        number += 1
        if number == _MOST_ITEMS:
            return


def _raising_frame(error: BaseException) -> FrameType | None:
    """Return the frame that raised an error."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return None if place is None else place.tb_frame


def _base(kind: RepositoryClass) -> RepositoryClass:
    return AsyncRepository if issubclass(kind, AsyncRepository) else Repository


def _recorder(
    kind: RepositoryClass, method: str, rows: int, extensions: Container[str]
) -> _Recorder:
    recorder = _AsyncRecorder if issubclass(kind, AsyncRepository) else _SyncRecorder
    return recorder(method, rows, extensions)


def _make_repository(kind: RepositoryClass, recorder: _Recorder) -> AsyncRepository | Repository:
    if isinstance(recorder, _AsyncRecorder) and issubclass(kind, AsyncRepository):
        return kind(AsyncExecutor(recorder))
    if isinstance(recorder, _SyncRecorder) and issubclass(kind, Repository):
        return kind(Executor(recorder))
    raise TypeError(f"{kind.__name__} is no repository of the recorder's face")


class _TooManyQueriesError(BaseException):
    """A method does not stop running queries."""


class _EveryExtension(Container[str]):
    """The extensions of a server that has every extension."""

    def __contains__(self, name: object) -> bool:
        return True


class _Recorder:
    """Keeps the queries that a method runs, and answers with example rows."""

    def __init__(self, method: str, rows: int, extensions: Container[str]) -> None:
        self.extensions = extensions
        self.is_callers = False
        self.has_no_rows = rows == 0
        self.calls: list[RecordedCall] = []
        self._method = method
        self._rows = rows
        self._arguments: dict[str, list[Any]] = {}

    def set_arguments(self, arguments: dict[str, Any]) -> None:
        """Note the arguments of the next call."""
        self._arguments = {}
        for name, value in arguments.items():
            fields = {name: value}
            if isinstance(value, msgspec.Struct):
                fields = msgspec.structs.asdict(value)
            # Two inputs may have a field of the same name.
            for field, held in fields.items():
                self._arguments.setdefault(field, []).append(held)

    def add(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Keep a query and its parameters, and return example rows."""
        if len(self.calls) == _MOST_QUERIES:
            raise _TooManyQueriesError
        # The stubs of msgspec hide that a class of records is hashable.
        kind: Any = query.record
        places = {
            f"{direction}_{name}": [value]
            for direction in ("after", "before")
            for name, value in row_values(kind).items()
        }
        accepts_no_row = True if self.has_no_rows else None
        self.calls.append(
            RecordedCall(
                self._method,
                query.name,
                kind,
                parameters,
                places | self._arguments,
                accepts_no_row,
            )
        )
        if query.counts_rows:
            return [(self._rows,)]
        # A page or batch is full, and so is followed by another.
        is_listed = isinstance(query, ListingQuery) and not self.has_no_rows
        return [row(kind)] * (parameters[-1] if is_listed else self._rows)

    def add_refusal(self, query: str, refusal: str) -> None:
        """Keep a query that does not take the parameters of the method."""
        self.calls.append(RecordedCall(self._method, query, None, (), {}, refusal=refusal))

    def add_one(self, query: Query[..., R], key: Any) -> R | None:
        """Keep a query of one key, and the query of many keys that may run instead."""
        if query.many is not None:
            self.add(query.many, (json_text([key]),))
        rows = self.add(query, (key,))
        return query.record_of(rows[0]) if rows else None

    def add_copy(self, query: Copy[Any]) -> None:
        """Keep a COPY. The check compares its columns with the struct, and so needs no rows."""
        self.calls.append(RecordedCall(self._method, query.name, None, (), self._arguments, None))


def _any_types(query: Copy[Any]) -> list[tuple[str, str]]:
    """Return columns of any type: nothing is sent."""
    return [(column, "text") for column in query.columns]


class _AsyncRecorder(_Recorder):
    """A recorder for the asynchronous face."""

    def __init__(self, method: str, rows: int, extensions: Container[str]) -> None:
        super().__init__(method, rows, extensions)
        self.merger: AsyncMerger | None = self

    async def rows(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        return self.add(query, parameters)

    async def record(
        self, query: BoundQuery[..., Any], parameters: tuple[Any, ...], recording: Recording
    ) -> list[Row]:
        return self.add(query, parameters)

    async def find(self, query: Query[..., R], key: Any) -> R | None:
        return self.add_one(query, key)

    async def column_types(self, query: Copy[Any]) -> list[tuple[str, str]]:
        return _any_types(query)

    async def copy(
        self, query: Copy[Any], types: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        self.add_copy(query)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        yield

    async def atomic(
        self,
        body: Callable[[AsyncTransactionalRunner], Awaitable[T]],
        *,
        repeats: bool = True,
    ) -> T:
        return await body(self)


class _SyncRecorder(_Recorder):
    """A recorder for the synchronous face."""

    def __init__(self, method: str, rows: int, extensions: Container[str]) -> None:
        super().__init__(method, rows, extensions)
        self.merger: Merger | None = self

    def rows(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        return self.add(query, parameters)

    def record(
        self, query: BoundQuery[..., Any], parameters: tuple[Any, ...], recording: Recording
    ) -> list[Row]:
        return self.add(query, parameters)

    def find(self, query: Query[..., R], key: Any) -> R | None:
        return self.add_one(query, key)

    def column_types(self, query: Copy[Any]) -> list[tuple[str, str]]:
        return _any_types(query)

    def copy(self, query: Copy[Any], types: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.add_copy(query)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        yield

    def atomic(self, body: Callable[[TransactionalRunner], T], *, repeats: bool = True) -> T:
        return body(self)
