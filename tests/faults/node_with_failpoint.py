"""A node that ends with SIGKILL at a step: `python node_with_failpoint.py FOLDER STEP HIT`.

STEP is a name of `registry.store.failpoints.Step`, HIT says which time it is reached, from 1.
"""

import os
import signal
import sys

from registry.store.failpoints import Step, hooked
from registry_node.main import main


class Killer:
    """Ends the process when it comes to one hit of one step."""

    def __init__(self, step: Step, hit: int) -> None:
        self._step = step
        self._left = hit

    def __call__(self, step: Step) -> None:
        if step is self._step:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    folder, name, hits = sys.argv[1:]
    with hooked(Killer(Step(name), int(hits))):
        sys.exit(main([folder]))
