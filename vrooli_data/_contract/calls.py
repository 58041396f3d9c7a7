"""Compare the calls of methods with the parameters and headers of their queries. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from msgspec import UNSET

from .._queries import Source
from ..validation import json_text
from .problems import Problem
from .recording import Method, RecordedCall
from .value_types import refusal


def check_calls(
    source: Source, types: Sequence[str], calls: Iterable[RecordedCall]
) -> Iterator[Problem]:
    """Compare the parameters that methods pass with the parameters of the query."""
    seen = set()
    for call in calls:
        for problem in _check_call(source, types, call):
            if problem not in seen:
                seen.add(problem)
                yield problem


def _check_call(source: Source, types: Sequence[str], call: RecordedCall) -> Iterator[Problem]:
    if call.refusal is not None:
        yield Problem(
            "parameters",
            f"{call.method} passes other parameters than the query takes: {call.refusal}",
            "pass each parameter of the name line once",
        )
        return
    for name, value, kind in zip(source.parameters, call.parameters, types, strict=True):
        problem = refusal(value, kind)
        if problem is not None:
            yield Problem(
                "parameters",
                f"{call.method} passes {problem} for :{name}",
                "change the cast in the query, or what the method passes",
            )
        elif name in call.given and not any(_is_same(value, g) for g in call.given[name]):
            yield Problem(
                "parameters",
                f"{call.method} passes something else than its {name} for :{name}",
                "use the order of the name line, or another name for the argument",
            )


def _is_same(passed: Any, given: Any) -> bool:
    """Return whether a parameter is an argument of the method, unchanged or as JSON."""
    if given is None or given is UNSET:
        # Then the method may make the value itself.
        return True
    if isinstance(given, Enum) and passed == given.value:
        return True
    return bool(passed == given) or (
        isinstance(given, dict | list) and bool(passed == json_text(given))
    )


def check_absence(*, may_be_absent: bool, calls: Iterable[RecordedCall]) -> Iterator[Problem]:
    """Compare `or no row` in the header with what the methods do without a row."""
    accepting = {
        call.method: call.accepts_no_row for call in calls if call.accepts_no_row is not None
    }
    for method, accepts in sorted(accepting.items()):
        if may_be_absent and not accepts:
            yield Problem(
                "record",
                f"{method} fails on no row, but the header says `or no row`",
                "let the method return None or raise NotFound, or drop `, or no row`",
            )
        elif accepts and not may_be_absent:
            yield Problem(
                "record",
                f"{method} accepts no row, but the header has no `or no row`",
                "write `, or no row`, or let the method require a row",
            )


def check_names(
    source: Source, methods: Sequence[Method], runs: Mapping[str, Sequence[RecordedCall]]
) -> Iterator[Problem]:
    """Find a query that no method runs, or that the method of its name does not run."""
    aggregate, _, name = source.name.partition(".")
    method = name.partition("__")[0]
    callers = {call.method for call in runs.get(source.name, ())}
    if not callers and any(m.problem and m.name.endswith(f".{method}") for m in methods):
        # The finding about the method contains the reason.
        return
    if not callers:
        yield Problem(
            "unused-query",
            "no method runs this query",
            f"write the method {aggregate}.{method}, or drop the query",
        )
    elif not any(caller.endswith(f".{method}") for caller in callers):
        # A reader would expect that the method of the same name runs it.
        namesakes = {m.name for m in methods if m.name.endswith(f".{method}")}
        classes = {caller.partition(".")[0] for caller in callers}
        for other in sorted(n for n in namesakes if n.partition(".")[0] in classes):
            yield Problem(
                "unused-query",
                f"{other} has the name of this query, but does not run it",
                "give one of them another name",
            )
