"""`python -m benchmarks`: run the benchmarks, print tables, and fail when a bar is missed."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TypeAlias

import psycopg

from vrooli_data import VrooliDataError

from . import (
    _report,
    bench_bulk,
    bench_bulk_beside,
    bench_bulk_memory,
    bench_bulk_update,
    bench_claim,
    bench_client_cpu,
    bench_counters,
    bench_events,
    bench_floor,
    bench_import,
    bench_iterate,
    bench_loops,
    bench_merged_reads,
    bench_multi_entity,
    bench_pages,
    bench_pipelines,
    bench_plans,
    bench_reads,
    bench_relay,
    bench_transactions,
)
from ._database import NotEmptyError, seeded_database
from ._machine import cautions, client_facts, load, server_facts
from ._measure import FULL, SMOKE, Effort, Table

Benchmark: TypeAlias = Callable[[str, Effort, Callable[[str], None]], list[Table]]

_BENCHMARKS: dict[str, Benchmark] = {
    "reads": bench_reads.measure,
    "client_cpu": bench_client_cpu.measure,
    "floor": bench_floor.measure,
    "pages": bench_pages.measure,
    "plans": bench_plans.measure,
    "merged_reads": bench_merged_reads.measure,
    "pipelines": bench_pipelines.measure,
    "loops": bench_loops.measure,
    "multi_entity": bench_multi_entity.measure,
    "bulk": bench_bulk.measure,
    "bulk_update": bench_bulk_update.measure,
    "bulk_beside": bench_bulk_beside.measure,
    "bulk_memory": bench_bulk_memory.measure,
    "iterate": bench_iterate.measure,
    "transactions": bench_transactions.measure,
    "events": bench_events.measure,
    "relay": bench_relay.measure,
    "claim": bench_claim.measure,
    "counters": bench_counters.measure,
    "import": bench_import.measure,
}
_SMOKE_SCALE = 0.005
_NOT_MET, _CALLED_WRONG = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named benchmarks and return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := set(options.names).difference(_BENCHMARKS):
        parser.error(f"there is no benchmark {min(unknown)}: name {', '.join(_BENCHMARKS)}")
    names = list(dict.fromkeys(options.names or _BENCHMARKS))
    try:
        report = _run(
            names, options.database_url, options.scale, rows=options.rows, smoke=options.smoke
        )
    except (VrooliDataError, NotEmptyError) as error:
        sys.stderr.write(f"{error}\n")
        return _CALLED_WRONG
    if options.json is not None:
        _report.write_json(options.json, report)
    return 0 if report.is_passed else _NOT_MET


def _run(
    names: list[str], url: str | None, scale: float, *, rows: int | None, smoke: bool
) -> _report.Report:
    if smoke:
        scale = min(scale, _SMOKE_SCALE)
    effort = SMOKE if smoke else FULL
    if rows is not None:
        effort = effort._replace(bulk_rows=rows)
    needs_server = names != ["import"]
    out = _report.console()
    before = cautions()
    facts = client_facts()
    tables: dict[str, list[Table]] = {}
    with seeded_database(url, scale) if needs_server else nullcontext("") as database_url:
        if needs_server:
            with psycopg.connect(database_url) as connection:
                facts |= server_facts(connection) | {"Scale": f"{scale:g}"}
        _report.show_facts(out, facts, before)
        started = time.perf_counter()
        for name in names:
            with out.status(name) as status:
                tables[name] = _BENCHMARKS[name](database_url, effort, status.update)
            for table in tables[name]:
                _report.show_table(out, table, smoke=smoke)
    seconds = time.perf_counter() - started
    facts["Load at the end"] = load()
    report = _report.Report(smoke, scale, effort, facts, before, tables, seconds)
    _report.show_end(out, report)
    return report


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure vrooli_data; benchmarks/README.md says what and how.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(_BENCHMARKS)}; all by default"
    )
    parser.add_argument(
        "--database-url", metavar="URL", help="an empty database; by default one in var/bench"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is 200 000 resources")
    parser.add_argument(
        "--rows",
        type=int,
        help=f"rows of bulk work, ten times as many beside writers; {FULL.bulk_rows:,} by default",
    )
    parser.add_argument(
        "--smoke", action="store_true", help="a few turns on few rows: only to see that it works"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
