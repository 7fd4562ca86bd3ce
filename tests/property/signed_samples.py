"""One sound sample of every format that is signed or stored."""

from registry.domain.identifiers import (
    LeafHash,
    MemberId,
    log_id_of,
)
from registry.log.bundle import (
    BundleEntries,
    BundleHead,
    BundleHeader,
    BundleRoster,
    BundleSealed,
    BundleWriter,
    encode_record,
)
from registry.log.bundle_content import BundlePart, encode_content
from registry.log.checkpoint import (
    Checkpoint,
    sign_checkpoint,
)
from registry.log.entry import (
    encode_header,
    frame_entry,
    signed_message,
)
from registry.log.member import make_member_file
from registry.log.merkle import EMPTY_RANGE, leaf_hash
from registry.log.proof import (
    InclusionEvidence,
    encode_inclusion_evidence,
)
from registry.log.roster import (
    encode_roster,
)
from tests.unit.log.log_world import (
    ORIGIN,
    REGISTRY,
    sample_header,
    sample_member,
    sample_roster,
    sign_roster,
    signer,
)

HEADER = encode_header(sample_header(index=0))
ENTRY = frame_entry(HEADER, signer(11).sign(signed_message(HEADER)))
CHECKPOINT = Checkpoint(ORIGIN, 1, EMPTY_RANGE.append(leaf_hash(ENTRY)).root())
NOTE = sign_checkpoint(CHECKPOINT, signer(11))
SIGNED_ROSTER = sign_roster(sample_roster())
ROSTER = encode_roster(sample_roster())
MEMBER_FILE = make_member_file(
    sample_member(id=MemberId(0)), identity=signer(10), log=signer(11), cosigner=signer(13)
)
EVIDENCE = encode_inclusion_evidence(InclusionEvidence(ORIGIN, NOTE, 0, ENTRY, ()))
RANGE = EMPTY_RANGE.extend([LeafHash(bytes([n]) * 32) for n in range(7)]).encode()
VERIFIED_ROSTER = sample_roster(registry_id=REGISTRY)
_HEAD = BundleHead(log_id_of(ORIGIN), NOTE, (), 0)
_written: list[bytes] = []
_writer = BundleWriter(_written.append)
for _record in (
    BundleHeader(REGISTRY, 1, MemberId(1)),
    BundleRoster(SIGNED_ROSTER),
    _HEAD,
    BundleEntries(0, (ENTRY,), ()),
    BundleSealed(1, bytes(64)),
):
    _writer.put(_record)
_writer.finish()
BUNDLE = b"".join(_written)
BUNDLE_RECORD = encode_record(_HEAD)
BUNDLE_CONTENT = encode_content(
    (BundlePart(log_id_of(ORIGIN), 0, 0, bytes(32), "text/plain", b"invented"),), 512
)
