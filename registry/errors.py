"""Every error of the registry, in families by whose fault it is.

Each class has a stable `reason` (snake_case) that travels in rich gRPC errors, JSON output, logs;
nobody matches on message text. It says what was expected, what was found, where, and what to do.
Tables map families to gRPC codes (`registry_node.errors`) and exit codes (`registry_cli.errors`).
"""

from typing import ClassVar


class RegistryError(Exception):
    """Root of all errors of the registry."""

    reason: ClassVar[str] = "registry_error"
    error_id: str = ""
    """Of an error that a node answered: the id under which it stands in that node's log."""


# --- the caller's request -------------------------------------------------------------------


class RequestError(RegistryError):
    """The caller asked for something that cannot be done; asking again will not help."""

    reason = "request_error"


class InvalidRequest(RequestError):
    """A field is missing, too long, malformed or contradicts another."""

    reason = "invalid_request"


class InvalidContent(RequestError):
    """The content of an event breaks the rules of its kind."""

    reason = "invalid_content"


class RuleViolation(RequestError):
    """The event is well formed but the rules do not allow it here.

    Attributes:
        field: of the content, what is wrong; empty = not one field.
        rule: stable name of the rule; empty = a rule that has none.
    """

    reason = "rule_violation"

    def __init__(self, message: str, *, field: str = "", rule: str = "") -> None:
        super().__init__(f"{message} (rule {rule})" if rule else message)
        self.field, self.rule = field, rule


class NotFound(RequestError):
    """There is no such thing, or the caller may not know of it."""

    reason = "not_found"


class RequestIdReused(RequestError):
    """The request id was used before with other content."""

    reason = "request_id_reused"


class DigestMismatch(RequestError):
    """A file does not have the size and the digest that were announced."""

    reason = "digest_mismatch"


class HistoryChanged(RequestError):
    """The history changed between two pages."""

    reason = "history_changed"


class WitnessedSizeDiffers(RequestError):
    """Another size, or another root, of that log was cosigned here: `size` is the largest."""

    reason = "witnessed_size_differs"
    size: int = 0


class NotCosigned(RequestError):
    """A checkpoint that this member does not cosign: of its own log, or of one that ended."""

    reason = "not_cosigned"


class CursorOutOfRange(RequestError):
    """A cursor stands for entries that this node does not hold."""

    reason = "cursor_out_of_range"


class BundleForAnother(RequestError):
    """The content of a bundle is sealed to another member, or to a key that is not here."""

    reason = "bundle_for_another"


class NotAllowed(RequestError):
    """The caller is known and may not do this."""

    reason = "not_allowed"


class UnknownCaller(RequestError):
    """The certificate belongs to no member and no client of this node."""

    reason = "unknown_caller"


class NeedsApproval(RequestError):
    """The act was taken and waits for a second person; nothing is recorded yet."""

    reason = "needs_approval"
    act_id: str = ""
    """Names the act to whoever approves it."""


# --- an author's or a peer's bytes ----------------------------------------------------------


class EntryError(RegistryError):
    """Bytes of an author or a peer that break the rules."""

    reason = "entry_error"


class MalformedEntry(EntryError):
    """The bytes are not an entry: framing, sizes, field lengths, order of refs."""

    reason = "malformed_entry"


class ForeignEntry(EntryError):
    """The entry belongs to another log."""

    reason = "foreign_entry"


class ForeignRegistryEntry(EntryError):
    """The entry belongs to another registry."""

    reason = "foreign_registry_entry"


class MisplacedEntry(EntryError):
    """The entry's index is not the next one: a gap, a repetition or another order."""

    reason = "misplaced_entry"


class BadEntrySignature(EntryError):
    """The event signature does not verify under the log key."""

    reason = "bad_entry_signature"


class EntryOutsideRoster(EntryError):
    """The author takes part with this log in no such roster version as the entry names."""

    reason = "entry_outside_roster"


class BadKeyRotation(EntryError):
    """What is shown as a rotation of a log's key is none that counts."""

    reason = "bad_key_rotation"


class BackwardEntry(EntryError):
    """A ref or the roster version goes back within the log."""

    reason = "backward_entry"


class MalformedNote(EntryError):
    """The bytes are not a C2SP signed note or not a checkpoint."""

    reason = "malformed_note"


class BadNoteSignature(EntryError):
    """No valid signature of the expected key on a note."""

    reason = "bad_note_signature"


class ForeignNote(EntryError):
    """The checkpoint belongs to another origin."""

    reason = "foreign_note"


class RootMismatch(EntryError):
    """Entries do not lead to the root that was signed."""

    reason = "root_mismatch"


class BadProof(EntryError):
    """An inclusion or consistency proof does not hold."""

    reason = "bad_proof"


class TruncatedStream(EntryError):
    """A peer sent fewer entries or parts than it must, or a file is cut short."""

    reason = "truncated_stream"


class LimitExceeded(EntryError):
    """A message, a header or a list is larger than the limit."""

    reason = "limit_exceeded"


class CommitmentMismatch(EntryError):
    """A part's bytes do not match the commitment in the header."""

    reason = "commitment_mismatch"


class MisplacedChunk(EntryError):
    """A chunk of a large part is not the next one, or not of its size."""

    reason = "misplaced_chunk"


class MalformedBundle(EntryError):
    """The file is no bundle, or was changed since it was written."""

    reason = "malformed_bundle"


class UnrequestedPart(EntryError):
    """A peer sent a part that nobody asked for."""

    reason = "unrequested_part"


class RosterError(EntryError):
    """A roster is malformed, not sufficiently signed or not the one that was expected."""

    reason = "roster_error"


class LogDiverged(EntryError):
    """Two signed checkpoints of one log contradict each other."""

    reason = "log_diverged"


# --- our own disk ---------------------------------------------------------------------------


class StorageError(RegistryError):
    """This node's own files are not as they must be."""

    reason = "storage_error"


class NodeKeyMissing(StorageError):
    """Content is encrypted under a node key that is not here."""

    reason = "node_key_missing"


class CorruptDatabase(StorageError):
    """Stored bytes do not match their hashes, signatures or indexes."""

    reason = "corrupt_database"


class DamagedLog(CorruptDatabase):
    """An entry of a log, or its content, is damaged here; the rest is sound and goes on.

    The scrub repairs it: whoever meets it tries again later.
    """

    reason = "damaged_log"


class GuardError(StorageError):
    """The guard file is missing, damaged or contradicts the database."""

    reason = "guard_error"


class DurabilityError(StorageError):
    """The database refuses the durability settings."""

    reason = "durability_error"


class SchemaError(StorageError):
    """The database has a schema that this software does not know."""

    reason = "schema_error"


class FolderError(StorageError):
    """The node's folder is incomplete, already used, or used by another process."""

    reason = "folder_error"


class KeyFileError(StorageError):
    """A private key file is missing, malformed or readable by others."""

    reason = "key_file_error"


class PassphraseNeeded(KeyFileError):
    """The private keys are sealed, and nobody gave their passphrase."""

    reason = "passphrase_needed"


class WrongPassphrase(KeyFileError):
    """A passphrase opens nothing here."""

    reason = "wrong_passphrase"


# --- try later ------------------------------------------------------------------------------


class TryLater(RegistryError):
    """Nothing is wrong with the request; it may succeed later."""

    reason = "try_later"


class BundleGap(TryLater):
    """The entries of a bundle come after entries that are not held yet."""

    reason = "bundle_gap"


class LogReadOnly(TryLater):
    """The own log does not take events at the moment; the text says why and until when."""

    reason = "log_read_only"


class TokenUnavailable(TryLater):
    """The token that holds a signing key does not answer, or does not do what is asked."""

    reason = "token_unavailable"


class Overloaded(TryLater):
    """Too much work is waiting."""

    reason = "overloaded"


class DiskReserved(TryLater):
    """The disk is nearly full: what is left is for own events, or for entries."""

    reason = "disk_reserved"


class DiskFull(TryLater):
    """The disk is full: not even own events are taken until there is room again."""

    reason = "disk_full"


class OfferReplaced(TryLater):
    """A node that takes no calls has opened a newer connection in place of this one."""

    reason = "offer_replaced"


class PeerUnavailable(TryLater):
    """A peer or a node does not answer."""

    reason = "peer_unavailable"
