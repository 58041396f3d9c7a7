"""The CPU time of the client that a read costs, compared with psycopg's reused RawCursor.

The contestants, connections and pinning are those of `bench_reads`, with the generic plan on both
sides. The clock counts the CPU time of the process, so that waiting for the server is not counted.
It includes the selection of the calls and, on the asynchronous face, one start of the event loop
for each turn: turns are four times as long as there, and fewer, so that this is next to nothing.

One user, a page of 50 and a record with nested ones are read on a held connection. One user is also
read through the pool, one read at a time: there the asynchronous face looks for reads to merge, and
finds none. The baseline of all is the cursor on one connection.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from time import process_time

from vrooli_data import Database

from ._measure import Comparison, Effort, Table, Turn, compare, in_fresh_process
from ._patterns import Pattern, read_patterns
from .bench_reads import FACES, Run, measure_async, measure_sync

#: On a held connection, by face.
_HELD_BARS = {
    "users.find_by_id": {"sync": 0.65, "async": 0.55},
    "resources.find_by_type__created_at": {"sync": 0.90, "async": 0.90},
    "runs.find_with_details": {"sync": 0.70, "async": 0.70},
}
_POOLED = "users.find_by_id"
_POOL_BARS = {"sync": 0.80, "async": 0.75}
#: How much longer, and fewer, turns are than in `bench_reads`.
_LONGER = 4
_FEWEST_ROUNDS = 6


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure the chosen patterns on both faces; *advance* is called for each run."""
    with Database.connect(url) as db, db.connection() as held:
        patterns = [each for each in read_patterns(held, effort.sample) if each.name in _HELD_BARS]
    longer = effort._replace(
        turn_seconds=effort.turn_seconds * _LONGER,
        rounds=max(_FEWEST_ROUNDS, effort.rounds // _LONGER),
    )
    runs: dict[str, list[Run]] = {face: [] for face in FACES}
    for number in range(effort.runs):
        for face, measure_face in zip(FACES, (measure_sync, measure_async), strict=True):
            advance(f"client_cpu, {face}, run {number + 1} of {effort.runs}")
            shuffled = random.Random(number).sample(patterns, len(patterns))
            runs[face].append(in_fresh_process(measure_face, url, shuffled, longer, on_cpu))
    return [_table(face, patterns, runs[face]) for face in FACES]


def on_cpu(turn: Turn) -> Turn:
    """Return a turn that takes the CPU time of the process."""

    def measured(places: Sequence[int]) -> float:
        started = process_time()
        turn(places)
        return process_time() - started

    return measured


def _table(face: str, patterns: Sequence[Pattern], runs: Sequence[Run]) -> Table:
    comparisons: list[Comparison] = []
    for pattern in patterns:
        bare, _, held, pooled = zip(*(run.measured[pattern.name] for run in runs), strict=True)
        bar = _HELD_BARS[pattern.name][face]
        comparisons.append(compare(f"{pattern.name}, held", bare, held, bar=bar))
        if pattern.name == _POOLED:
            bar = _POOL_BARS[face]
            comparisons.append(compare(f"{pattern.name}, pool", bare, pooled, bar=bar))
    title = f"CPU time of the client, {face}"
    return Table(title, "psycopg", "ours", "µs", comparisons, note=runs[0].pinning)
