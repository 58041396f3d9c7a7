"""Show results: lines for a terminal, a page for the documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from tools.mutation.mutant import Mutant
from tools.mutation.result import Result

_WORDS = {
    "check": "named by the check",
    "lint": "by the lint alone",
    "refusal": "refused when the package or its migrations are loaded",
    "test": "shown by a test alone",
    "gap": "unnoticed, or not named",
    "equivalent": "equivalent",
}
_UNNOTICED = ("gap", "equivalent")
_INTRODUCTION = """\
# Mutants

Each mutant is one small mistake in a migration, a query, a header, a record or a method. It is made
in a copy of the tree, where `vrooli-data check` and `python -m tools.lint` then run; what they
do not notice is given to a test. A mutant counts as named only if the finding is of the right kind
and names the query and its file. Written by `python -m tools.mutation --write`.
"""
_BY_CATEGORY = """
Of what the check names, *by plan* counts what only the reviewed plans show. The last two columns
are for comparison: how many of the mutants aiosql by itself refuses when it loads the files, and of
how many the server refuses a statement when it prepares it.

| mutants of | in all | check | by plan | lint | refused | test | gap | aiosql | PREPARE |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
"""
_GAPS = """
## Gaps

These should be noticed, with the query named, and are not.

"""
_EQUIVALENT = """
## Equivalent mutants

Nothing that a caller could notice is different, and nothing is found.

"""
_ALL = """
## All

| mutant | query | by | what it says |
|---|---|---|---|
"""


def as_text(result: Result) -> str:
    """Return one line, and under a surprise all that was found."""
    mark = "ok" if result.as_expected else "NO"
    line = f"{mark}  {result.by:<10}  {result.category}: {result.mutant}: {result.finding}\n"
    if result.as_expected:
        return line
    found = result.found
    seen = [*found.check, *found.lint, *([found.refusal] if found.refusal else [])]
    return line + "".join(f"      {one}\n" for one in seen)


def totals(results: Iterable[Result]) -> str:
    """Return the totals in one sentence."""
    counts = Counter(result.by if result.as_expected else "surprise" for result in results)
    words = {**_WORDS, "surprise": "not as expected"}
    parts = [f"{counts[by]} {said}" for by, said in words.items() if counts[by]]
    return f"{counts.total()} mutants: {', '.join(parts)}."


def as_markdown(results: list[Result]) -> str:
    """Return the page."""
    return "".join(
        [
            f"{_INTRODUCTION}\n{totals(results)}\n{_BY_CATEGORY}",
            *_categories(results),
            _GAPS,
            *_reasons(results, "gap"),
            _EQUIVALENT,
            *_reasons(results, "equivalent"),
            _ALL,
            *(
                f"{beginning(r.category, r)}{_cell(r.finding)} |\n"
                for r in results
                if r.by not in _UNNOTICED
            ),
        ]
    )


def beginning(category: str, of: Result | Mutant) -> str:
    """Return what the page's line of a mutant begins with, whatever was found."""
    name, by = (of.mutant, of.by) if isinstance(of, Result) else (of.name, verdict(of))
    if by in _UNNOTICED:
        return f"- {category}: {name} (`{of.file}`): "
    return f"| {_cell(name)} | {_cell(of.query)} | {by} | "


def verdict(mutant: Mutant) -> str:
    """Return by whom a mutant is to be noticed, in one word."""
    return type(mutant.verdict).__name__.lower()


def _categories(results: list[Result]) -> Iterator[str]:
    for category, group in groupby(results, key=lambda result: result.category):
        members = list(group)
        by = Counter(member.by for member in members)
        yield _row(
            category,
            len(members),
            by["check"] or "",
            sum(member.finding.startswith("plan:") for member in members) or "",
            *(by[kind] or "" for kind in ("lint", "refusal", "test", "gap")),
            sum(not member.is_loaded_by_aiosql for member in members) or "",
            sum(_is_refused_by_server(member) for member in members) or "",
        )


def _is_refused_by_server(result: Result) -> bool:
    return any(seen.code == "statement" for seen in result.found.check)


def _reasons(results: list[Result], by: str) -> Iterator[str]:
    for result in results:
        if result.by == by:
            yield f"{beginning(result.category, result)}{result.finding}.\n"


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |\n"


def _cell(text: str) -> str:
    return text.replace("`", "").replace("|", r"\|")
