"""What a version of the roster changes against another, in words: what people read and then sign.

Each field of the roster, of its members and of each of their logs is told; no line = no change. Not
told are the number of the version and the hash of the one before it, which always differ, and the
registry id where a genesis stands against it, which holds none.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from registry.log.member import THIS_REGISTRY, Cut, Member, MemberStatus
from registry.log.roster import Roster

_KEYS: Final = (
    ("identity_key", "identity key"),
    ("cosigner_key", "cosigner key"),
    ("tls_certificate", "TLS certificate"),
    ("hpke_key", "HPKE key"),
)
_LOG_KEYS: Final = (("log_key", "log key"), ("next_log_key_hash", "next log key"))
_EPOCH_0: Final = datetime(1970, 1, 1, tzinfo=UTC)


def differences(before: Roster, after: Roster) -> tuple[str, ...]:
    """What a version changes, in words, a line each; empty = nothing."""
    found: list[str] = []
    named = {before.registry_id, after.registry_id} - {THIS_REGISTRY}
    if len(named) > 1 or after.registry_name != before.registry_name:
        found.append(
            f"it is of the registry {after.registry_name}, {_hex(after.registry_id)}, instead of "
            f"{before.registry_name}, {_hex(before.registry_id)}"
        )
    known = {member.id: member for member in before.members}
    for member in after.members:
        old = known.pop(member.id, None)
        found += _joining(member) if old is None else _changed(old, member)
    found += [f"{member.slug} stands in it no more" for member in known.values()]
    if after.threshold != before.threshold:
        found.append(f"threshold {after.threshold} instead of {before.threshold}")
    if after.advisory_expiry_ms != before.advisory_expiry_ms:
        found.append(
            f"to be renewed by {day_of(after.advisory_expiry_ms)} "
            f"instead of {day_of(before.advisory_expiry_ms)}"
        )
    return tuple(found)


def ends_of(member: Member) -> tuple[str, ...]:
    """Where the logs of a member end, a line for each that does, the oldest first."""
    return tuple(
        f"{writer.origin} ends at {_cut(writer.cut)}"
        for writer in member.as_writers()
        if writer.cut is not None
    )


def day_of(time_ms: int) -> str:
    """A day by which a roster is to be renewed, for people; with the time, if it is no whole day.

    Args:
        time_ms: milliseconds since 1970 UTC; 0 = there is none.
    """
    if time_ms == 0:
        return "no day"
    try:
        time = _EPOCH_0 + timedelta(milliseconds=time_ms)
    except OverflowError:
        return f"{time_ms} ms after 1970, which no calendar has"
    is_midnight = time.timetz() == _EPOCH_0.timetz()
    return time.date().isoformat() if is_midnight else time.isoformat(" ", "milliseconds")


def _joining(new: Member) -> Iterator[str]:
    removed = ", removed already" if new.status is MemberStatus.REMOVED else ""
    yield f"{new.slug} joins as member {new.id}, at {_where(new)}{removed}"
    yield from ends_of(new)


def _changed(old: Member, new: Member) -> Iterator[str]:
    if new.slug != old.slug:
        yield f"member {old.id} is {new.slug} instead of {old.slug}"
    if new.status is not old.status:
        is_removed = new.status is MemberStatus.REMOVED
        yield f"{new.slug} is removed" if is_removed else f"{new.slug} takes part again"
    elif new.cut is not None and old.cut is None:
        yield f"{new.slug} is revoked"
    yield from _changed_logs(old, new)
    if new.address != old.address:
        yield f"{new.slug} is at {_where(new)} instead of {_where(old)}"
    if new.display_name != old.display_name:
        yield f"{new.slug} is named {new.display_name!r} instead of {old.display_name!r}"
    yield from _other(old, new, new.slug, _KEYS)


def _changed_logs(old: Member, new: Member) -> Iterator[str]:
    before, after = old.as_writers(), new.as_writers()
    for pair in zip(before, after, strict=False):
        yield from _changed_log(*pair)
    for each in before[len(after) :]:
        yield f"{each.origin} stands in it no more"
    for each in after[len(before) :]:
        yield f"{new.slug} begins epoch {each.epoch} with new keys: {each.origin}"
        if each.cut is not None:
            yield f"{each.origin} ends at {_cut(each.cut)}"


def _changed_log(old: Member, new: Member) -> Iterator[str]:
    """What changes of one log, each given as the member that writes or wrote it."""
    if new.origin != old.origin:
        yield f"{new.origin} stands in the place of {old.origin}"
    if new.cut != old.cut:
        now = "goes on" if new.cut is None else f"ends at {_cut(new.cut)}"
        before = "" if old.cut is None else f" instead of at {_cut(old.cut)}"
        yield f"{new.origin} {now}{before}"
    yield from _other(old, new, new.origin, _LOG_KEYS)
    if new.registry_id != old.registry_id:
        yield (
            f"{new.origin} is of the registry {_hex(new.registry_id)} "
            f"instead of {_hex(old.registry_id)}"
        )


def _other(old: Member, new: Member, what: str, fields: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, words in fields:
        if getattr(new, name) != getattr(old, name):
            yield f"{what} has another {words}"


def _cut(cut: Cut) -> str:
    return f"{cut.size} ({_one_line(cut.reason)}), root {cut.root.hex()}"


def _hex(registry_id: bytes) -> str:
    return registry_id.hex() or "this one"


def _where(member: Member) -> str:
    return _one_line(member.address) if member.takes_calls else "no address (it takes no calls)"


def _one_line(text: str) -> str:
    """Words of whoever proposed it: a line break in them would make lines that look like ours."""
    return text if text.isprintable() else ascii(text)
