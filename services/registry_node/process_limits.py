"""What the process asks of its system: room for connections; and it gives memory back."""

import asyncio
import ctypes
import resource
from contextlib import suppress
from typing import Final

_GIVEN_BACK_EVERY_S: Final = 10.0


def raise_open_files() -> None:
    """Lets the process have as many files and sockets as its system allows it to ask for.

    The usual 1,024 would be used up by connections that never finish a handshake, and then the
    database could not open its own files.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def give_memory_back() -> None:
    """Hands free memory back to the system from time to time; runs until it is cancelled.

    What a flood of frames made glibc take stays with the process otherwise: 360 MiB of 464 after
    half a minute of endless header blocks.
    """
    trim = _malloc_trim()
    while trim is not None:
        await asyncio.sleep(_GIVEN_BACK_EVERY_S)
        await asyncio.to_thread(trim, 0)


def _malloc_trim() -> "ctypes._NamedFuncPointer | None":
    """glibc's; other C libraries have none."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
