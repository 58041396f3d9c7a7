"""Read the Python side of a contract: records, repositories, and the queries that they run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import msgspec

from .._copying import Copy
from .modules import copies_of, queries_outside_repositories, records_of
from .recording import Call, Method, record_methods


class PythonSide(NamedTuple):
    """The records of some modules, and the methods of some repositories."""

    #: By name.
    records: Mapping[str, type[msgspec.Struct]]
    methods: Sequence[Method]
    #: The calls of the methods, by query.
    calls: Mapping[str, Sequence[Call]]
    #: The COPY queries that modules hold, by name.
    copies: Mapping[str, Copy[Any]]
    #: The queries that modules without a repository hold.
    elsewhere: frozenset[str]
    #: Without repositories, no query is held to a method.
    has_repositories: bool


def read_python(records: ModuleType, repositories: Sequence[ModuleType] = ()) -> PythonSide:
    """Read the records of a module or package, and record the methods of repositories."""
    methods = record_methods(repositories)
    calls: dict[str, list[Call]] = defaultdict(list)
    for method in methods:
        for call in method.calls:
            calls[call.query].append(call)
    copies = copies_of(repositories)
    elsewhere = queries_outside_repositories(repositories)
    return PythonSide(records_of(records), methods, calls, copies, elsewhere, bool(repositories))
