"""Verbs that change who holds content: `widen`, `erase`, and `erasure show`."""

from typing import Annotated, Any

import typer

from registry.client import RegistryClient
from registry.client.confidentiality import ErasureConfirmation, PartToErase, WideningPreview
from registry.domain.audience import EVERYONE, named
from registry.errors import InvalidRequest
from registry_cli.commands.online import Json, Profile, with_client
from registry_cli.output import Output
from registry_cli.release_output import print_widening
from registry_cli.rendering import time_text
from registry_cli.surroundings import surroundings_of

RequestId = Annotated[
    str, typer.Option("--request-id", help="repeat it to try the same again; new if not given")
]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]
_HEX_DIGITS = 64

erasure_app = typer.Typer(help="See who has confirmed an erasure.", no_args_is_help=True)


def widen(
    context: typer.Context,
    index: Annotated[int, typer.Argument(min=0, help="place of the event in your own log")],
    profile: Profile,
    audience: Annotated[
        str, typer.Option(help="slugs with commas between them, or `all`: who may hold it besides")
    ],
    preview: Annotated[
        bool, typer.Option("--preview", help="show what would leave and to whom, no more")
    ] = False,
    yes: Yes = False,
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Let more mechanisms hold the content of an event that your mechanism recorded.

    Shows first what would leave and to whom; whoever was let hold it cannot be made not to have.
    """
    slugs = [each.strip() for each in audience.split(",") if each.strip()]
    choice = EVERYONE if slugs == ["all"] else named(*slugs)
    output = Output(is_json=json)

    async def look(client: RegistryClient) -> WideningPreview:
        return await client.confidentiality.preview_widening(index, choice)

    if preview or not yes:
        found = with_client(profile, look)
        print_widening(output, found)
        if preview:
            output.result(found)
            return
        typer.confirm(f"Let them hold event {index}, for good?", abort=True)
    request = request_id or surroundings_of(context).new_request_id()

    async def ask(client: RegistryClient) -> Any:  # noqa: ANN401 - see the client
        return await client.confidentiality.widen(request, index, choice)

    receipt = with_client(profile, ask)
    output.say(f"widened by event {receipt.index} of {receipt.origin}")
    output.result({"request_id": request, "receipt": receipt})


def erase(
    context: typer.Context,
    parts: Annotated[
        list[str],
        typer.Argument(
            help="INDEX, INDEX/ORDINAL or INDEX/ORDINAL/COMMITMENT of parts in one log; "
            "INDEX alone is part 0"
        ),
    ],
    profile: Profile,
    origin: Annotated[
        str, typer.Option(help="of a former log of your mechanism; default is your own log")
    ] = "",
    yes: Yes = False,
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Erase content that your mechanism recorded, at every holder; cannot be undone."""
    targets = [parse_part(text) for text in parts]
    if not yes:
        typer.confirm(f"Erase {len(targets)} part(s) at every holder, for good?", abort=True)
    request = request_id or surroundings_of(context).new_request_id()

    async def ask(client: RegistryClient) -> Any:  # noqa: ANN401
        return await client.confidentiality.erase(request, targets, origin=origin)

    output = Output(is_json=json)
    erasure = with_client(profile, ask)
    if erasure.receipt is None:
        output.say(f"a second person must approve act {erasure.pending_act_id}")
    else:
        output.say(
            f"erased by event {erasure.receipt.index} of {erasure.receipt.origin}; "
            f"who has confirmed: registry erasure show {erasure.receipt.index}"
        )
    output.result({"request_id": request, "erasure": erasure})


@erasure_app.command("show")
def erasure_show(
    index: Annotated[int, typer.Argument(min=0, help="place of the content_erased event")],
    profile: Profile,
    origin: Annotated[str, typer.Option(help="of another log; default is your own")] = "",
    json: Json = False,
) -> None:
    """Show who has confirmed an erasure, who was not reached since, and who has left with it."""

    async def ask(client: RegistryClient) -> Any:  # noqa: ANN401
        return await client.confidentiality.erasure_status(index, origin=origin)

    output = Output(is_json=json)
    status = with_client(profile, ask)
    output.say(f"erased {time_text(status.erased_ms)}")
    for each in status.confirmations:
        output.say(confirmation_line(each))
    output.result(status)


def confirmation_line(each: ErasureConfirmation) -> str:
    """How one mechanism stands to an erasure, for the list that is given to the person."""
    heard = time_text(each.last_heard_ms) if each.last_heard_ms else "not since the start"
    told = f"confirmed {time_text(each.confirmed_ms)}" if each.is_confirmed else "not yet"
    since = f"last heard {heard}"
    if each.takes_part_no_more:
        told, since = told if each.is_confirmed else "NEVER CONFIRMED", "takes part no more"
    return f"{each.mechanism:<24} {told:<40} {since}"


def parse_part(text: str) -> PartToErase:
    """Reads INDEX[/ORDINAL[/COMMITMENT]].

    Raises:
        InvalidRequest: it is none.
    """
    index, _, rest = text.partition("/")
    ordinal, _, commitment = rest.partition("/")
    is_number = index.isdecimal() and (not rest or ordinal.isdecimal())
    if not is_number or len(commitment) not in (0, _HEX_DIGITS):
        msg = f"{text!r} names no part: INDEX, INDEX/ORDINAL or INDEX/ORDINAL/COMMITMENT"
        raise InvalidRequest(msg)
    try:
        return PartToErase(int(index), int(ordinal or 0), bytes.fromhex(commitment))
    except ValueError as error:
        msg = f"{commitment!r} is no commitment: {_HEX_DIGITS} hexadecimal digits"
        raise InvalidRequest(msg) from error
