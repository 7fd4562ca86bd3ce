"""Files for decoders that read one: written anew for every input, in a folder of this process."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path


@cache
def scratch() -> Path:
    """A folder that goes when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="fuzzing-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def on_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], None]:
    """A decoder of bytes from one of a path; the file is checked to be what it was afterwards."""

    def read_bytes(data: bytes) -> None:
        path = scratch() / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
        path.write_bytes(data)
        try:
            read(path)
        finally:
            assert path.read_bytes() == data

    return read_bytes
