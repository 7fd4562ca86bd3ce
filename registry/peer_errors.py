"""Errors of what peers send: of the chain of rosters, of streams of entries, of fault proofs.

They belong to the tree of `registry.errors`, which is too long for one file.
"""

from registry.errors import EntryError, RosterError, TryLater

# --- the chain of rosters -------------------------------------------------------------------


class RosterOfAnotherRegistry(RosterError):
    """It names another registry."""

    reason = "roster_of_another_registry"


class RosterSkipped(RosterError):
    """A version before it is missing."""

    reason = "roster_skipped"


class RosterRolledBack(RosterError):
    """A newer version was taken already."""

    reason = "roster_rolled_back"


class RosterForked(RosterError):
    """Another roster was taken under the same version."""

    reason = "roster_forked"


class RosterNotHeld(TryLater):
    """An entry names a roster that is newer than those that are held: that one comes first."""

    reason = "roster_not_held"


class RosterNotLinked(RosterError):
    """It does not name the hash of the version before it."""

    reason = "roster_not_linked"


class RosterRewritesMembers(RosterError):
    """It changes of a member what no version may change."""

    reason = "roster_rewrites_members"


class RosterLacksOldMembers(RosterError):
    """Too few members of the version before it have signed it."""

    reason = "roster_lacks_old_members"


class RosterSignerRemoved(RosterLacksOldMembers):
    """Too few have signed it, as one that did was removed, or its log was ended, before."""

    reason = "roster_signer_removed"


class RosterSignerJoins(RosterLacksOldMembers):
    """Too few have signed it, as one that did takes part from this version on alone."""

    reason = "roster_signer_joins"


class RosterLacksNewMembers(RosterError):
    """Too few of its own members have signed it."""

    reason = "roster_lacks_new_members"


class RosterCutsOwnLog(RosterError):
    """It ends a log of this node below what this node holds of it."""

    reason = "roster_cuts_own_log"


class RosterKeyRepeated(RosterError):
    """One key stands in two places of it: it would sign for two members, or for two purposes."""

    reason = "roster_key_repeated"


class RosterSignatureRepeated(RosterError):
    """One signature stands twice under it, and too few have signed it without that."""

    reason = "roster_signature_repeated"


# --- streams of entries ---------------------------------------------------------------------


class SkippedEntry(EntryError):
    """A peer left entries out between those that it sent."""

    reason = "skipped_entry"


class RepeatedEntry(EntryError):
    """A peer sent an entry again that stands before."""

    reason = "repeated_entry"


class ReorderedEntries(EntryError):
    """A peer sent entries in another order."""

    reason = "reordered_entries"


class StaleCheckpoint(EntryError):
    """A peer proves to a smaller checkpoint than it offered."""

    reason = "stale_checkpoint"


class EmptyMessage(EntryError):
    """A peer sent a message without entries: such a stream could go on for ever."""

    reason = "empty_message"


class OtherThanRoster(EntryError):
    """Its author has signed it, and the roster ends its log with another history."""

    reason = "other_than_roster"


# --- fault proofs ---------------------------------------------------------------------------


class UnprovenFault(EntryError):
    """A fault proof proves no fault, or another one than it names."""

    reason = "unproven_fault"
