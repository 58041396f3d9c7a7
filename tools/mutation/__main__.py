"""Make each mutant in turn, and report what notices it.

Run ``python -m tools.mutation [--only NAME] [--json FILE] [--write]``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from tools.mutation.judge import Bench
from tools.mutation.mutant import Gap, Mutant, Test
from tools.mutation.mutants import CATEGORIES
from tools.mutation.report import as_markdown, as_text, totals
from tools.mutation.result import Result
from tools.server import server
from vrooli_data._contract.scratch import prepare_database, scratch_database

_PAGE = Path(__file__).parents[2] / "docs" / "mutants.md"
#: Mutants at a time.
_WORKERS = 2


def run(mutants: list[tuple[str, Mutant]]) -> Iterator[Result]:
    """Judge mutants, each with its category, on a server of their own."""
    with (
        server() as url,
        scratch_database(url) as prepared_url,
        tempfile.TemporaryDirectory() as folder,
    ):
        prepare_database(prepared_url)
        bench = Bench(Path(folder), url, prepared_url)
        _require_health(bench, [mutant for _, mutant in mutants])
        with ThreadPoolExecutor(_WORKERS) as pool:
            yield from pool.map(lambda given: bench.judge(given[1], given[0]), mutants)


def _require_health(bench: Bench, mutants: list[Mutant]) -> None:
    """Exit if the tree has findings without a mutant, or if the tests fail without one."""
    if not (found := bench.untouched()).is_clean:
        sys.exit(f"something is wrong without any mutant: {found}")
    verdicts = [m.verdict.should if isinstance(m.verdict, Gap) else m.verdict for m in mutants]
    tests = sorted({verdict.node for verdict in verdicts if isinstance(verdict, Test)})
    if tests and (failure := bench.failing(tests)):
        sys.exit(f"tests fail without any mutant:\n{failure}")


def main() -> int:
    """Print the table; return 1 if a mutant was not noticed as expected."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument("--only", metavar="NAME", help="mutants with this in their name")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all that was found")
    parser.add_argument("--write", action="store_true", help=f"write docs/{_PAGE.name}")
    options = parser.parse_args()
    chosen = [
        (category, mutant)
        for category, group in CATEGORIES.items()
        for mutant in group
        if options.only is None or options.only in mutant.name
    ]
    started = time.perf_counter()
    results = []
    for result in run(chosen):
        results.append(result)
        sys.stdout.write(as_text(result))
        sys.stdout.flush()
    sys.stdout.write(f"{totals(results)} {time.perf_counter() - started:.0f} s.\n")
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    if options.write:
        _PAGE.write_text(as_markdown(results), encoding="utf-8")
    return 0 if all(result.as_expected for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
