"""Sends the files of an event before it is recorded."""

import mimetypes
from collections.abc import Sequence
from pathlib import Path

from registry.client import RegistryClient
from registry.domain.content.attachment import UNKNOWN_TYPE
from registry.errors import InvalidRequest


async def send_files(
    client: RegistryClient, request_id: str, files: Sequence[Path]
) -> tuple[str, ...]:
    """Uploads the files of one event; asked again, it goes on where it was cut short."""
    sent = []
    for number, path in enumerate(files):
        with path.open("rb") as file:
            upload = await client.attachments.upload(
                f"{request_id[:180]} file {number}",
                file,
                file_name=path.name,
                media_type=mimetypes.guess_type(path.name)[0] or UNKNOWN_TYPE,
            )
        sent.append(upload.upload_id)
    return tuple(sent)


def check_files(files: Sequence[Path], *, is_opening: bool) -> None:
    """Refuses, before anything is sent, what cannot be attached.

    Raises:
        InvalidRequest: a case is being opened, or a path names no file.
    """
    if files and is_opening:
        msg = "case_opened takes no files: open the case, then record an event with --attach"
        raise InvalidRequest(msg)
    for path in files:
        if not path.is_file():
            msg = f"{path} is no file"
            raise InvalidRequest(msg)
