"""A change of the roster, step by step: what it does, its words, a question, and what comes next.

Given again, the same command goes on where it stands: it signs a proposal of the same change that
has come meanwhile, or says whose signature is missing, or that the change counts.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from registry.application.folder import NodeFolder
from registry.application.membership import ceremonies, confirmation
from registry.application.membership.ceremonies import Standing, Wish
from registry.application.membership.differences import differences
from registry.application.membership.proposals import Proposal
from registry.errors import InvalidRequest
from registry.log.member import Cut
from registry.log.roster import Roster, decode_roster, decode_signed_roster
from registry_cli.confirming import TO_SIGNERS, say_words
from registry_cli.output import Output

_NAME_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Ceremony:
    """A change and what is said about it.

    Attributes:
        folder: the node's.
        wish: the change.
        does: what it does, a sentence each.
        afterwards: what is left to do once it counts.
        find_cut: looks where the log of a removed member ends, given where a proposal that is here
            ends it (None = there is none); None = no log ends.
        is_own_log: the log is this node's: its folder is held from the look to the signature, so
            that nothing is recorded in between, whoever proposed it.
    """

    folder: Path
    wish: Wish
    does: Sequence[str]
    afterwards: Sequence[str]
    find_cut: Callable[[Cut | None], Cut] | None = None
    is_own_log: bool = False


def guide(output: Output, ceremony: Ceremony, *, is_agreed: bool) -> dict[str, object]:
    """Takes the step that this node can take now, after a question, and tells what comes next.

    Args:
        output: where it is told.
        ceremony: what it is about.
        is_agreed: nobody is asked.

    Returns:
        How far it is, for --json.

    Raises:
        InvalidRequest: another proposal stands in the way, or nobody can be asked.
        RosterError: this node has endorsed another proposal of the version.
        FolderError: the own log is to end, and the node is running.
    """
    found = ceremonies.standing(ceremony.folder, ceremony.wish)
    if not found.is_met and not found.is_signed_here:
        with NodeFolder(ceremony.folder).held() if ceremony.is_own_log else nullcontext():
            _sign(output, ceremony, found, is_agreed=is_agreed)
        found = ceremonies.standing(ceremony.folder, ceremony.wish)
    _tell(output, ceremony, found)
    return _document(found)


def ask(output: Output, question: str, *, is_agreed: bool) -> None:
    """Asks a person; everything but yes ends the command.

    Raises:
        InvalidRequest: with --json nobody can be asked.
    """
    if is_agreed:
        return
    if output.is_json:
        msg = "with --json nobody is asked: say --yes"
        raise InvalidRequest(msg)
    typer.confirm(question, abort=True)


def _sign(output: Output, ceremony: Ceremony, found: Standing, *, is_agreed: bool) -> None:
    proposal = found.proposal
    if proposal is None:
        _refuse_rivals(found)
        cut = ceremony.find_cut(None) if ceremony.find_cut is not None else None
        data = ceremonies.draft(ceremony.folder, ceremony.wish, cut)
        _explain(output, ceremony, found.roster, data)
        ask(output, "Sign this proposal and give it to the others?", is_agreed=is_agreed)
        ceremonies.sign_draft(ceremony.folder, data)
        return
    if ceremony.is_own_log and ceremony.find_cut is not None:
        ceremony.find_cut(proposal.roster.member_by_slug(NodeFolder(ceremony.folder).mechanism).cut)
    output.say(f"a proposal of this change is here already, signed by {_list(proposal.signed_by)}")
    _explain(output, ceremony, found.roster, proposal.data)
    ask(output, "Sign it too?", is_agreed=is_agreed)
    ceremonies.sign_pending(ceremony.folder, proposal)


def _refuse_rivals(found: Standing) -> None:
    if not found.others:
        return
    other = found.others[0]
    changes = "; ".join(differences(found.roster, other.roster))
    msg = (
        f"{_list(other.signed_by)} proposed something else for version {other.roster.version} "
        f"({changes}): a member signs one proposal per version, so agree which goes first. "
        f"To sign that one: registry roster endorse-pending FOLDER {other.name[:_NAME_SHOWN]}"
    )
    raise InvalidRequest(msg)


def _explain(output: Output, ceremony: Ceremony, before: Roster, data: bytes) -> None:
    after = decode_roster(decode_signed_roster(data).roster)
    output.say("what this does:")
    for line in ceremony.does:
        output.say(f"  {line}")
    output.say(f"what is signed, as version {after.version} of the roster:")
    for line in differences(before, after):
        output.say(f"  {line}")
    say_words(output, confirmation.words_of_roster(data), TO_SIGNERS)


def _tell(output: Output, ceremony: Ceremony, found: Standing) -> None:
    if found.proposal is None:
        output.say(
            f"done: version {found.roster.version} of the roster, which counts here, says so"
        )
        for line in ceremony.afterwards:
            output.say(f"  {line}")
        return
    _tell_waiting(output, ceremony.folder, found, found.proposal)


def _tell_waiting(output: Output, folder: Path, found: Standing, proposal: Proposal) -> None:
    name, version = proposal.name, proposal.roster.version
    file = folder / "roster" / "proposals" / f"{version}-{name}.roster"
    output.say(f"waiting: proposal {name}, signed by {_list(proposal.signed_by)}")
    say_words(output, confirmation.words_of_roster(proposal.data), TO_SIGNERS)
    output.say(f"still needed: {found.missing} of {_list(found.waiting_for)}")
    output.say(f"  each of them: registry roster endorse-pending FOLDER {name[:_NAME_SHOWN]}")
    output.say("  it reaches them by itself while nodes run (registry serve); without a network,")
    output.say(f"  hand them {file}")
    output.say("  for registry roster endorse; with enough signatures: registry roster adopt")
    output.say("next: give this command again at any time to see how far it is")


def _document(found: Standing) -> dict[str, object]:
    proposal = found.proposal
    if proposal is None:
        return {"counts": True, "version": found.roster.version}
    return {
        "counts": False,
        "version": proposal.roster.version,
        "name": proposal.name,
        "words": confirmation.words_of_roster(proposal.data),
        "signed_by": proposal.signed_by,
        "missing": found.missing,
        "waiting_for": found.waiting_for,
    }


def _list(slugs: Sequence[str]) -> str:
    return ", ".join(slugs) or "nobody"
