"""Where tests make their folders: in memory, if there is a disk with room for all, and the memory.

Hundreds of databases are made, and what a killed process gave to the system is in memory as on a
disk. What a disk does that is full, fails or forgets is tested on one that is made for it. Who sets
`TMPDIR` decides otherwise.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - folders of random name are made in it
MEMINFO: Final = Path("/proc/meminfo")
ROOM_BYTES: Final = 4 * 2**30


def use_memory(memory: Path = MEMORY) -> None:
    """From now on `tempfile` makes folders there, in this process and in those that it starts.

    Args:
        memory: a disk in memory, if there is one.
    """
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK):
        return
    if min(shutil.disk_usage(memory).free, _available_bytes()) >= ROOM_BYTES:
        os.environ["TMPDIR"] = str(memory)
        tempfile.tempdir = None


def _available_bytes() -> int:
    """Memory that can be had without swapping; 0 where the system does not tell."""
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    found = (line.split() for line in lines if line.startswith("MemAvailable:"))
    return sum(int(kib) * 1024 for _, kib, *_ in found)
