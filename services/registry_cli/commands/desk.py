"""`registry desk`: acts that wait for a second person, who did and read what, restricted cases."""

from typing import Annotated

import typer

from registry.client import RegistryClient, case
from registry.client.desk import PendingAct, ReadRecord
from registry.domain.identifiers import parse_case_id
from registry.domain.vocabulary import kind_code
from registry_cli.commands.online import Json, Profile, with_client
from registry_cli.output import Output
from registry_cli.rendering import time_text

ActId = Annotated[str, typer.Argument(help="the act's id; `registry desk pending` lists them")]
Index = Annotated[int, typer.Argument(min=0, help="place of the event in your own log")]

desk_app = typer.Typer(help="Approve acts; see who did and read what.", no_args_is_help=True)


@desk_app.command("pending")
def desk_pending(profile: Profile, json: Json = False) -> None:
    """List acts that wait for a second person, oldest first."""

    async def read(client: RegistryClient) -> list[PendingAct]:
        return [act async for act in client.desk.pending()]

    output = Output(is_json=json)
    acts = with_client(profile, read)
    for act in acts:
        output.say(f"{act.act_id}  {act.action}, asked by {act.officer}, {time_text(act.asked_ms)}")
        output.say(f"  case {act.case_id.hex()}: {_about(act)}")
    output.result(acts)


@desk_app.command("approve")
def desk_approve(act_id: ActId, profile: Profile, json: Json = False) -> None:
    """Approve what somebody else asked for; it is carried out at once."""
    output = Output(is_json=json)
    receipt = with_client(profile, lambda client: client.desk.approve(act_id))
    output.say(f"carried out as event {receipt.index} of {receipt.origin}")
    output.result(receipt)


@desk_app.command("decline")
def desk_decline(act_id: ActId, profile: Profile, json: Json = False) -> None:
    """Decline an act; it is not carried out and is forgotten."""
    output = Output(is_json=json)
    with_client(profile, lambda client: client.desk.decline(act_id))
    output.say(f"act {act_id} is declined")
    output.result({"act_id": act_id})


@desk_app.command("act")
def desk_act(index: Index, profile: Profile, json: Json = False) -> None:
    """Show who recorded an event of your own log, and who approved it."""
    output = Output(is_json=json)
    act = with_client(profile, lambda client: client.desk.act(index))
    approved = f", approved by {act.approver}" if act.approver else ""
    output.say(f"event {index}: by {act.officer}{approved}, {time_text(act.done_ms)}")
    output.result(act)


@desk_app.command("restrict")
def desk_restrict(
    which: Annotated[str, typer.Argument(help="case id, 32 hexadecimal digits")],
    profile: Profile,
    client: Annotated[
        list[str] | None,
        typer.Option("--client", help="a client that may know of the case; repeat it"),
    ] = None,
    json: Json = False,
) -> None:
    """Limit a case to named clients; for all others it does not exist. None lifts the limit."""
    names = client or []

    async def write(connection: RegistryClient) -> None:
        await connection.desk.restrict(case(parse_case_id(which)), names)

    output = Output(is_json=json)
    with_client(profile, write)
    output.say(f"limited to {', '.join(names)}" if names else "open to all clients of this node")
    output.result({"case": which, "clients": names})


@desk_app.command("source")
def desk_source(index: Index, profile: Profile, json: Json = False) -> None:
    """Show who the information of an event of your own log came from; that you did is kept."""
    output = Output(is_json=json)
    source = with_client(profile, lambda client: client.desk.source(index))
    told = {"name": source.name, "contact": source.contact, "note": source.note}
    for name, text in told.items():
        if text:
            output.say(f"{name:<8} {text}")
    output.result(told)


@desk_app.command("reads")
def desk_reads(
    profile: Profile,
    which: Annotated[str, typer.Option("--case", help="only of this case: its id")] = "",
    limit: Annotated[int, typer.Option(min=1, help="at most so many")] = 50,
    json: Json = False,
) -> None:
    """List who was shown content that is not for every member, newest first."""
    case_id = parse_case_id(which) if which else None

    async def read(client: RegistryClient) -> list[ReadRecord]:
        found: list[ReadRecord] = []
        async for each in client.desk.reads(case_id):
            found.append(each)
            if len(found) == limit:
                break
        return found

    output = Output(is_json=json)
    reads = with_client(profile, read)
    for each in reads:
        output.say(
            f"{time_text(each.time_ms)}  {each.client:<24} {each.method:<20} "
            f"{each.events:>4} events of {each.case_id.hex()}"
        )
    output.result(reads)


def _about(act: PendingAct) -> str:
    if act.parts:
        places = ", ".join(f"{index}/{ordinal}" for index, ordinal in act.parts)
        return f"erase {places}" + (f" of {act.parts_origin}" if act.parts_origin else "")
    if act.content is None:
        return "content that this software does not know"
    title: str = getattr(act.content, "title", "")
    return f"{kind_code(act.content.kind)} {title}".strip()
