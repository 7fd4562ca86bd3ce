"""A disk that fills up: content stops first, then others' entries, own events last; all goes on."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

import pytest

from registry.application.erasing import ErasureTarget
from registry.errors import DiskFull, DiskReserved, StorageError
from registry.store.chunks import CHUNK_BYTES
from registry.store.disk_room import DiskRoom
from registry.store.values import HeldPart, KeptProof
from tests.counts import tell
from tests.unit.application.erasing_world import erase
from tests.unit.application.federation_in_process import (
    Nodes,
    carry_entries,
    carry_parts,
    found_federation,
    open_federation,
    opening,
)

RESERVE: Final = 800
MIB: Final = 2**20


class Disk:
    """As much room as a test says."""

    free = 10 * RESERVE

    def __call__(self) -> int:
        return self.free


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    found_federation(tmp_path)
    with open_federation(tmp_path) as nodes:
        yield nodes


@pytest.fixture
def disk(nodes: Nodes) -> Disk:
    """The disk of beta."""
    disk = Disk()
    nodes["beta"].registry.store.disk = DiskRoom(disk, RESERVE)
    return disk


def test_below_half_of_the_reserve_entries_of_others_wait_and_own_events_are_recorded(
    nodes: Nodes, disk: Disk
) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    alpha.record(opening())
    disk.free = RESERVE // 2 - 1

    with pytest.raises(DiskReserved, match="own events"):
        carry_entries(alpha, beta, alpha.log_id)
    assert beta.registry.store.log_state(alpha.log_id).size == 0
    beta.record(opening())

    disk.free = RESERVE // 2
    carry_entries(alpha, beta, alpha.log_id)
    assert beta.registry.store.log_state(alpha.log_id).size == 1


def test_below_the_reserve_content_of_others_waits(nodes: Nodes, disk: Disk) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    alpha.record(opening())
    carry_entries(alpha, beta, alpha.log_id)
    disk.free = RESERVE - 1

    with pytest.raises(DiskReserved):
        carry_parts(alpha, beta, alpha.log_id)
    assert beta.registry.store.part(alpha.log_id, 0, 0) is None

    disk.free = RESERVE
    carry_parts(alpha, beta, alpha.log_id)
    assert beta.registry.store.part(alpha.log_id, 0, 0) is not None


def test_below_the_reserve_large_content_waits_in_the_middle_too(nodes: Nodes, disk: Disk) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    alpha.record(opening())
    carry_entries(alpha, beta, alpha.log_id)
    store, key = beta.registry.store, (alpha.log_id, 0, 0)
    head = HeldPart(*key, b"s" * 32, "text/plain", b"", large_bytes=2 * CHUNK_BYTES)
    disk.free = RESERVE - 1
    with pytest.raises(DiskReserved):
        store.large_parts.begin(head)

    disk.free = RESERVE
    assert store.large_parts.begin(head).result()
    assert store.large_parts.put(key, 0, [b"a" * CHUNK_BYTES]).result()
    disk.free = RESERVE - 1
    with pytest.raises(DiskReserved):
        store.large_parts.put(key, 1, [b"b" * CHUNK_BYTES])
    assert store.large_parts.arrived(key, 0) == b"a" * CHUNK_BYTES

    store.large_parts.discard(key).result()
    assert store.large_parts.incoming(key) is None


def test_below_the_reserve_an_erasure_of_another_member_is_carried_out(
    nodes: Nodes, disk: Disk
) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    event = alpha.record(opening())
    carry_entries(alpha, beta, alpha.log_id)
    carry_parts(alpha, beta, alpha.log_id)
    erase(alpha, ErasureTarget(event.index, 0))
    disk.free = RESERVE - 1

    carry_entries(alpha, beta, alpha.log_id)
    assert beta.registry.store.part(alpha.log_id, 0, 0) is None


def test_full_disk_refuses_own_events_clearly_and_takes_them_when_there_is_room(
    nodes: Nodes, disk: Disk
) -> None:
    beta = nodes["beta"]
    beta.record(opening())
    disk.free = RESERVE // 8 - 1

    for _ in range(2):
        with pytest.raises(DiskFull, match="nothing was recorded"):
            beta.record(opening())
    store = beta.registry.store
    assert store.read_only_reason() is None
    assert store.log_state(beta.log_id).size == 1

    disk.free = RESERVE // 8
    beta.record(opening())
    assert store.log_state(beta.log_id).size == 2


def test_full_disk_keeps_cosignatures_and_freezes_waiting_and_ends_nothing(
    nodes: Nodes, disk: Disk
) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    alpha.record(opening())
    carry_entries(alpha, beta, alpha.log_id)
    store, made = beta.registry.store, beta.registry.witness.cosign([alpha.log_id])
    proof = KeptProof(alpha.log_id, 0, 1, "invented", b"stands for a proof")
    writes: list[Callable[[], Future[Any]]] = [
        lambda: store.cosignatures.put(made),
        lambda: store.keep_fault_proof(proof),
        lambda: store.freeze(alpha.log_id, 1, "invented", b""),
        lambda: store.drop_retired_proofs(alpha.log_id, 1),
    ]
    disk.free = RESERVE // 8 - 1
    for write in writes:
        with pytest.raises(DiskFull):
            write()
    disk.free = RESERVE // 8
    for write in writes:
        write().result()
    assert store.cosignatures.all() == made
    assert store.log_state(alpha.log_id).frozen_at == 1


def test_own_events_come_back_from_a_peer_though_the_rest_is_reserved(
    nodes: Nodes, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    alpha.record(opening())
    disk.free = RESERVE // 2 - 1
    # As if alpha's log were the own one, which is being recovered.
    monkeypatch.setattr(beta.registry.store, "_own_log", alpha.log_id)

    carry_entries(alpha, beta, alpha.log_id)
    assert beta.registry.store.log_state(alpha.log_id).size == 1


def test_reserve_of_a_small_disk_is_a_share_of_it(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    total = found.f_blocks * found.f_frsize

    assert DiskRoom.of_folder(tmp_path, 1).reserve_bytes == 1
    assert DiskRoom.of_folder(tmp_path, 2 * total).reserve_bytes == total // 20
    assert DiskRoom.of_folder(tmp_path, 0).free_bytes() > 0


def test_disk_that_does_not_answer_is_our_own_fault(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="how much room"):
        DiskRoom.of_folder(tmp_path / "gone", 1)


# --- a real small disk ----------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 48 MiB in memory, where root may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting needs root: the injected disk above is all that is tested here")
    if subprocess.run(mounting, check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine mounts no tmpfs: the injected disk above is all that is tested")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def leave_free(folder: Path, size_bytes: int) -> Path:
    """Fills a disk but for so many bytes."""
    free = DiskRoom.of_folder(folder, 0).free_bytes()
    filler = folder / "filler"
    with filler.open("ab") as file:
        os.posix_fallocate(file.fileno(), filler.stat().st_size, free - size_bytes)
    return filler


def appended_until_refused(record: Callable[[], object]) -> int:
    for count in range(100_000):
        try:
            record()
        except DiskFull:
            return count
    pytest.fail("a full disk refused nothing")


def test_own_log_uses_the_reserve_of_a_real_disk_stays_open_and_goes_on(small_disk: Path) -> None:
    found_federation(small_disk)
    with open_federation(small_disk) as nodes:
        alpha, beta = nodes["alpha"], nodes["beta"]
        # One reserve for three nodes on one disk.
        room = DiskRoom.of_folder(small_disk, 2 * MIB)
        assert room.reserve_bytes == 2 * MIB
        for node in nodes.values():
            node.registry.store.disk = room
        alpha.record(opening())
        filler = leave_free(small_disk, room.reserve_bytes // 2 - 4096)

        with pytest.raises(DiskReserved):
            carry_entries(alpha, beta, alpha.log_id)
        count = appended_until_refused(lambda: beta.record(opening("x" * 200)))

        store = beta.registry.store
        assert count > 10
        assert store.read_only_reason() is None
        assert store.log_state(beta.log_id).size == count
        filler.unlink()
        beta.record(opening())
        carry_entries(alpha, beta, alpha.log_id)
        assert store.log_state(beta.log_id).size == count + 1
        tell(f"{count} own events within the reserve, then refused; all goes on with room")
