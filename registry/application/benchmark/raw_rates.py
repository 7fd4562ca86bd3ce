"""What the machine can do by itself: Ed25519 checks in two threads, and syncs of the disk."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from nacl import bindings

from registry.log.entry import signed_message, split_entry

VERIFY_THREADS: Final = 2
_SLICE: Final = 125
"""Entries that a thread takes at once: a quarter of a message of 500, as the node does it."""
_BLOCK_BYTES: Final = 4096


class RawVerification:
    """The rate of bare PyNaCl checks over signed entries, measured again and again in one run."""

    def __init__(self, entries: Sequence[bytes], log_key: bytes) -> None:
        self._log_key = log_key
        self._signed = []
        for entry in entries:
            header, signature = split_entry(entry)
            self._signed.append(signature + signed_message(header))
        self.rates: list[float] = []
        """Entries per second of each round so far."""

    @property
    def per_s(self) -> float:
        """The median of all rounds."""
        return median(self.rates)

    def measure(self, rounds: int) -> None:
        """Checks all entries `rounds` times in two threads over slices."""
        with ThreadPoolExecutor(VERIFY_THREADS) as pool:
            for _ in range(rounds):
                started = perf_counter()
                slices = [
                    pool.submit(self._check, start, start + _SLICE)
                    for start in range(0, len(self._signed), _SLICE)
                ]
                for each in slices:
                    each.result()
                self.rates.append(len(self._signed) / (perf_counter() - started))

    def _check(self, start: int, end: int) -> None:
        for signed in self._signed[start:end]:
            bindings.crypto_sign_open(signed, self._log_key)


def measure_fsyncs(folder: Path, count: int) -> list[float]:
    """Times fdatasync after overwriting a block of 4 KiB in a preallocated file.

    Returns:
        Seconds of each.
    """
    path = folder / "fsync.probe"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(handle, bytes(_BLOCK_BYTES), 0)
        os.fsync(handle)
        found = []
        for number in range(count):
            os.pwrite(handle, bytes([number % 256]) * _BLOCK_BYTES, 0)
            started = perf_counter()
            os.fdatasync(handle)
            found.append(perf_counter() - started)
    finally:
        os.close(handle)
        path.unlink()
    return found
