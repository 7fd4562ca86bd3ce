"""`registry roster`: who takes part: read, propose, endorse and adopt a version of the list."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from registry.application.folder import NodeFolder
from registry.application.key_care import tls_renewal
from registry.application.membership import (
    confirmation,
    epochs,
    founding,
    proposals,
    refounding,
    rosters,
)
from registry.application.membership.cuts import cut_here
from registry.application.membership.differences import day_of, differences, ends_of
from registry.domain.identifiers import parse_registry_id
from registry.errors import InvalidRequest
from registry.log.member import Member, MemberStatus
from registry.log.roster import (
    decode_roster,
    decode_signed_roster,
    read_member_file,
    registry_id_of,
)
from registry_cli.commands.offline import Folder, Json, RosterFile
from registry_cli.confirming import (
    BEFORE_JOINING,
    OF_MEMBER_FILE,
    TO_RECEIVER,
    TO_SIGNERS,
    say_words,
)
from registry_cli.output import Output

AcceptVoid = Annotated[
    bool,
    typer.Option(
        "--accept-void",
        help="founded anew: give up events of this node that the roster leaves out",
    ),
]
roster_app = typer.Typer(help="Read, propose, endorse and adopt rosters.", no_args_is_help=True)


@roster_app.command()
def propose(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    folder: Folder,
    roster_file: Annotated[Path, typer.Argument(help="the file to write")],
    add: Annotated[list[Path] | None, typer.Option(help="member file of one that joins")] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(help="slug of one that is removed: its log ends where this node holds it"),
    ] = None,
    revoke: Annotated[
        list[str] | None,
        typer.Option(help="slug of one whose keys were stolen: its log ends, it stays a member"),
    ] = None,
    new_epoch: Annotated[
        list[Path] | None,
        typer.Option(help="member file, by `registry new-epoch`, of one that begins another log"),
    ] = None,
    all_keys: Annotated[
        bool,
        typer.Option(
            "--all-keys",
            help="with --new-epoch: it has another identity key too, because the folder was lost "
            "or stolen; the words that its member reads to you are all that vouches for it",
        ),
    ] = False,
    own_certificate: Annotated[
        bool,
        typer.Option("--own-certificate", help="this node's next one: registry keys renew-tls"),
    ] = False,
    reason: Annotated[str, typer.Option(help="why a log ends, without names")] = "",
    address: Annotated[
        list[str] | None, typer.Option(help="SLUG=HOST:PORT or SLUG=none; repeat it")
    ] = None,
    threshold: Annotated[
        int | None, typer.Option(help="signatures that the version after it needs")
    ] = None,
    expires: Annotated[
        str, typer.Option(help="by when it is to be renewed, such as 2027-11-01; advice only")
    ] = "",
    json: Json = False,
) -> None:
    """Propose the next version of the roster. Agree on it first: each member endorses one only."""
    if roster_file.exists():
        msg = f"{roster_file} exists; choose another file"
        raise InvalidRequest(msg)
    begun = {read_member_file(founding.read_file(file)).slug: file for file in new_epoch or ()}
    change = rosters.Change(
        add=add or (),
        remove={slug: cut_here(folder, slug, reason) for slug in remove or ()},
        revoke={slug: cut_here(folder, slug, reason) for slug in revoke or ()},
        new_epochs={slug: (file, cut_here(folder, slug, reason)) for slug, file in begun.items()},
        has_all_keys_new=all_keys,
        addresses=_addresses(address or ()),
        certificates=_staged(folder) if own_certificate else {},
        threshold=threshold,
        expires_ms=_day_ms(expires) if expires else None,
    )
    data = rosters.propose(folder, change)
    roster_file.write_bytes(data)
    output = Output(is_json=json)
    told = _print_differences(output, folder, roster_file)
    _say_words_of_files(output, (*change.add, *begun.values()))
    words = confirmation.words_of_roster(data)
    output.say("of this proposal:")
    say_words(output, words, TO_SIGNERS)
    output.say(
        "next: enough members of the old and of the new version endorse it, then each adopts"
    )
    output.result({"roster_file": str(roster_file), "differences": told, "words": words})


def new_epoch(
    folder: Folder,
    all_keys: Annotated[
        bool, typer.Option("--all-keys", help="new keys for everything: the folder may be stolen")
    ] = False,
    json: Json = False,
) -> None:
    """Make the keys of another log for this mechanism: the one before forked, or was stolen.

    Nothing changes until the members agree. Where the whole folder was lost, make a new one by
    `registry init --epoch 2` (or the number that comes next) instead.
    """
    member_file = epochs.begin_epoch(folder, has_all_keys_new=all_keys)
    output = Output(is_json=json)
    output.say(f"member file  {member_file}")
    words = confirmation.words_of_file(member_file.read_bytes())
    say_words(output, words, TO_RECEIVER)
    said = " --all-keys" if all_keys else ""
    output.say(
        f"next: a member proposes it: registry roster propose --new-epoch FILE{said} --reason"
    )
    output.say("enough endorse it, and this node takes the new keys when it starts under it;")
    output.say("then back up the keys anew: the backups of before hold none of them")
    if all_keys:
        output.say("then bring the profiles of its clients up to date: `registry client refresh`")
    output.result({"member_file": str(member_file), "words": words})


def found_anew(
    folder: Folder,
    roster_file: Annotated[Path, typer.Argument(help="the roster file to write")],
    member: Annotated[list[Path], typer.Option(help="member file of one that goes on; repeat it")],
    reason: Annotated[str, typer.Option(help="why, without names: every log ends for it")],
    json: Json = False,
) -> None:
    """Found the registry anew out of its logs, where its roster is locked or lost.

    Those that go on make member files by `registry new-epoch`. All of them sign the new roster,
    each by `registry roster endorse FOLDER/epoch-N ROSTER_FILE`, and go over by
    `registry join-anew`.
    """
    if roster_file.exists():
        msg = f"{roster_file} exists; choose another file"
        raise InvalidRequest(msg)
    signed = refounding.found_anew(folder, member, reason)
    roster_file.write_bytes(signed)
    roster = decode_signed_roster(signed).roster
    output = Output(is_json=json)
    for writer in decode_roster(roster).writers():
        end = "goes on" if writer.cut is None else f"ends at {writer.cut.size}"
        output.say(f"  {writer.origin:<44} {end}")
    _say_words_of_files(output, member)
    output.say(f"registry id {registry_id_of(roster).hex()}")
    output.result({"roster_file": str(roster_file), "registry_id": registry_id_of(roster)})


def join_anew(
    folder: Folder,
    roster_file: RosterFile,
    registry_id: Annotated[str, typer.Option(help="the id that you were told by another way")],
    accept_void: AcceptVoid = False,
    json: Json = False,
) -> None:
    """Go over to a registry that was founded anew, with all that this node holds."""
    roster = refounding.join_anew(
        folder, roster_file, parse_registry_id(registry_id), accepts_void=accept_void
    )
    output = Output(is_json=json)
    output.say(f"{len(roster.active_members())} members go on; start the node")
    output.result({"registry_id": roster.registry_id})


@roster_app.command()
def share(folder: Folder, roster_file: RosterFile, json: Json = False) -> None:
    """Give a proposal that a member has endorsed to the others, through the running node."""
    proposal = proposals.share(folder, roster_file)
    output = Output(is_json=json)
    output.say(f"shared as {proposal.name}; the others find it with `registry roster pending`")
    output.result({"name": proposal.name})


@roster_app.command()
def pending(folder: Folder, json: Json = False) -> None:
    """List the proposals that have reached this node, what they change and who has signed them."""
    output = Output(is_json=json)
    before = rosters.load_roster(NodeFolder(folder))
    told = []
    for each in proposals.pending(NodeFolder(folder)):
        changes = differences(before, each.roster)
        output.say(f"{each.name}  version {each.roster.version}, signed by {_list(each.signed_by)}")
        for line in changes:
            output.say(f"  {line}")
        words = confirmation.words_of_roster(each.data)
        say_words(output, words, TO_SIGNERS)
        told.append(
            {
                "name": each.name,
                "signed_by": each.signed_by,
                "differences": changes,
                "words": words,
            }
        )
    if not told:
        output.say("no proposal waits here")
    output.result(told)


@roster_app.command("endorse-pending")
def endorse_pending(
    folder: Folder,
    name: Annotated[str, typer.Argument(help="first digits of a proposal's name")],
    json: Json = False,
) -> None:
    """Sign a proposal that has reached this node; it counts as soon as enough members have."""
    proposal = proposals.endorse_pending(folder, name)
    output = Output(is_json=json)
    output.say(f"endorsed {proposal.name}, signed by {_list(proposal.signed_by)}")
    words = confirmation.words_of_roster(proposal.data)
    say_words(output, words, TO_SIGNERS)
    output.result({"name": proposal.name, "signed_by": proposal.signed_by, "words": words})


@roster_app.command()
def endorse(
    folder: Folder, roster_file: RosterFile, accept_void: AcceptVoid = False, json: Json = False
) -> None:
    """Sign a roster with this node's identity key, in the file itself."""
    data = founding.read_file(roster_file)
    words = confirmation.words_of_roster(data)
    output = Output(is_json=json)
    proposed = decode_roster(decode_signed_roster(data).roster)
    if proposed.version == 1:
        for end in (end for member in proposed.members for end in ends_of(member)):
            output.say(f"  {end}")
        if not accept_void:
            refounding.check_ends(folder, proposed)
        registry_id = founding.endorse(folder, roster_file)
        output.say(f"endorsed registry {registry_id.hex()}")
        say_words(output, words, BEFORE_JOINING)
        output.result({"registry_id": registry_id, "words": words})
        return
    told = _print_differences(output, folder, roster_file)
    roster = rosters.endorse(folder, roster_file)
    output.say(f"endorsed version {roster.version}")
    say_words(output, words, TO_SIGNERS)
    output.result({"version": roster.version, "differences": told, "words": words})


@roster_app.command()
def adopt(folder: Folder, roster_file: RosterFile, json: Json = False) -> None:
    """Take the next version, which enough members have signed; it counts from the next start on."""
    roster = rosters.adopt(folder, roster_file)
    output = Output(is_json=json)
    active = len(roster.active_members())
    output.say(f"adopted version {roster.version} with {active} active members")
    output.say("next: start the node again (`registry serve`)")
    output.result({"version": roster.version, "active_members": active})


@roster_app.command()
def diff(folder: Folder, roster_file: RosterFile, json: Json = False) -> None:
    """Tell in words what a roster changes against the one that counts at this node."""
    output = Output(is_json=json)
    output.result(_print_differences(output, folder, roster_file))


@roster_app.command()
def show(roster_file: RosterFile, json: Json = False) -> None:
    """Show who is in a roster and who has signed it."""
    data = founding.read_file(roster_file)
    words = confirmation.words_of_roster(data)
    signed = decode_signed_roster(data)
    roster = decode_roster(signed.roster)
    endorsed = {entry.member_id for entry in signed.signatures}
    registry_id = registry_id_of(signed.roster) if roster.version == 1 else roster.registry_id
    output = Output(is_json=json)
    output.say(f"registry {roster.registry_name}, id {registry_id.hex()}")
    renewal = day_of(roster.advisory_expiry_ms)
    output.say(f"version {roster.version}, threshold {roster.threshold}")
    if roster.advisory_expiry_ms:
        output.say(f"to be renewed by {renewal}")
    say_words(output, words, BEFORE_JOINING if roster.version == 1 else TO_SIGNERS)
    for member in roster.members:
        mark = "signed" if member.id in endorsed else "NOT SIGNED"
        output.say(
            f"  {member.id:>3}  {member.slug:<24} {mark:<10}  {member.display_name}{_left(member)}"
        )
        for end in ends_of(member):
            output.say(f"       {end}")
    output.result(
        {
            "registry_id": registry_id,
            "version": roster.version,
            "threshold": roster.threshold,
            "to_be_renewed_by": renewal,
            "words": words,
            "members": [
                {
                    "id": m.id,
                    "mechanism": m.slug,
                    "endorsed": m.id in endorsed,
                    "ended_logs": ends_of(m),
                }
                for m in roster.members
            ],
        }
    )


def _left(member: Member) -> str:
    if member.is_active:
        return ""
    return ", removed" if member.status is MemberStatus.REMOVED else ", revoked"


def _print_differences(output: Output, folder: Path, roster_file: Path) -> tuple[str, ...]:
    before = rosters.load_roster(NodeFolder(folder))
    after = decode_roster(decode_signed_roster(roster_file.read_bytes()).roster)
    found = differences(before, after)
    output.say(f"version {after.version} against version {before.version}:")
    for line in found:
        output.say(f"  {line}")
    return found


def _say_words_of_files(output: Output, member_files: Sequence[Path]) -> None:
    for each in member_files:
        output.say(f"of {each}:")
        say_words(output, confirmation.words_of_file(each.read_bytes()), OF_MEMBER_FILE)


def _list(slugs: Sequence[str]) -> str:
    return ", ".join(slugs) or "nobody"


def _day_ms(text: str) -> int:
    try:
        day = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        msg = f"--expires takes a day such as 2027-11-01, not {text!r}"
        raise InvalidRequest(msg) from error
    return round(day.timestamp() * 1000)


def _staged(folder: Path) -> dict[str, bytes]:
    return {NodeFolder(folder).mechanism: tls_renewal.stage_certificate(folder)}


def _addresses(written: list[str] | tuple[str, ...]) -> dict[str, str]:
    found = {}
    for each in written:
        slug, equals, address = each.partition("=")
        if not equals:
            msg = f"--address takes SLUG=HOST:PORT or SLUG=none, not {each!r}"
            raise InvalidRequest(msg)
        founding.check_member_address(address)
        found[slug] = address
    return found
