"""Import modules, and find their records and queries."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from .._async.repository import AsyncRepository
from .._bound import BoundQuery
from .._copying import Copy
from .._queries import Source
from ..errors import InvalidInput

_TAG = re.compile(rb"/\* vrooli_data:([\w.]+) \*/")


def import_named(option: str, name: str) -> ModuleType:
    """Import the module or package of a name; *option* names the argument in `InvalidInput`."""
    if not all(map(str.isidentifier, name.split("."))):
        raise InvalidInput(option, "must be the name of a module, such as shop.records")
    try:
        module = import_module(name)
        # The modules of a package are imported here too, so that an error names the option.
        with_submodules(module)
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


def queries_outside_repositories(modules: Sequence[ModuleType]) -> frozenset[str]:
    """Return the names of the queries that modules without a repository hold in constants."""
    return frozenset(
        name
        for module in modules
        if not any(_is_repository(kind) for kind in vars(module).values())
        for value in vars(module).values()
        for name in _names(value)
    )


def copies_of(modules: Sequence[ModuleType]) -> dict[str, Copy[Any]]:
    """Return the COPY queries that modules hold in constants, by name."""
    return {
        value.name: value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Copy)
    }


def definition(kind: type) -> tuple[Path, int]:
    """Return the file and line of a class; line 1 if its text is not available."""
    try:
        line = inspect.getsourcelines(kind)[1]
    except OSError:
        line = 1
    return Path(inspect.getfile(kind)), line


def _is_repository(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, AsyncRepository)


def _names(value: object) -> Iterator[str]:
    if isinstance(value, BoundQuery | Copy | Source):
        yield value.name
    elif isinstance(value, bytes) and (tag := _TAG.match(value)):
        yield tag[1].decode()
