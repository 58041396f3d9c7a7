"""Read the Python side of a contract: records, and the queries that repositories run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from .._copying import Copy
from .modules import ImportFault, find_repositories, import_named, records_of
from .recording import Method, RecordedCall, record_methods


class PythonSide(NamedTuple):
    """The records of a module, and the methods of some repositories."""

    #: By name.
    records: Mapping[str, type[msgspec.Struct]]
    methods: Sequence[Method]
    #: The calls of the methods, by query.
    calls: Mapping[str, Sequence[RecordedCall]]
    #: The COPY queries that modules hold, by name.
    copies: Mapping[str, Copy[Any]]
    #: The queries that modules without a repository hold, which count as run.
    elsewhere: frozenset[str]
    #: Without repositories, no query is compared with methods.
    has_repositories: bool
    #: Why the repositories could not be imported; None if they were.
    fault: ImportFault | None = None


def read_python(records: str, repositories: Sequence[str] = ()) -> PythonSide:
    """Import modules by name, and record the methods of the repositories.

    Raises `InvalidInput` for a module that cannot be imported, and `ImportFault` for records that
    use this layer wrongly at import.
    """
    known = records_of(import_named("records", records))
    try:
        classes, copies, elsewhere = find_repositories(repositories)
    except ImportFault as fault:
        return PythonSide(known, (), {}, {}, frozenset(), has_repositories=False, fault=fault)
    methods = record_methods(classes)
    calls: dict[str, list[RecordedCall]] = defaultdict(list)
    for method in methods:
        for call in method.calls:
            calls[call.query].append(call)
    return PythonSide(known, methods, calls, copies, elsewhere, bool(repositories))
