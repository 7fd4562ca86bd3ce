"""What the process asks of its system."""

import asyncio
import resource

import pytest

from registry_node import process_limits


def test_process_may_have_as_many_open_files_as_it_may_ask_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: asked.append((what, limits)))

    process_limits.raise_open_files()

    assert asked == [(resource.RLIMIT_NOFILE, (4096, 4096))]


async def test_memory_is_given_back_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    given = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(process_limits, "_GIVEN_BACK_EVERY_S", 0.0)
    monkeypatch.setattr(
        process_limits, "_malloc_trim", lambda: lambda _: loop.call_soon_threadsafe(given.set)
    )
    giving = asyncio.ensure_future(process_limits.give_memory_back())
    try:
        await asyncio.wait_for(given.wait(), 10)
    finally:
        giving.cancel()


async def test_system_without_such_a_call_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_limits, "_malloc_trim", lambda: None)

    await process_limits.give_memory_back()
