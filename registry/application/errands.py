"""Errands: what is done beside all else, one at a time, in a thread of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Final

import structlog

from registry.errors import RegistryError

_log = structlog.get_logger()
_PAUSE_S: Final = 0.05


class Errands:
    """Runs errands in their order; one that fails is logged, and the next one runs."""

    def __init__(self, name: str) -> None:
        """Names the thread."""
        self._closing = Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    def close(self) -> None:
        """Finishes what was handed in; takes no more."""
        self._closing.set()
        self._thread.shutdown()

    def hand(self, errand: Callable[[], object]) -> None:
        """Has an errand run; forgets it if it is too late."""
        with suppress(RuntimeError):  # shut down
            self._thread.submit(_run, errand)

    def hand_in_pieces(self, piece: Callable[[], bool]) -> None:
        """Has a long errand run a piece at a time, others in between, until a piece says False.

        A piece that fails is logged, and the next one runs: each must get on, whatever happens.
        """

        def run() -> None:
            if _run(piece) is not False and not self._closing.wait(_PAUSE_S):
                self.hand(run)

        self.hand(run)


def _run(errand: Callable[[], object]) -> object:
    """Runs an errand; returns its result, or None if it failed."""
    try:
        return errand()
    except RegistryError as error:
        _log.warning("errand_failed", reason=error.reason)
    except Exception:  # noqa: BLE001 - whatever failed: nobody else would hear of it
        _log.exception("errand_failed")
    return None
