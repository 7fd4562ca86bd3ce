"""Another TLS key for a node: made by itself, pinned by the next roster, taken when that counts.

    keys/next_tls.key, tls/next_node.crt   from `stage_certificate` until the roster pins it

Clients trust a node by its certificate, so their profiles get both before (`registry client
refresh`): none is turned away when the node changes over. The node starts anew under a new roster
in the same process; what a client records meanwhile it repeats under the same request id.
"""

from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from registry.application.certificates import make_node_certificate, read_certificate
from registry.application.folder import NodeFolder, replace_file
from registry.application.key_care.key_files import write_private
from registry.application.membership.rosters import load_roster
from registry.errors import KeyFileError
from registry.log.member import Member
from registry.store.folder_sync import sync_folder

_KEY: Final = "next_tls.key"
_CERTIFICATE: Final = "next_node.crt"


def stage_certificate(folder_path: Path) -> bytes:
    """Makes the node's next TLS key and certificate; asked again, the same one.

    Returns:
        The certificate, DER, to be pinned by the next roster.

    Raises:
        FolderError: the node has not joined.
        KeyFileError: a file cannot be read.
    """
    folder = NodeFolder(folder_path)
    own = load_roster(folder).member_by_slug(folder.mechanism)
    if not (folder.tls / _CERTIFICATE).exists():
        pair = make_node_certificate(own.slug)
        (folder.keys / _KEY).unlink(missing_ok=True)  # of one that was cut off
        write_private(folder.keys / _KEY, pair.key_pem)
        replace_file(folder.tls / _CERTIFICATE, pair.certificate_pem)
    return _der_of(folder.tls / _CERTIFICATE)


def trusted_certificates(folder: NodeFolder) -> bytes:
    """The certificates by which clients know this node now and after a renewal, PEM.

    Raises:
        KeyFileError: it has none.
    """
    found = read_certificate(folder.tls / "node.crt")
    staged = folder.tls / _CERTIFICATE
    return found + (read_certificate(staged) if staged.exists() else b"")


def forget_staged(folder: NodeFolder) -> None:
    """Takes back a renewal that was begun: in a new epoch its key would be one of before."""
    (folder.tls / _CERTIFICATE).unlink(missing_ok=True)
    (folder.keys / _KEY).unlink(missing_ok=True)


def settle_certificate(folder: NodeFolder, own: Member) -> None:
    """Takes the staged key and certificate once the roster pins it; else nothing.

    Cut short, it goes on at the next start.
    """
    staged = folder.tls / _CERTIFICATE
    if not staged.exists() or _der_of(staged) != own.tls_certificate:
        return
    key = folder.keys / _KEY
    if key.exists():
        key.replace(folder.keys / "tls.key")
        sync_folder(folder.keys)
    staged.replace(folder.tls / "node.crt")
    sync_folder(folder.tls)


def _der_of(path: Path) -> bytes:
    try:
        certificate = x509.load_pem_x509_certificate(read_certificate(path))
    except ValueError as error:
        msg = f"{path} is no certificate: delete it and renew again"
        raise KeyFileError(msg) from error
    return certificate.public_bytes(serialization.Encoding.DER)
