"""Kills a writing process again and again and compares what it acknowledged with what is there.

    python kill_writer.py FOLDER KILLS SEED

Run as a script, so that it forks while it has one thread only. Each child opens the store, appends
with four threads and reports every acknowledged (index, leaf hash) through a pipe; the parent kills
it at a random moment, opens the store itself, and checks. Prints one JSON line.
"""

import json
import os
import random
import select
import signal
import struct
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from registry.domain.identifiers import RootHash
from registry.log.facts import GuardVerdict
from registry.store.check import check_store
from registry.store.guard import Guard, GuardState
from tests.storage.storage_world import NODE_KEYS, OWN, OWN_ID, case, open_store, request, roster

REPORT = struct.Struct(">Q32s")
THREADS = 4
LONGEST_S = 0.05


class Lost(Exception):
    """A promise that was not kept."""


def write_for_ever(folder: Path, generation: int, pipe: int) -> None:
    store = open_store(folder)

    def work(name: int) -> None:
        number = 0
        while True:
            text = f"{generation} {name} {number}"
            done = store.append(request(text, case_id=case(number % 50), request_id=text)).result()
            os.write(pipe, REPORT.pack(done.index, done.leaf_hash))
            number += 1

    threads = [threading.Thread(target=work, args=(name,)) for name in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def run_and_kill(folder: Path, generation: int, rng: random.Random) -> list[tuple[int, bytes]]:
    """Starts a writer, kills it after a while, returns what it acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            write_for_ever(folder, generation, writing)
        finally:
            os._exit(1)
    os.close(writing)
    if rng.random() < 0.9:  # else it may die while it starts
        select.select([reading], [], [], 10)
    select.select([], [], [], rng.uniform(0, LONGEST_S))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    data = b""
    while piece := os.read(reading, 65536):
        data += piece
    os.close(reading)
    whole = len(data) - len(data) % REPORT.size
    return [REPORT.unpack_from(data, at) for at in range(0, whole, REPORT.size)]


def read_guard(folder: Path) -> GuardState:
    path = folder / "guard"
    if not path.exists():
        return GuardState(0, RootHash(b""))
    guard = Guard.open(path, OWN)
    state = guard.read()
    guard.close()
    return state


def check(folder: Path, acknowledged: dict[int, bytes], largest_guard: int) -> int:
    """Opens the store and compares; returns its size."""
    guard = read_guard(folder)
    if guard.size < largest_guard:
        msg = f"the guard went back from {largest_guard} to {guard.size}"
        raise Lost(msg)
    if acknowledged and guard.size <= max(acknowledged):
        msg = f"event {max(acknowledged)} was acknowledged while the guard stood at {guard.size}"
        raise Lost(msg)
    store = open_store(folder)
    try:
        size = store.log_state(OWN_ID).size
        if guard.size > size or store.own_state_against_guard().kind is not GuardVerdict.EQUAL:
            msg = f"the guard stands at {guard.size}, the database at {size}"
            raise Lost(msg)
        for index, leaf in acknowledged.items():
            if index >= size or store.leaf_hash(OWN_ID, index) != leaf:
                msg = f"event {index} was acknowledged and is not what is stored"
                raise Lost(msg)
        return size
    finally:
        store.close()


def main(folder: Path, kills: int, seed: int) -> dict[str, int]:
    rng = random.Random(seed)
    acknowledged: dict[int, bytes] = {}
    unanswered = size = 0
    for generation in range(kills):
        before = size
        reports = run_and_kill(folder, generation, rng)
        for index, leaf in reports:
            if acknowledged.setdefault(index, leaf) != leaf:
                msg = f"index {index} was acknowledged for two different entries"
                raise Lost(msg)
        # Leaf hashes of older events were compared after their own kill: the tree holds them.
        fresh = dict(reports)
        size = check(folder, fresh, before)
        unanswered += size - before - len(fresh)
    size = check(folder, acknowledged, size)
    findings = list(
        check_store(
            folder / "log.db",
            roster(),
            node_keys=NODE_KEYS,
            own_log=OWN_ID,
            guard=read_guard(folder),
        )
    )
    if findings:
        msg = f"fsck found {findings[:3]}"
        raise Lost(msg)
    return {
        "kills": kills,
        "acknowledged": len(acknowledged),
        "size": size,
        "unanswered": unanswered,
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))  # noqa: T201
