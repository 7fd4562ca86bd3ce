"""How a process of the registry looks for garbage: a node, and the bench that stands for one."""

import gc
from typing import Final

_THRESHOLDS: Final = (20_000, 50, 50)


def collect_seldom() -> None:
    """Leaves alone what is loaded by now, and looks for garbage in the rest seldom.

    Millions of short-lived tuples pass through a node; frequent collections of them cost a tenth.
    """
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
