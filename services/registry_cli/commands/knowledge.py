"""`registry case known`: a case as it was known to a mechanism, by a time, or at a vector."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer

from registry.client import LogPlace, RegistryClient
from registry.errors import InvalidRequest
from registry_cli.commands.online import CaseArgument, Json, Profile, select_case, with_client
from registry_cli.fields import read_place
from registry_cli.output import Output
from registry_cli.rendering import print_history

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS: Final = 24 * 60 * 60 * 1000
_SIZE_DIGITS_MAX: Final = 15


def case_known(
    which: CaseArgument,
    profile: Profile,
    when_recording: Annotated[
        str, typer.Option(help="ORIGIN#INDEX: as its author knew the case when it recorded this")
    ] = "",
    by: Annotated[
        str, typer.Option(help="as of a day or time (UTC), such as 2026-11-02 or 2026-11-02T15:04")
    ] = "",
    to: Annotated[str, typer.Option(help="with --by: as known to this mechanism")] = "",
    at: Annotated[
        list[str] | None,
        typer.Option(help="ORIGIN:SIZE, how much of a log counts; repeat it for each log"),
    ] = None,
    json: Json = False,
) -> None:
    """Show a case as it was known when somebody acted, on a day, or at given checkpoints."""
    if sum(map(bool, (when_recording, by, at))) != 1:
        msg = "say one of --when-recording, --by and --at"
        raise InvalidRequest(msg)
    if to and not by:
        msg = "--to: goes with --by; an event has an author, and checkpoints are for everybody"
        raise InvalidRequest(msg)

    async def read(client: RegistryClient) -> Any:  # noqa: ANN401 - see the client
        selector = await select_case(client, which)
        if when_recording:
            place = read_place("--when-recording", when_recording)
            return await client.knowledge.when_recording(selector, place.origin, place.index)
        if by:
            return await client.knowledge.by_time(selector, end_of_day_or_time(by), to)
        return await client.knowledge.at_vector(selector, *map(_read_size, at or ()))

    output = Output(is_json=json)
    known = with_client(profile, read)
    if known.history.events:
        print_history(output, known.history)
    else:
        output.say("nothing of this case was known")
    if known.unknown_count:
        output.say(f"{known.unknown_count} more events are held here that were not known")
    output.result(known)


def end_of_day_or_time(text: str) -> int:
    """Reads a time, or the end of a day, in milliseconds since 1970 UTC.

    Raises:
        InvalidRequest: it is neither.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"--by: a day or a time is written 2026-11-02 or 2026-11-02T15:04, not {text!r}"
        raise InvalidRequest(msg) from error
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    is_day = len(text) <= len("2026-11-02")
    return (time - _EPOCH) // timedelta(milliseconds=1) + (_DAY_MS - 1 if is_day else 0)


def _read_size(text: str) -> LogPlace:
    origin, _, size = text.rpartition(":")
    is_size = size.isascii() and size.isdigit() and len(size) <= _SIZE_DIGITS_MAX
    if not origin or not is_size:
        msg = f"--at: a log is written ORIGIN:SIZE, such as defenders.example/un/1:7, not {text!r}"
        raise InvalidRequest(msg)
    return LogPlace(origin, int(size), b"")
