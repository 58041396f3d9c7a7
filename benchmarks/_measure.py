"""The method that every benchmark here uses.

Contestants do the same work in short turns, one after the other, and the order changes from round
to round: whatever slows the machine down for a while slows all of them down. Each turn begins with
a collected heap; the collector stays on, as it is in production, and is the same for all.

A run is a fresh process. Its time of a contestant is the median over its turns, in seconds per
call; its ratio is the median over its rounds of one contestant's turn divided by the other's turn
of the same round, and its added time is the median of their differences.

What is reported is the median of the runs, with an interval: the narrowest pair of runs, counted
from both ends, between which the true median lies with a probability of at least 95 %, whatever the
distribution, as long as the runs are independent. Of 7 runs that is the lowest and the highest
(98.4 %); of 21 the sixth from either end (97.3 %). With fewer than 6 runs no pair reaches 95 %: the
interval is then their range, and `Estimate.coverage` says how little that means.
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

#: Makes the calls of the given places in a contestant's list and returns the seconds they took.
Turn: TypeAlias = Callable[[Sequence[int]], float]
#: Seconds per call, one number for each turn of a run.
Turns: TypeAlias = list[float]

_CONFIDENCE = 0.95
#: More than the five executions after which PostgreSQL settles on a generic plan, or against one.
_WARM_UP_CALLS = 10
#: As many as there are orders of three contestants, and enough for each of four to come first.
_FEWEST_ROUNDS = 6


class Effort(NamedTuple):
    """How much is measured."""

    #: Fresh processes.
    runs: int
    #: Turns of each contestant in a run.
    rounds: int
    #: Rows of a table that the calls of a pattern ask for.
    sample: int
    #: What a turn of the first contestant should take; the others make as many calls.
    turn_seconds: float
    #: Interpreters that are started for each import.
    imports: int
    #: What a turn takes in which many calls are under way at once.
    load_seconds: float
    #: Transactions of a soak.
    transactions: int
    #: Times that the increments of one hot row are measured, how many work at it, and how often.
    hot_runs: int
    hot_workers: int
    hot_increments: int


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
)


class Estimate(msgspec.Struct, frozen=True):
    """The median of the runs, and how sure it is."""

    median: float
    low: float
    high: float
    #: The probability that the true median lies from low to high.
    coverage: float
    runs: tuple[float, ...]


class Comparison(msgspec.Struct, frozen=True):
    """One contestant against another."""

    name: str
    #: Both in the unit of their table, per call.
    baseline: Estimate
    subject: Estimate
    ratio: Estimate
    #: Subject less baseline.
    added: Estimate
    #: The highest ratio that passes; None where nothing is promised.
    bar: float | None = None
    #: What else was counted, by column.
    counts: dict[str, int] = {}

    @property
    def is_missed(self) -> bool:
        """Tell whether the ratio is above its bar."""
        return self.bar is not None and self.ratio.median > self.bar


class Table(msgspec.Struct, frozen=True):
    """Comparisons of one kind."""

    title: str
    #: What the first and the second column of numbers are.
    baseline: str
    subject: str
    unit: str
    comparisons: list[Comparison]
    note: str | None = None
    #: What was found wrong beside the time, in sentences; it fails a smoke run, too.
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
    """Return how probably the median lies between the *k*-th lowest and the *k*-th highest run.

    It lies outside when fewer than *k* runs fall on one side of it; each falls on either side with
    a probability of one half.
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
    """Compare two contestants by the turns of their runs; *per_unit* 1e6 makes microseconds."""
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
    """Let the contestants take turns; return the seconds per call of every turn of each.

    All make the same calls in the same round: those at the same of the *places* in their lists.
    """
    warm_up = list(islice(cycle(range(places)), max(_WARM_UP_CALLS, places)))
    for turn in turns:
        turn(warm_up)
    seconds = turns[0](warm_up) / len(warm_up)
    calls = max(1, round(effort.turn_seconds / seconds))
    rounds = effort.rounds
    if seconds > effort.turn_seconds:
        # One slow call is a turn: fewer of them take as long as the turns of a fast pattern.
        rounds = max(_FEWEST_ROUNDS, int(rounds * effort.turn_seconds / seconds))
    every_place = cycle(range(places))
    measured: list[Turns] = [[] for _ in turns]
    gc.collect()
    # What is there already will stay: collecting before each turn then costs next to nothing.
    gc.freeze()
    for _, order in zip(range(rounds), cycle(permutations(range(len(turns)))), strict=False):
        round_places = list(islice(every_place, calls))
        for contestant in order:
            gc.collect()
            measured[contestant].append(turns[contestant](round_places) / calls)
    gc.unfreeze()
    return measured


def in_fresh_process(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call *work* in a new interpreter, which nothing before has warmed, filled or fragmented."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as executor:
        return executor.submit(work, *args, **kwargs).result()
