"""What one entry must be by itself: its form, its place, its signature.

The receiver of a batch and the verifier of a fault proof judge by the same function: else an honest
log could be frozen, or two nodes could end a log at two places.
"""

from registry.errors import (
    BadEntrySignature,
    ForeignEntry,
    ForeignRegistryEntry,
    MisplacedEntry,
)
from registry.log.entry import Header, decode_header, signed_message, split_entry
from registry.log.log_keys import LogKeys
from registry.log.signing import verify


def check_entry(keys: LogKeys, entry: bytes, index: int) -> Header:
    """Checks one entry's form, place and signature; returns its header.

    Raises:
        MalformedEntry, LimitExceeded, ForeignRegistryEntry, ForeignEntry, MisplacedEntry,
        BadEntrySignature: as their names say.
    """
    header_bytes, signature = split_entry(entry)
    header = decode_header(header_bytes)
    if header.registry_id != keys.registry_id:
        msg = f"entry {index} of {keys.origin} belongs to another registry"
        raise ForeignRegistryEntry(msg)
    if header.log_id != keys.log_id:
        msg = f"entry {index} of {keys.origin} belongs to another log"
        raise ForeignEntry(msg)
    if header.index != index:
        msg = f"entry {index} of {keys.origin} says that it is entry {header.index}"
        raise MisplacedEntry(msg)
    if not verify(keys.at(index), signed_message(header_bytes), signature):
        msg = f"entry {index} of {keys.origin} is not signed by its log key"
        raise BadEntrySignature(msg)
    return header


def goes_back(earlier: Header, later: Header) -> bool:
    """Whether an entry may not stand behind another one of its log: its roster or a ref goes back.

    A ref counts per case and target log.
    """
    if later.roster_version < earlier.roster_version:
        return True
    if later.case_id != earlier.case_id:
        return False
    reached = {ref.log_id: ref.index for ref in earlier.refs}
    return any(ref.index < reached.get(ref.log_id, 0) for ref in later.refs)
