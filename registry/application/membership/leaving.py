"""What a member looks at before its log ends: whether another member holds all of it."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from registry.application.certificates import read_certificate, server_name
from registry.application.folder import NodeFolder
from registry.application.key_care.key_files import read_private
from registry.application.membership.rosters import load_roster
from registry.client.profile import ClientProfile, ProfileDescription
from registry.errors import EntryError
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry.log.member import Cut, Member


def own_member(folder_path: Path) -> Member:
    """This node as the roster that counts here has it; raises as `load_chain`."""
    folder = NodeFolder(folder_path)
    return load_roster(folder).member_by_slug(folder.mechanism)


def profiles_of_others(folder_path: Path) -> tuple[ClientProfile, ...]:
    """How this node calls each other active member that takes calls, as a member.

    Raises:
        FolderError: the node has not joined.
        RosterError: a roster file was changed.
        KeyFileError: the node's own certificate or key cannot be read.
    """
    folder = NodeFolder(folder_path)
    certificate = read_certificate(folder.tls / "node.crt")
    key = read_private(folder.keys / "tls.key")
    return tuple(
        ClientProfile(
            description=ProfileDescription(
                name=folder.mechanism,
                address=member.address,
                server_name=server_name(member.slug),
                mechanism=member.slug,
            ),
            key=key,
            certificate=certificate,
            node_certificate=_pem_of(member.tls_certificate),
        )
        for member in load_roster(folder).active_members()
        if member.slug != folder.mechanism and member.takes_calls
    )


def holds_all(note: bytes, end: Cut) -> bool:
    """Whether a node that shows a checkpoint says that it holds a log up to its end.

    It is that node's word: the note itself is signed by this one.

    Args:
        note: a C2SP signed note; empty = it holds nothing.
        end: where the log ends here.
    """
    if end.size == 0:
        return True
    try:
        shown = parse_checkpoint(parse_note(note).text)
    except EntryError:
        return False
    return (shown.size, shown.root) == (end.size, end.root)


def _pem_of(certificate_der: bytes) -> bytes:
    certificate = x509.load_der_x509_certificate(certificate_der)
    return certificate.public_bytes(serialization.Encoding.PEM)
