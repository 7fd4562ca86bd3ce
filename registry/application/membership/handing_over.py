"""Another person at the desk: who may use the node then, and what those could not do any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.application.clients import add_client, read_clients, remove_client
from registry.application.folder import NodeFolder
from registry.application.policy import read_policy
from registry.application.roles import Client, Role, is_same_person

_ACTS_IN_PAIRS = 2


@dataclass(frozen=True, slots=True)
class Desk:
    """The clients of a node after a handover.

    Attributes:
        clients: who may use it, by name.
        ending: those of the leaving ones that may use it still.
        is_arriving: the one that arrives may not use it yet.
        lacks: what nobody is left for, a sentence each.
    """

    clients: tuple[Client, ...]
    ending: tuple[Client, ...]
    is_arriving: bool
    lacks: tuple[str, ...]


def desk_after(folder_path: Path, leaving: Sequence[str], arriving: Client | None) -> Desk:
    """Tells who may use a node once some have left and one has come.

    Raises:
        FolderError: no node is there, its list of clients or its policy is damaged.
    """
    folder = NodeFolder(folder_path)
    folder.describe()
    now = sorted(read_clients(folder).values())
    ending = tuple(each for each in now if each.name in leaving)
    staying = [each for each in now if each not in ending]
    is_here = arriving is None or any(is_same_person(arriving.name, each.name) for each in staying)
    if arriving is not None and not is_here:
        staying = sorted([*staying, arriving])
    return Desk(tuple(staying), ending, not is_here, _lacks(folder, staying))


def hand_over(
    folder_path: Path, leaving: Sequence[str], arriving: Client | None, out: Path | None
) -> None:
    """Lets the new person in, then refuses those that leave; what is done already stays done.

    A person that comes back under the name of one that leaves is not told from that one.

    Args:
        folder_path: the node's folder; the node may be running and follows at once.
        leaving: names of clients.
        arriving: the new client; None = nobody.
        out: the folder for the new client's profile.

    Raises:
        InvalidRequest, FolderError, KeyFileError: see `add_client`.
    """
    desk = desk_after(folder_path, leaving, arriving)
    if desk.is_arriving and arriving is not None and out is not None:
        add_client(folder_path, arriving.name, out, arriving.role)
    for name in {each.name for each in desk.ending}:
        remove_client(folder_path, name)


def _lacks(folder: NodeFolder, staying: Sequence[Client]) -> tuple[str, ...]:
    publishers = sum(each.role is Role.PUBLISHER for each in staying)
    recorders = publishers + sum(each.role is Role.OFFICER for each in staying)
    policy = read_policy(folder)
    needs_two = policy.two_people_to_publish or policy.two_people_to_erase
    found = []
    if recorders == 0:
        found.append("nobody is left who may record: an officer or a publisher")
    elif needs_two and (publishers == 0 or recorders < _ACTS_IN_PAIRS):
        found.append(
            "to publish or to erase takes an officer and a publisher, or two publishers: "
            "until another one is added nobody can approve"
        )
    return tuple(found)
