"""Makes the names in a folder durable: a file's own sync says nothing about its name."""

import os
from pathlib import Path


def sync_folder(path: Path) -> None:
    """Waits until the names in a folder are on the disk.

    Raises:
        OSError: the disk refused.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
