"""The verb `download`: files of events; `record --attach` sends them."""

import os
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from registry.client import RegistryClient
from registry.client.values import HistoryEvent
from registry.errors import InvalidRequest, NotFound
from registry_cli.commands.online import CaseArgument, Json, Profile, select_case, with_client
from registry_cli.output import Output

_MODE: Final = 0o600
_PLACE_MAX: Final = 40


def download(
    which: CaseArgument,
    place: Annotated[
        str, typer.Argument(help="POSITION/ORDINAL: the event's number in the history, the file's")
    ],
    profile: Profile,
    out: Annotated[
        Path | None, typer.Option(help="new file to write; nothing is ever written over")
    ] = None,
    json: Json = False,
) -> None:
    """Fetch a file of an event and check it; without --out, only tell what it claims to be.

    Name and type are what its author claimed: they never name a file on this machine.
    """
    position, ordinal = _read_place(place)

    async def fetch(client: RegistryClient) -> Any:  # noqa: ANN401 - a value of the client
        history = await client.history(await select_case(client, which))
        event = next((each for each in history.events if each.position == position), None)
        found = _attachment(event, ordinal)
        if event is not None and out is not None:
            # Opened first and never over another file: a name cannot be used twice.
            with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb") as file:
                try:
                    await client.attachments.download(
                        event.origin, event.index, ordinal, file, sha256=found.sha256.hex()
                    )
                except BaseException:
                    out.unlink()
                    raise
        return found

    output = Output(is_json=json)
    found = with_client(profile, fetch)
    output.say(f"claimed name  {found.file_name!a}")
    output.say(f"claimed type  {found.media_type!a}")
    output.say(f"size          {found.size} bytes, {found.state}")
    output.say(f"sha256        {found.sha256.hex()}")
    if out is not None:
        output.say(f"written to    {out}")
    output.result({"attachment": found, "written_to": None if out is None else str(out)})


def _read_place(text: str) -> tuple[int, int]:
    position, slash, ordinal = text.partition("/")
    is_number = position.isdecimal() and ordinal.isdecimal()
    if not slash or not is_number or len(text) > _PLACE_MAX:
        msg = "a file is named by POSITION/ORDINAL, such as 3/1; `registry case history` tells them"
        raise InvalidRequest(msg)
    return int(position), int(ordinal)


def _attachment(event: HistoryEvent | None, ordinal: int) -> Any:  # noqa: ANN401
    found = [each for each in event.attachments if each.ordinal == ordinal] if event else []
    if not found:
        msg = "there is no such file here; `registry case history` tells those of each event"
        raise NotFound(msg)
    return found[0]
