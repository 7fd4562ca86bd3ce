"""How a process of the registry looks for garbage: a node, and the bench that stands for one."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

_THRESHOLDS: Final = (20_000, 50, 50)


def collect_seldom() -> None:
    """Leaves alone what is loaded by now, and looks for garbage in the rest seldom.

    Millions of short-lived tuples pass through a node; frequent collections of them cost a tenth.
    """
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


class _Pauses:
    """How many ask for a pause; the first one begins it, the last one ends it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._asking = 0
        self._was_enabled = False

    def begin(self) -> None:
        with self._lock:
            if not self._asking:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._asking += 1

    def end(self) -> None:
        with self._lock:
            self._asking -= 1
            if not self._asking and self._was_enabled:
                gc.enable()


_PAUSES: Final = _Pauses()


@contextmanager
def without_collecting() -> Iterator[None]:
    """Looks for no garbage in circles while much is built at once that is none; for any thread.

    Each look would pass over all that was built and keep the interpreter from everybody meanwhile.
    What is built must be gone when this ends, or else the next look passes over all of it at once.
    """
    _PAUSES.begin()
    try:
        yield
    finally:
        _PAUSES.end()
