"""Find records and uses of queries in Python modules."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from .._async.repository import AsyncRepository
from .._queries import Query
from .._rows import record_fields
from .value_types import structs_in

_TAG = re.compile(rb"/\* vrooli_data:([\w.]+) \*/")


def with_submodules(module: ModuleType) -> list[ModuleType]:
    """Return a module and, of a package, the modules in it."""
    inside = pkgutil.iter_modules(getattr(module, "__path__", ()))
    return [module, *(import_module(f"{module.__name__}.{found.name}") for found in inside)]


def records_of(module: ModuleType) -> dict[str, type[msgspec.Struct]]:
    """Return the records that a module, or a package of modules, defines."""
    return {
        name: kind
        for part in with_submodules(module)
        for name, kind in vars(part).items()
        if isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and kind.__module__ == part.__name__
    }


def used_records(annotations: Iterable[Any]) -> set[type[msgspec.Struct]]:
    """Return the records that annotations are made of, and what those are made of in turn."""
    used: set[type[msgspec.Struct]] = set()
    waiting = list(annotations)
    while waiting:
        for kind in structs_in(waiting.pop()):
            # msgspec's stubs hide that a class of records can be hashed.
            if kind not in used:
                used.add(kind)
                waiting += [field.type for field in record_fields(kind)]
                waiting += kind.__bases__
    return used


def queries_outside_repositories(modules: Sequence[ModuleType]) -> frozenset[str]:
    """Return the names of the queries that modules without a repository hold in constants."""
    return frozenset(
        name
        for module in modules
        if not any(_is_repository(kind) for kind in vars(module).values())
        for value in vars(module).values()
        for name in _names(value)
    )


def definition(kind: type) -> tuple[Path, int]:
    """Return the file and line of a class."""
    return Path(inspect.getfile(kind)), inspect.getsourcelines(kind)[1]


def _is_repository(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, AsyncRepository)


def _names(value: object) -> Iterator[str]:
    if isinstance(value, Query):
        yield value.name
    elif isinstance(value, bytes) and (tag := _TAG.match(value)):
        yield tag[1].decode()
