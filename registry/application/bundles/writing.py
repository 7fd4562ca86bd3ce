"""Writes a bundle file from a stopped node's folder: whole, or not at all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from registry.application.bundles.exporting import ExportReport, Since, export_bundle
from registry.application.registry import Registry
from registry.errors import InvalidRequest
from registry.store.folder_sync import sync_folder

_MODE = 0o600


def export_file(
    folder_path: Path,
    file: Path | None,
    *,
    recipient: str | None,
    since: Since,
    has_all_parts: bool,
    now_ms: Callable[[], int],
    random_bytes: Callable[[int], bytes],
) -> ExportReport:
    """Writes what a stopped node holds into a file that only its owner can read.

    Args:
        folder_path: the node's folder.
        file: must not be there; None = write nothing, only tell what would be written.
        recipient: see `export_bundle`, as since and has_all_parts.
        since: what the recipient holds.
        has_all_parts: also content of what the recipient holds.
        now_ms: the clock, milliseconds UTC.
        random_bytes: must be unpredictable.

    Raises:
        InvalidRequest: the file is there, or cannot be written; or see `export_bundle`.
        NotFound: the recipient is no member.
        FolderError, KeyFileError, StorageError: the folder cannot be used.
    """
    if file is not None and file.exists():
        msg = f"{file} exists; choose another file"
        raise InvalidRequest(msg)
    registry = Registry.open(folder_path, now_ms=now_ms, random_bytes=random_bytes)
    try:
        with _written(file) as write:
            return export_bundle(
                registry, write, recipient=recipient, since=since, has_all_parts=has_all_parts
            )
    finally:
        registry.close()


@contextmanager
def _written(path: Path | None) -> Iterator[Callable[[bytes], object]]:
    """Gives what writes the file; it gets its name once all of it is on the carrier."""
    if path is None:
        yield len
        return
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        # Whoever had the carrier before may have put a file, or a link, in its place.
        unfinished.unlink(missing_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with open(handle, "wb", buffering=2**20) as file:  # noqa: PTH123 - of a handle with its mode
            yield file.write
            file.flush()
            os.fsync(handle)
        unfinished.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        msg = f"{path} cannot be written: {error.strerror}"
        raise InvalidRequest(msg) from error
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
