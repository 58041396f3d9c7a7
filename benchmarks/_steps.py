"""Transactions as steps, which threads, tasks and bare psycopg run alike."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString, TypeAlias, TypeVar

from psycopg import AsyncConnection, Connection

from vrooli_data._rows import Row

T = TypeVar("T")

#: A statement with its parameters, or a number of seconds to think.
Step: TypeAlias = tuple[LiteralString, tuple[Any, ...]] | float
#: Yields the next step, receives the rows of each statement, and returns a result.
Steps: TypeAlias = Generator[Step, list[Row], T]


def take(connection: Connection[Row], steps: Steps[T]) -> T:
    """Run the steps on a connection, and return their result."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, float):
                time.sleep(step)
                step = steps.send([])
                continue
            cursor = connection.execute(*step)
            step = steps.send(cursor.fetchall() if cursor.description else [])
    except StopIteration as end:
        result: T = end.value
        return result


async def take_async(connection: AsyncConnection[Row], steps: Steps[T]) -> T:
    """Run the steps on an asynchronous connection, and return their result."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, float):
                await asyncio.sleep(step)
                step = steps.send([])
                continue
            cursor = await connection.execute(*step)
            step = steps.send(await cursor.fetchall() if cursor.description else [])
    except StopIteration as end:
        result: T = end.value
        return result


def in_threads(work: Callable[[int], T], workers: int) -> list[T]:
    """Run *work* for every worker at the same time, in threads; it receives the worker's number."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(workers)))


async def in_tasks(work: Callable[[int], Coroutine[Any, Any, T]], workers: int) -> list[T]:
    """Run *work* for every worker at the same time, in tasks; it receives the worker's number."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(worker)) for worker in range(workers)]
    return [task.result() for task in tasks]
