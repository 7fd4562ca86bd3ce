"""The node digest: many who ask at once cost one computation, and nobody gets an old one."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.errors import StorageError
from registry.store.sqlite import SqliteStore
from registry.views.case_file import Reader
from registry.views.node_digest import NodeDigest, read_node_digest
from registry_node.servicers.audit import SharedDigest
from tests.storage.storage_world import OWN_ID, PEER_ID, append, open_store, written_peer
from tests.unit.views.view_world import reader_of

ASKERS = 40
"""More than there are threads for everything else."""


class CountingRegistry:
    """Stands for a registry: counts what is computed and, if told so, holds it up."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self._reader: Reader = reader_of(store)
        self.computed = 0
        self.at_once = 0
        self.most_at_once = 0
        self.has_begun = threading.Event()
        self.may_end = threading.Event()
        self.may_end.set()

    def digest(self) -> NodeDigest:
        self.computed += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        found = read_node_digest(self._reader)
        self.has_begun.set()
        assert self.may_end.wait(10)
        self.at_once -= 1
        return found


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[CountingRegistry]:
    store = open_store(tmp_path)
    append(store, "first")
    held = CountingRegistry(store)
    yield held
    held.may_end.set()
    store.close()


def shared(registry: CountingRegistry) -> SharedDigest:
    whole: Any = registry
    return SharedDigest(whole)


def size_of(digest: NodeDigest) -> int:
    return sum(place.size for place in digest.vector)


async def begun(registry: CountingRegistry) -> None:
    assert await asyncio.to_thread(registry.has_begun.wait, 10)


async def test_many_who_ask_at_once_share_one_computation(registry: CountingRegistry) -> None:
    digests = await asyncio.gather(*map(SharedDigest.read, [shared(registry)] * ASKERS))
    assert set(digests) == {read_node_digest(reader_of(registry.store))}
    assert registry.computed == 1


async def test_digest_starves_no_other_work(registry: CountingRegistry) -> None:
    """An attack by a member: more slow digests than the loop's own threads."""
    digest = shared(registry)
    registry.may_end.clear()
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(digest.read()) for _ in range(ASKERS)]
        await begun(registry)
        async with asyncio.timeout(10):
            state = await asyncio.to_thread(registry.store.log_state, OWN_ID)
        assert not any(task.done() for task in asked)
        registry.may_end.set()
    assert state.size == 1
    assert registry.most_at_once == 1


async def test_digest_is_kept_until_a_log_grows_or_is_frozen(registry: CountingRegistry) -> None:
    digest, peer = shared(registry), written_peer(3)
    for change in (
        lambda: append(registry.store, "second"),
        lambda: registry.store.ingest(peer.batch()).result(),
        lambda: registry.store.freeze(PEER_ID, 2, "bad_entry_signature", b"").result(),
    ):
        before = await digest.read()
        assert await digest.read() is before
        change()
        after = await digest.read()
        assert after != before
        assert after == read_node_digest(reader_of(registry.store))
    assert registry.computed == 4


async def test_digest_that_began_before_the_question_is_not_given(
    registry: CountingRegistry,
) -> None:
    digest = shared(registry)
    registry.may_end.clear()
    async with asyncio.TaskGroup() as tasks:
        early = tasks.create_task(digest.read())
        await begun(registry)
        append(registry.store, "second")
        late = [tasks.create_task(digest.read()) for _ in range(ASKERS)]
        await asyncio.sleep(0)
        registry.may_end.set()
    assert size_of(early.result()) == 1
    assert {size_of(task.result()) for task in late} == {2}
    assert (registry.computed, registry.most_at_once) == (2, 1)


async def test_askers_who_leave_leave_no_computations_behind(registry: CountingRegistry) -> None:
    digest = shared(registry)
    registry.may_end.clear()
    for _ in range(ASKERS):
        leaving = asyncio.ensure_future(digest.read())
        await begun(registry)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
    registry.may_end.set()
    assert size_of(await digest.read()) == 1
    assert registry.computed == 1


async def test_asker_who_leaves_takes_the_digest_from_nobody(registry: CountingRegistry) -> None:
    digest = shared(registry)
    registry.may_end.clear()
    async with asyncio.TaskGroup() as tasks:
        leaving = tasks.create_task(digest.read())
        staying = tasks.create_task(digest.read())
        await begun(registry)
        leaving.cancel()
        await asyncio.wait([leaving])
        registry.may_end.set()
    assert size_of(staying.result()) == 1


async def test_error_reaches_all_who_ask_and_the_next_one_tries_again(
    registry: CountingRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = shared(registry)

    def fail() -> NodeDigest:
        msg = "invented"
        raise StorageError(msg)

    with monkeypatch.context() as patch:
        patch.setattr(registry, "digest", fail)
        asked = await asyncio.gather(digest.read(), digest.read(), return_exceptions=True)
    assert [type(each) for each in asked] == [StorageError] * 2
    assert size_of(await digest.read()) == 1
