"""Transactions written once as steps, and taken by threads, by tasks, or by bare psycopg."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString, TypeAlias, TypeVar

from psycopg import AsyncConnection, Connection

from vrooli_data._rows import Row

T = TypeVar("T")

#: A statement with its parameters, or the seconds that a program thinks between two.
Step: TypeAlias = tuple[LiteralString, tuple[Any, ...]] | float
#: Yields what is to be done next, is sent the rows of each statement, and returns a result.
Steps: TypeAlias = Generator[Step, list[Row], T]


def take(connection: Connection[Row], steps: Steps[T]) -> T:
    """Take the steps on a connection; return their result."""
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
    """Take the steps on an asynchronous connection; return their result."""
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
    """Do the work of every worker at once, each in a thread; *work* is given its number."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(workers)))


async def in_tasks(work: Callable[[int], Coroutine[Any, Any, T]], workers: int) -> list[T]:
    """Do the work of every worker at once, each in a task; *work* is given its number."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(worker)) for worker in range(workers)]
    return [task.result() for task in tasks]
