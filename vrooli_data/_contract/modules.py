"""Import modules, and find their records, repositories and queries."""

from __future__ import annotations

import inspect
import pkgutil
import re
import traceback
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias, TypeGuard

import msgspec

from .._async.database_events import AsyncDatabaseEvents
from .._async.repository import AsyncRepository
from .._bound import BoundQuery
from .._copying import Copy
from .._loading import Load
from .._pages import Listing
from .._queries import Source
from .._sync.database_events import DatabaseEvents
from .._sync.repository import Repository
from ..errors import InvalidInput, VrooliDataError

#: A repository of either face.
RepositoryClass: TypeAlias = type[AsyncRepository] | type[Repository]

#: What they add to their bases goes on for long, or is a base itself.
_NOT_CALLED = (AsyncRepository, Repository, AsyncDatabaseEvents, DatabaseEvents)
_PACKAGE = Path(__file__).parents[1]
_TAG = re.compile(rb"/\* vrooli_data:([\w.]+) \*/")


class ImportFault(Exception):
    """A module uses this layer wrongly at import: a query that it binds is absent, or unlike it."""

    def __init__(self, module: str, error: VrooliDataError) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.module = module
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if not Path(frame.filename).is_relative_to(_PACKAGE) and Path(frame.filename).exists()
        ]
        #: The last line outside this package.
        self.path, self.line = Path(frames[-1].filename), frames[-1].lineno or 1


class Repositories(NamedTuple):
    """What some modules run."""

    classes: list[RepositoryClass]
    #: The COPY queries that the modules hold, by name.
    copies: dict[str, Copy[Any]]
    #: The names of the queries that modules without a repository hold.
    elsewhere: frozenset[str]


def import_named(option: str, name: str) -> ModuleType:
    """Import the module or package of a name; *option* names the argument in `InvalidInput`."""
    if not all(map(str.isidentifier, name.split("."))):
        raise InvalidInput(option, "must be the name of a module, such as shop.records")
    try:
        module = import_module(name)
        # The modules of a package are imported here too, so that an error names the option.
        with_submodules(module)
    except VrooliDataError as error:
        raise ImportFault(name, error) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a module may raise anything)
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        raise InvalidInput(option, f"cannot be imported: {problem}") from None
    return module


def with_submodules(module: ModuleType) -> list[ModuleType]:
    """Return a module and, of a package, the modules in it and in the packages below."""
    path = getattr(module, "__path__", ())
    inside = pkgutil.walk_packages(path, f"{module.__name__}.")
    # A program is not imported.
    names = [found.name for found in inside if not found.name.endswith(".__main__")]
    return [module, *map(import_module, names)]


def records_of(module: ModuleType) -> dict[str, type[msgspec.Struct]]:
    """Return the records that a module or package defines."""
    return {
        name: kind
        for part in with_submodules(module)
        for name, kind in vars(part).items()
        if isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and kind.__module__ == part.__name__
    }


def find_repositories(names: Sequence[str]) -> Repositories:
    """Import modules by ``module`` or ``module:Class``, and find what they run."""
    found = [_find_repositories(name) for name in names]
    return Repositories(
        [kind for each in found for kind in each.classes],
        {name: copy for each in found for name, copy in each.copies.items()},
        frozenset[str]().union(*(each.elsewhere for each in found)),
    )


def _find_repositories(name: str) -> Repositories:
    module_name, colon, class_name = name.partition(":")
    module = import_named("repositories", module_name)
    if colon:
        kind = getattr(module, class_name, None)
        if not _is_repository(kind):
            problem = f"{module_name} has no Repository or AsyncRepository {class_name!r}"
            raise InvalidInput("repositories", problem)
        return Repositories([kind], {}, frozenset())
    modules = with_submodules(module)
    classes = [kind for part in modules for kind in _repositories_in(part)]
    elsewhere = frozenset(
        query
        for part in modules
        if not _repositories_in(part)
        for value in vars(part).values()
        for query in _query_names(value)
    )
    if not classes and not elsewhere:
        raise InvalidInput("repositories", f"{name} has no Repository, AsyncRepository or query")
    values = [value for part in modules for value in vars(part).values()]
    copies = {copy.name: copy for value in values for copy in _copies(value)}
    return Repositories(classes, copies, elsewhere)


def definition(kind: type) -> tuple[Path, int]:
    """Return the file and line of a class; line 1 if its text is not available."""
    try:
        line = inspect.getsourcelines(kind)[1]
    except OSError:
        line = 1
    return Path(inspect.getfile(kind)), line


def _repositories_in(module: ModuleType) -> list[RepositoryClass]:
    """Return the repositories that a module defines."""
    return [
        kind
        for kind in vars(module).values()
        if _is_repository(kind) and kind.__module__ == module.__name__ and kind not in _NOT_CALLED
    ]


def _is_repository(kind: object) -> TypeGuard[RepositoryClass]:
    return isinstance(kind, type) and issubclass(kind, AsyncRepository | Repository)


def _copies(value: object) -> Iterator[Copy[Any]]:
    if isinstance(value, Copy):
        yield value
    elif isinstance(value, Load):
        yield value.copy


def _query_names(value: object) -> Iterator[str]:
    if isinstance(value, BoundQuery | Copy | Source):
        yield value.name
    elif isinstance(value, Load):
        yield from value.names
    elif isinstance(value, Listing):
        yield from (query.name for query in value.queries)
    elif isinstance(value, bytes) and (tag := _TAG.match(value)):
        yield tag[1].decode()
