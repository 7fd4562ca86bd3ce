"""Callers side by side, as a node has them: tasks of one loop, woken for many answers at once."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from registry.application.answers import Answers
from registry.application.recording import RecordCommand
from registry.application.registry import Registry


def record_together(registry: Registry, shares: Sequence[Sequence[RecordCommand]]) -> None:
    """Lets one caller for each share record its commands, one after the other."""
    asyncio.run(_record_together(registry, shares))


async def _record_together(registry: Registry, shares: Sequence[Sequence[RecordCommand]]) -> None:
    answers = Answers(asyncio.get_running_loop().call_soon_threadsafe)
    async with asyncio.TaskGroup() as callers:
        for share in shares:
            callers.create_task(_record_each(registry, answers, share))


async def _record_each(
    registry: Registry, answers: Answers, commands: Sequence[RecordCommand]
) -> None:
    """What one caller does: record, wait until it is durable, record the next."""
    loop = asyncio.get_running_loop()
    for each in commands:
        waiter: asyncio.Future[None] = loop.create_future()
        answers.deliver(registry.record(each), partial(_settle, waiter))
        await waiter


def _settle(waiter: "asyncio.Future[None]", done: "Future[Any]") -> None:
    error = done.exception()
    if error is None:
        waiter.set_result(None)
    else:
        waiter.set_exception(error)
