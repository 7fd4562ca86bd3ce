"""Founding a registry: member files, the genesis roster, its endorsements, and joining it.

The ceremony, by files that people hand to each other:
1. every founder: `init_node` makes keys and a member file with proofs of possession;
2. one of them: `found` joins the member files into the genesis roster, unsigned;
3. every founder: `endorse` signs it, after reading it;
4. every founder: `join` takes the fully signed roster, checked against the registry id that was
   told out of band, or its words (`confirmation`), and creates the empty log and its guard.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from registry.application.certificates import (
    load_pair,
    make_client_authority,
    make_node_certificate,
    read_certificate,
)
from registry.application.folder import NodeDescription, NodeFolder, changing, replace_file
from registry.application.key_care.key_files import (
    read_private,
    read_secret,
    write_private,
    write_secret,
)
from registry.application.key_care.protecting import begin_protection, check_new_passphrase
from registry.application.key_care.token_file import read_token_file, token_file_bytes
from registry.application.key_care.tokens import TOKENS
from registry.domain.identifiers import (
    NO_INBOUND,
    MemberId,
    RegistryId,
    make_origin,
    parse_registry_name,
    parse_slug,
)
from registry.errors import InvalidRequest, RosterError
from registry.log.roster import (
    Member,
    MemberStatus,
    Roster,
    SignedRoster,
    decode_roster,
    decode_signed_roster,
    encode_roster,
    encode_signed_roster,
    endorse_roster,
    key_hash,
    make_member_file,
    read_member_file,
    registry_id_of,
)
from registry.log.signing import Ed25519Signer, Signer

KEY_SIZE_BYTES: Final = 32
FIRST_EPOCH: Final = 1
_EPOCH_MAX: Final = 1_000_000
_DISPLAY_NAME_MAX: Final = 200
_ADDRESS: Final = re.compile(r"[!-~]{1,290}:[0-9]{1,5}")
"""Within the 300 characters that a roster allows."""


def init_node(  # noqa: PLR0913 - one for each thing that a node is made of
    folder_path: Path,
    *,
    registry_name: str,
    mechanism: str,
    display_name: str,
    address: str,
    is_inbound: bool = True,
    epoch: int = FIRST_EPOCH,
    passphrase: str | None = None,
    token_file: Path | None = None,
) -> Path:
    """Makes a node's folder with fresh keys and its member file.

    Args:
        folder_path: a new or empty folder.
        registry_name: the registry's name, the first element of the log's origin.
        mechanism: the slug, such as `coe-commissioner`.
        display_name: the name that people read, 1 to 200 characters.
        address: `host:port` where peers and clients reach the node.
        is_inbound: False = only its own clients reach it there; it calls its peers, and no peer it.
        epoch: which of the member's logs this is, from 1; a later one if the folder before is lost.
        passphrase: seals the private keys from the beginning; None = none does.
        token_file: names the signing keys that are to live in a token; what the token lacks is made
            there. None = all are files.

    Returns:
        The member file, to be handed to whoever founds the registry. It holds no secrets.

    Raises:
        InvalidRequest: a name or the address is malformed, or the passphrase is too short.
        FolderError: a node is there already.
        KeyFileError, TokenUnavailable: the token file is malformed, or the token cannot be used.
    """
    slug = parse_slug(mechanism)
    if not FIRST_EPOCH <= epoch <= _EPOCH_MAX:
        msg = f"epochs count from {FIRST_EPOCH} to {_EPOCH_MAX}, found {epoch}"
        raise InvalidRequest(msg)
    origin = make_origin(parse_registry_name(registry_name), slug, epoch)
    _check_words(display_name, address)
    folder = NodeFolder(folder_path)
    if passphrase is not None:
        check_new_passphrase(passphrase)
    token = b"" if token_file is None else token_file_bytes(token_file)
    folder.create()
    if token:
        replace_file(folder.token_file, token)
    if passphrase is not None:
        begin_protection(folder.keys, passphrase)
    signers = {name: new_signer(folder, name) for name in ("identity", "log", "cosigner")}
    next_log = new_signer(folder, "next_log")
    pair = make_node_certificate(slug)
    authority = make_client_authority(slug)
    write_private(folder.keys / "tls.key", pair.key_pem)
    write_private(folder.keys / "client_authority.key", authority.key_pem)
    write_secret(folder.keys / "request.secret", os.urandom(KEY_SIZE_BYTES))
    write_secret(folder.node_key_file, os.urandom(KEY_SIZE_BYTES))
    replace_file(folder.tls / "node.crt", pair.certificate_pem)
    replace_file(folder.tls / "client_authority.crt", authority.certificate_pem)
    member = Member(
        id=MemberId(0),
        slug=slug,
        display_name=display_name,
        origin=origin,
        identity_key=signers["identity"].public_key,
        log_key=signers["log"].public_key,
        next_log_key_hash=key_hash(next_log.public_key),
        cosigner_key=signers["cosigner"].public_key,
        hpke_key=new_hpke_key(folder),
        tls_certificate=pair.certificate_der,
        status=MemberStatus.ACTIVE,
        cut=None,
        address=address if is_inbound else NO_INBOUND,
    )
    member_file = folder.path / f"{slug}.member"
    replace_file(member_file, make_member_file(member, **signers))
    description = NodeDescription(
        registry_name=registry_name,
        mechanism=slug,
        display_name=display_name,
        origin=origin,
        address=address,
    )
    replace_file(folder.description_file, description.model_dump_json(indent=2).encode() + b"\n")
    return member_file


def found(member_files: Sequence[Path], *, threshold: int | None = None) -> bytes:
    """Joins member files into a genesis roster that nobody has signed yet.

    Args:
        member_files: one per founder; the order gives the member ids, from 1.
        threshold: signatures that the next version will need; None = the smallest majority.

    Returns:
        The bytes of a SignedRoster without signatures.

    Raises:
        InvalidRequest: fewer than two founders, or of different registries; a file cannot be read.
        RosterError: a proof of possession fails, a founder is not active or its log is cut, keys or
            names repeat, the threshold is out of range.
    """
    members = [read_member_file(read_file(path)) for path in member_files]
    names = {member.origin.split("/")[0] for member in members}
    if len(members) < 2 or len(names) != 1:  # noqa: PLR2004 - a registry is between two at least
        msg = f"a registry is founded by two or more members of one name, found {sorted(names)}"
        raise InvalidRequest(msg)
    for member in members:
        if member.status is not MemberStatus.ACTIVE or member.cut is not None:
            msg = f"{member.slug} cannot found a registry: it is not active, or its log is cut"
            raise RosterError(msg)
    roster = Roster(
        registry_id=RegistryId(b""),
        version=1,
        prev_hash=b"",
        threshold=len(members) // 2 + 1 if threshold is None else threshold,
        members=tuple(
            replace(member, id=MemberId(number)) for number, member in enumerate(members, 1)
        ),
        advisory_expiry_ms=0,
        registry_name=names.pop(),
    )
    return encode_signed_roster(SignedRoster(roster=encode_roster(roster), signatures=()))


def endorse(folder_path: Path, roster_file: Path) -> RegistryId:
    """Signs a proposed genesis roster with the node's identity key, in place.

    The hash that is endorsed is kept in the folder before the signature leaves it: a member
    endorses one genesis and no other.

    Returns:
        The registry id that the roster will have.

    Raises:
        RosterError: the roster is malformed or no genesis, does not hold this node with exactly
            its keys, or another one was endorsed before.
        InvalidRequest: the roster file cannot be read.
        FolderError, KeyFileError: the folder is not usable.
    """
    folder = NodeFolder(folder_path)
    signed = decode_signed_roster(read_file(roster_file))
    signer = load_signer(folder, "identity")
    roster = decode_roster(signed.roster)
    if roster.version != 1:
        msg = f"a genesis roster has version 1, found {roster.version}"
        raise RosterError(msg)
    member = own_member(folder, roster)
    registry_id = registry_id_of(signed.roster)
    remember_endorsement(folder, roster.version, registry_id)
    kept = [entry for entry in signed.signatures if entry.member_id != member.id]
    kept.append(endorse_roster(signed.roster, member.id, signer))
    kept.sort(key=lambda entry: entry.member_id)
    replace_file(
        roster_file,
        encode_signed_roster(SignedRoster(roster=signed.roster, signatures=tuple(kept))),
    )
    return registry_id


def remember_endorsement(folder: NodeFolder, version: int, roster_hash: bytes) -> None:
    """Keeps which bytes this node endorses under a version, before it signs them.

    Raises:
        RosterError: it has endorsed others under that version.
    """
    path = folder.rosters / f"{version}.endorsed"
    text = roster_hash.hex().encode() + b"\n"
    # Two commands at once must not endorse two.
    with changing(folder.rosters):
        if path.exists() and path.read_bytes() != text:
            what = "genesis" if version == 1 else f"version {version}"
            msg = (
                f"{folder.path} has endorsed another {what}, {path.read_text().strip()}: a member "
                "endorses one per version; agree first, or start again with fresh folders"
            )
            raise RosterError(msg)
        replace_file(path, text)


def load_signer(folder: NodeFolder, name: str) -> Signer:
    """Finds one of the node's signing keys: identity, log, next_log or cosigner.

    Raises:
        KeyFileError: it is missing, malformed, or readable by others; or the token has no such key.
        TokenUnavailable: the token that holds it does not answer.
    """
    token = read_token_file(folder.token_file)
    key = None if token is None else token.key_of(name)
    if token is not None and key is not None:
        return TOKENS.signer(token, key)
    return Ed25519Signer(read_secret(folder.keys / f"{name}.key", KEY_SIZE_BYTES))


def check_address(address: str) -> None:
    """Checks the form of an address.

    Raises:
        InvalidRequest: it is not host:port.
    """
    if not _ADDRESS.fullmatch(address) or not 0 < int(address.rpartition(":")[2]) <= 0xFFFF:  # noqa: PLR2004 - the largest port
        msg = f"an address is written host:port with a port from 1 to 65535, not {address[:80]!r}"
        raise InvalidRequest(msg)


def check_member_address(address: str) -> None:
    """Checks what a roster may say of where a node is reached.

    Raises:
        InvalidRequest: it is neither host:port nor `none`.
    """
    if address != NO_INBOUND:
        check_address(address)


def _check_words(display_name: str, address: str) -> None:
    if not 1 <= len(display_name) <= _DISPLAY_NAME_MAX or not display_name.isprintable():
        msg = f"a display name has 1 to {_DISPLAY_NAME_MAX} printable characters"
        raise InvalidRequest(msg)
    check_address(address)


def own_member(folder: NodeFolder, roster: Roster) -> Member:
    """Finds this node in a roster and compares every key: signing it makes them its own.

    Raises:
        RosterError: the roster does not hold this node, or with another key.
    """
    description = folder.describe()
    member = next((m for m in roster.members if m.origin == description.origin), None)
    if member is None:
        msg = f"the roster of {roster.registry_name} does not hold {description.origin}"
        raise RosterError(msg)
    hpke_key = X25519PrivateKey.from_private_bytes(
        read_secret(folder.keys / "hpke.key", KEY_SIZE_BYTES)
    )
    pair = load_pair(
        read_certificate(folder.tls / "node.crt"), read_private(folder.keys / "tls.key")
    )
    for name, key, own in (
        ("identity key", member.identity_key, load_signer(folder, "identity").public_key),
        ("log key", member.log_key, load_signer(folder, "log").public_key),
        (
            "next log key",
            member.next_log_key_hash,
            key_hash(load_signer(folder, "next_log").public_key),
        ),
        ("cosigner key", member.cosigner_key, load_signer(folder, "cosigner").public_key),
        ("HPKE key", member.hpke_key, hpke_key.public_key().public_bytes_raw()),
        ("TLS certificate", member.tls_certificate, pair.certificate_der),
    ):
        if key != own:
            msg = f"the roster gives {member.slug} another {name} than this folder holds"
            raise RosterError(msg)
    return member


def read_file(path: Path) -> bytes:
    """Reads a file that somebody names.

    Raises:
        InvalidRequest: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}"
        raise InvalidRequest(msg) from error


def new_signer(folder: NodeFolder, name: str) -> Signer:
    """Makes one of the node's signing keys, as a file or in its token; raises as both."""
    token = read_token_file(folder.token_file)
    key = None if token is None else token.key_of(name)
    if token is not None and key is not None:
        session = TOKENS.session(token)
        if session.public_key(key) is None:
            session.make(key)
        return session.signer(key)
    seed = os.urandom(KEY_SIZE_BYTES)
    write_secret(folder.keys / f"{name}.key", seed)
    return Ed25519Signer(seed)


def new_hpke_key(folder: NodeFolder) -> bytes:
    """Makes the key that bundles are sealed to, and its file; returns the public key."""
    key = X25519PrivateKey.generate()
    write_secret(folder.keys / "hpke.key", key.private_bytes_raw())
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
