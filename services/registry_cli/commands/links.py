"""`registry link`: cases of different mechanisms that belong together."""

from typing import Annotated, Any

import typer

from registry.client import RegistryClient
from registry_cli.commands.online import Json, Profile, select_case, with_client
from registry_cli.fields import read_place
from registry_cli.output import Output
from registry_cli.rendering import columns
from registry_cli.surroundings import surroundings_of

link_app = typer.Typer(help="Cases that belong together.", no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="case id, its first digits, or a State such as POL")]
Proposal = Annotated[str, typer.Argument(help="ORIGIN#INDEX, as `registry link list` shows it")]
RequestId = Annotated[
    str, typer.Option(help="any text of yours; the same text records nothing twice")
]


@link_app.command()
def propose(
    context: typer.Context,
    case: Which,
    other: Which,
    profile: Profile,
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Propose that two cases belong together. Every member will see that their ids do."""
    request = request_id or surroundings_of(context).new_request_id()

    async def write(client: RegistryClient) -> Any:  # noqa: ANN401 - see the client
        first, second = await select_case(client, case), await select_case(client, other)
        return await client.links.propose(request, first, second)

    _tell(Output(is_json=json), "proposed", with_client(profile, write))


@link_app.command()
def accept(
    context: typer.Context,
    proposal: Proposal,
    profile: Profile,
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Accept a proposal of another mechanism: the cases have one history from now on."""
    request = request_id or surroundings_of(context).new_request_id()
    place = read_place("proposal", proposal)
    receipt = with_client(profile, lambda c: c.links.answer(request, place, accepts=True))
    _tell(Output(is_json=json), "accepted", receipt)


@link_app.command()
def decline(
    context: typer.Context,
    proposal: Proposal,
    profile: Profile,
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Decline a proposal of another mechanism, or take an acceptance back."""
    request = request_id or surroundings_of(context).new_request_id()
    place = read_place("proposal", proposal)
    receipt = with_client(profile, lambda c: c.links.answer(request, place, accepts=False))
    _tell(Output(is_json=json), "declined", receipt)


@link_app.command()
def end(
    context: typer.Context,
    proposal: Proposal,
    profile: Profile,
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """End a proposal of this mechanism for all, or take its acceptance back for good."""
    request = request_id or surroundings_of(context).new_request_id()
    place = read_place("proposal", proposal)
    receipt = with_client(profile, lambda client: client.links.end(request, place))
    _tell(Output(is_json=json), "ended", receipt)


@link_app.command("list")
def list_links(case: Which, profile: Profile, json: Json = False) -> None:
    """List the proposals from and to a case, and how they stand."""

    async def read(client: RegistryClient) -> Any:  # noqa: ANN401
        return await client.links.list_links(await select_case(client, case))

    output = Output(is_json=json)
    found = with_client(profile, read)
    table = columns(
        "PROPOSAL", "STATE", "CASE", "OTHER CASE", "ACCEPTED BY", "DECLINED BY", "ENDED BY"
    )
    for each in found.links:
        table.add_row(
            f"{each.proposal.origin}#{each.proposal.index}",
            each.state,
            each.case_id.hex()[:8],
            each.other_case_id.hex()[:8],
            ", ".join(each.accepted_by),
            ", ".join(each.declined_by),
            ", ".join(each.ended_by),
        )
    if found.links:
        output.table(table)
        if found.left_out:
            output.say(f"and {found.left_out} proposals that nobody has answered")
    else:
        output.say("no link of this case was proposed")
    output.result(found)


def _tell(output: Output, what: str, receipt: Any) -> None:  # noqa: ANN401
    output.say(f"{what} as event {receipt.index} of {receipt.origin}")
    output.say(f"  case  {receipt.case_id.hex()}")
    output.result({"receipt": receipt})
