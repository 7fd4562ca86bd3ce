"""Random bytes, taken from their source by the thousand.

Asking the system lets go of the interpreter lock for every few bytes, and with many callers each
such gap is a change of threads. Bytes are given out once. They are kept in memory like every other
secret of the node; a process that forks must not go on using its parent's.
"""

import threading
from collections.abc import Callable
from typing import Final

_BLOCK_BYTES: Final = 4096


class RandomBytes:
    """A source like `os.urandom`, for any thread."""

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self._source = source
        self._block = b""
        self._place = 0
        self._lock = threading.Lock()

    def __call__(self, size: int) -> bytes:
        """Returns `size` fresh bytes."""
        if size > _BLOCK_BYTES:
            return self._source(size)
        with self._lock:
            end = self._place + size
            if end > len(self._block):
                self._block = self._source(_BLOCK_BYTES)
                end = size
            taken = self._block[end - size : end]
            self._place = end
        return taken
