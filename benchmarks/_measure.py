"""The method that every benchmark here uses.

Contestants do the same work in short turns, one after the other. The order changes from round to
round, so that a slow moment of the machine slows all of them. The heap is collected before each
turn. The collector stays on, as in production.

A run is a fresh process. The time of a contestant in a run is the median over its turns, in seconds
per call. The ratio of a run is the median over its rounds of one contestant's turn divided by the
other's turn of the same round. The added time is the median of their differences.

A table shows the median of the runs, with an interval. The interval holds the true median with a
probability of at least 95 %, for any distribution, if the runs are independent. It is the narrowest
pair of runs, counted from both ends, that does so: the lowest and the highest of 7 runs (98.4 %),
the sixth from either end of 21 (97.3 %). With fewer than 6 runs no pair reaches 95 %. The interval
is then their range, and `Estimate.coverage` holds its probability.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice, permutations
from math import comb
from statistics import median
from typing import NamedTuple, ParamSpec, TypeAlias, TypeVar

import msgspec

P = ParamSpec("P")
T = TypeVar("T")

#: Makes the calls at the given places of a contestant's list, and returns the seconds.
Turn: TypeAlias = Callable[[Sequence[int]], float]
#: Seconds per call, for each turn of a run.
Turns: TypeAlias = list[float]

_CONFIDENCE = 0.95
#: More than the five executions after which PostgreSQL chooses between generic and custom plans.
_WARM_UP_CALLS = 10
#: The number of orders of three contestants. Each of four comes first at least once.
_FEWEST_ROUNDS = 6


class Effort(NamedTuple):
    """The size of a measurement."""

    #: Fresh processes.
    runs: int
    #: Turns of each contestant in a run.
    rounds: int
    #: Rows of a table that the calls of a pattern read.
    sample: int
    #: The length of a turn of the first contestant. The others make the same number of calls.
    turn_seconds: float
    #: Interpreters for each import.
    imports: int
    #: The length of a turn with concurrent calls.
    load_seconds: float
    #: Transactions of a soak.
    transactions: int
    #: Of the hot row: runs, workers, and increments of each worker.
    hot_runs: int
    hot_workers: int
    hot_increments: int
    #: Rows that bulk work writes or reads.
    bulk_rows: int


FULL = Effort(
    runs=7,
    rounds=150,
    sample=100,
    turn_seconds=0.002,
    imports=21,
    load_seconds=0.1,
    transactions=20_000,
    hot_runs=3,
    hot_workers=32,
    hot_increments=30,
    bulk_rows=10_000,
)
SMOKE = Effort(
    runs=1,
    rounds=6,
    sample=5,
    turn_seconds=0.0005,
    imports=2,
    load_seconds=0.005,
    transactions=200,
    hot_runs=1,
    hot_workers=2,
    hot_increments=3,
    bulk_rows=300,
)


class Estimate(msgspec.Struct, frozen=True):
    """The median of the runs, with its interval."""

    median: float
    low: float
    high: float
    #: The probability that the true median lies from low to high.
    coverage: float
    runs: tuple[float, ...]


class Comparison(msgspec.Struct, frozen=True):
    """One contestant compared with another."""

    name: str
    #: Per call, in the unit of the table.
    baseline: Estimate
    subject: Estimate
    ratio: Estimate
    #: Subject minus baseline.
    added: Estimate
    #: The highest ratio that passes; None where there is no bar.
    bar: float | None = None
    #: Further numbers, by column.
    counts: dict[str, int] = {}

    @property
    def is_missed(self) -> bool:
        """Tell whether the ratio is above its bar."""
        return self.bar is not None and self.ratio.median > self.bar


class Table(msgspec.Struct, frozen=True):
    """Comparisons of one kind."""

    title: str
    #: The headings of the first and the second column of times.
    baseline: str
    subject: str
    unit: str
    comparisons: list[Comparison]
    note: str | None = None
    #: Wrong results, as sentences. They fail a smoke run too.
    failures: list[str] = []


def estimate(runs: Sequence[float]) -> Estimate:
    """Return the median of *runs* with its interval."""
    ordered = sorted(runs)
    # The k-th value from either end; 1 is the range.
    k = max(
        (k for k in range(2, len(runs) // 2 + 1) if coverage(len(runs), k) >= _CONFIDENCE),
        default=1,
    )
    return Estimate(
        median(ordered), ordered[k - 1], ordered[-k], coverage(len(runs), k), tuple(runs)
    )


def coverage(runs: int, k: int) -> float:
    """Return the probability that the median lies from the *k*-th lowest to the *k*-th highest run.

    The median lies outside if fewer than *k* runs fall on one side of it. A run falls on either
    side with a probability of one half.
    """
    return float(1 - 2 * sum(comb(runs, below) for below in range(k)) / 2**runs)


def compare(
    name: str,
    baseline: Sequence[Turns],
    subject: Sequence[Turns],
    *,
    per_unit: float = 1e6,
    bar: float | None = None,
    counts: dict[str, int] | None = None,
) -> Comparison:
    """Compare two contestants by the turns of their runs. *per_unit* 1e6 gives microseconds."""
    pairs = [list(zip(*turns, strict=True)) for turns in zip(baseline, subject, strict=True)]
    return Comparison(
        name=name,
        baseline=estimate([median(turns) * per_unit for turns in baseline]),
        subject=estimate([median(turns) * per_unit for turns in subject]),
        ratio=estimate([median(ours / theirs for theirs, ours in run) for run in pairs]),
        added=estimate([median(ours - theirs for theirs, ours in run) * per_unit for run in pairs]),
        bar=bar,
        counts=counts or {},
    )


def alternate(turns: Sequence[Turn], places: int, effort: Effort) -> list[Turns]:
    """Let the contestants take turns, and return the seconds per call of every turn of each.

    In one round all make the calls at the same *places* of their lists.
    """
    warm_up = list(islice(cycle(range(places)), max(_WARM_UP_CALLS, places)))
    for turn in turns:
        turn(warm_up)
    seconds = turns[0](warm_up) / len(warm_up)
    calls = max(1, round(effort.turn_seconds / seconds))
    rounds = effort.rounds
    if seconds > effort.turn_seconds:
        # A turn is one slow call. Fewer rounds keep the length of a run.
        rounds = max(_FEWEST_ROUNDS, int(rounds * effort.turn_seconds / seconds))
    every_place = cycle(range(places))
    measured: list[Turns] = [[] for _ in turns]
    gc.collect()
    # Objects that exist now will stay. Frozen, they cost no time in the collections below.
    gc.freeze()
    for _, order in zip(range(rounds), cycle(permutations(range(len(turns)))), strict=False):
        round_places = list(islice(every_place, calls))
        for contestant in order:
            gc.collect()
            measured[contestant].append(turns[contestant](round_places) / calls)
    gc.unfreeze()
    return measured


def in_fresh_process(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call *work* in a new interpreter, without caches or a heap from earlier work."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as executor:
        return executor.submit(work, *args, **kwargs).result()
