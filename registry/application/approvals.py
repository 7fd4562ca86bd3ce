"""Acts that wait for a second person: asked for by one client, approved or declined by another.

An act is carried out under its first request id: whoever asks again, before or after, and a node
that stops in the middle, record it once. The rules are judged when it is asked for and again when
it is approved. An act about content that was erased since is dropped.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from registry.application.acts import Act, ActSealer
from registry.application.erasing import EraseCommand, ErasureTarget
from registry.application.recording import RecordCommand
from registry.application.registry import Registry
from registry.application.roles import Client, Role, is_same_person
from registry.domain.content import SourceIdentity
from registry.domain.identifiers import CaseId, Commitment
from registry.errors import NotAllowed, NotFound, Overloaded, RequestIdReused
from registry.store.office import Office, PendingRow
from registry.store.values import Appended, AppendRequest

PUBLISH: Final = "publish"
ERASE: Final = "erase"
_WAITING_MAX: Final = 10_000
_ID_SIZE_BYTES: Final = 16
_BATCH: Final = 1000


@dataclass(frozen=True, slots=True)
class PendingAct:
    """An act that waits.

    Attributes:
        act_id: names it.
        action: publish or erase.
        officer: who asked.
        fingerprint: of the certificate it was asked with; empty = by no client.
        asked_ms: when, milliseconds UTC.
        case_id: the case.
        request: of publish: the request as the caller wrote it.
        erasure: of erase: what would be erased.
    """

    act_id: str
    action: str
    officer: str
    fingerprint: str
    asked_ms: int
    case_id: CaseId
    request: bytes = b""
    erasure: EraseCommand | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for what.

    Attributes:
        officer: the client.
        fingerprint: of its certificate.
        action: publish or erase.
        command: what was asked for, as it is kept.
    """

    officer: str
    fingerprint: str
    action: str
    command: bytes


class Approvals:
    """The acts that wait at one node; for any thread."""

    def __init__(
        self,
        registry: Registry,
        office: Office,
        acts: ActSealer,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._registry = registry
        self._store = registry.store
        self._office = office
        self._acts = acts
        self._random_bytes = random_bytes
        self._deciding = Lock()
        self._waiting = {row.request_key for row in self._rows()}
        self.drop_overtaken()

    def is_waiting(self, prepared: AppendRequest) -> bool:
        """Whether an act waits under the request id of this one."""
        return prepared.draft.request_id in self._waiting

    def propose_erasure(
        self, targets: Iterable[ErasureTarget], *, asked_by: str, origin: str = ""
    ) -> str | None:
        """Keeps an erasure that somebody who is no client asks for, as the first of two people.

        Args:
            targets: parts of own events of one case.
            asked_by: in words, such as `a withdrawal of consent`.
            origin: of the log that holds them; empty = the own one.

        Returns:
            The id of the act that waits; None if it was carried out already.

        Raises:
            RequestError: see `Registry.erase`.
            Overloaded: too many wait.
        """
        asked = tuple(targets)
        places = "\n".join([*([origin] if origin else []), *map(_place_text, asked)])
        request_id = f"proposed erasure {hashlib.sha256(places.encode()).hexdigest()}"
        command = EraseCommand(request_id, "", asked, origin)
        prepared = self._registry.control.erase(command)
        return self.ask(Asking(asked_by, "", ERASE, write_erasure(command)), prepared)

    def ask(self, asking: Asking, prepared: AppendRequest) -> str | None:
        """Keeps an act until somebody else has decided.

        Returns:
            Its id: the earlier one if it was asked for before; None if it was carried out already.

        Raises:
            RequestIdReused: the request id stands for another act that waits.
            Overloaded: too many wait.
        """
        draft = prepared.draft
        with self._deciding:
            if self._store.has_request(draft.request_id):
                return None
            before = self._office.pending_of(draft.request_id)
            if before is not None:
                if before.request_digest != prepared.request_digest:
                    msg = "this request id was used for another act, which waits for approval"
                    raise RequestIdReused(msg)
                return before.act_id
            if len(self._waiting) >= _WAITING_MAX:
                msg = f"{_WAITING_MAX} acts wait for a second person: approve or decline some"
                raise Overloaded(msg)
            act_id = self._random_bytes(_ID_SIZE_BYTES).hex()
            row = PendingRow(
                act_no=0,
                act_id=act_id,
                request_key=draft.request_id,
                request_digest=prepared.request_digest,
                action=asking.action,
                officer=asking.officer,
                fingerprint=asking.fingerprint,
                asked_ms=self._registry.clock_ms(),
                case_id=draft.case_id,
                erased_before=self._erased_count(draft.case_id),
                command=asking.command,
            )
            self._office.add_pending(row)
            self._waiting.add(draft.request_id)
            return act_id

    def targets_waiting(self, case_id: CaseId) -> set[tuple[str, int, int]]:
        """The parts (origin, index, ordinal) of a case whose erasure waits; "" = the own log."""
        waiting = (_act_of(row).erasure for row in self._rows() if row.case_id == case_id)
        return {
            (act.origin, target.index, target.ordinal)
            for act in waiting
            if act is not None
            for target in act.targets
        }

    def listed(
        self, after: int, limit: int, may_see: Callable[[CaseId], bool]
    ) -> tuple[list[PendingAct], int]:
        """Lists acts, oldest first, those after a place only; 0 = that was all."""
        found: list[PendingRow] = []
        while rows := self._office.pending_after(after, limit + 1):
            found += [row for row in rows if may_see(row.case_id)]
            after = rows[-1].act_no
            if len(found) > limit:
                return [_act_of(row) for row in found[:limit]], found[limit - 1].act_no
        return [_act_of(row) for row in found], 0

    def approve(
        self,
        client: Client,
        act_id: str,
        read_request: Callable[[PendingAct], tuple[RecordCommand, SourceIdentity | None]],
        may_see: Callable[[CaseId], bool],
    ) -> Appended:
        """Carries out an act as its second person.

        Args:
            client: the second person.
            act_id: names the act.
            read_request: reads what an act of publishing asks for.
            may_see: whether the client may know of a case.

        Raises:
            NotFound: there is no such act, or none that the client may know of.
            NotAllowed: the same person asked for it.
            RegistryError: what the act itself is refused for; then it goes on waiting.
        """
        with self._deciding:
            row = self._find(act_id, may_see)
            if is_same_person(row.officer, client.name):
                msg = "a second person must approve: you asked for this act yourself"
                raise NotAllowed(msg)
            if self._is_overtaken(row):
                self._drop(row)
                raise _no_such_act()
            pending, source = _act_of(row), None
            if pending.erasure is not None:
                prepared = self._registry.control.erase(pending.erasure)
            else:
                command, source = read_request(pending)
                prepared = self._registry.recording.prepare(command)
            act = Act(row.officer, row.asked_ms, client.name, self._registry.clock_ms())
            prepared = prepared._replace(note=self._acts.seal(act, source))
            appended = self._store.append_now(prepared).result()
            self._drop(row)
            return appended

    def decline(self, client: Client, act_id: str, may_see: Callable[[CaseId], bool]) -> None:
        """Forgets an act: by a publisher, or by the officer that asked.

        Raises:
            NotFound: there is no such act, or none that the client may know of.
            NotAllowed: another officer asked for it.
        """
        with self._deciding:
            row = self._find(act_id, may_see)
            if client.role is not Role.PUBLISHER and not is_same_person(row.officer, client.name):
                msg = "an act is declined by a publisher, or by whoever asked for it"
                raise NotAllowed(msg)
            self._drop(row)

    def drop_overtaken(self) -> None:
        """Forgets acts that were carried out, or about content that was erased since."""
        with self._deciding:
            for row in self._rows():
                if self._store.has_request(row.request_key) or self._is_overtaken(row):
                    self._drop(row)

    # --- inside ---------------------------------------------------------------------------------

    def _rows(self) -> list[PendingRow]:
        found: list[PendingRow] = []
        while rows := self._office.pending_after(found[-1].act_no if found else 0, _BATCH):
            found += rows
        return found

    def _find(self, act_id: str, may_see: Callable[[CaseId], bool]) -> PendingRow:
        row = self._office.pending(act_id)
        if row is None or not may_see(row.case_id):
            raise _no_such_act()
        if self._store.has_request(row.request_key):
            # Carried out, and this node stopped before it could take the act from the list.
            self._drop(row)
            raise _no_such_act()
        return row

    def _drop(self, row: PendingRow) -> None:
        self._office.drop_pending(row.act_id)
        self._waiting.discard(row.request_key)

    def _is_overtaken(self, row: PendingRow) -> bool:
        """Whether content was erased that the act is about, or may repeat."""
        erasure = _act_of(row).erasure
        if erasure is None:
            return self._erased_count(row.case_id) > row.erased_before
        log_id = self._registry.control.own_log(erasure.origin).log_id
        erased = self._store.tombstones({(log_id, target.index) for target in erasure.targets})
        stones = [erased.get((log_id, each.index, each.ordinal)) for each in erasure.targets]
        return all(stone is not None and stone.by_index is not None for stone in stones)

    def _erased_count(self, case_id: CaseId) -> int:
        places = {(entry.log_id, entry.index) for entry in self._store.case_entries(case_id)}
        return len(self._store.tombstones(places)) if places else 0


def write_erasure(command: EraseCommand) -> bytes:
    """Writes what an act of erasing asks for, as it is kept."""
    targets = [
        [each.index, each.ordinal, each.commitment.hex() if each.commitment else ""]
        for each in command.targets
    ]
    fields = {"request_id": command.request_id, "scope": command.scope, "targets": targets}
    return json.dumps(fields | ({"origin": command.origin} if command.origin else {})).encode()


def _read_erasure(data: bytes) -> EraseCommand:
    fields: dict[str, Any] = json.loads(data)
    targets: Sequence[tuple[int, int, str]] = fields["targets"]
    return EraseCommand(
        fields["request_id"],
        fields["scope"],
        tuple(
            ErasureTarget(index, ordinal, Commitment(bytes.fromhex(text)) if text else None)
            for index, ordinal, text in targets
        ),
        fields.get("origin", ""),
    )


def _place_text(target: ErasureTarget) -> str:
    return f"{target.index} {target.ordinal}"


def _act_of(row: PendingRow) -> PendingAct:
    is_erasure = row.action == ERASE
    return PendingAct(
        act_id=row.act_id,
        action=row.action,
        officer=row.officer,
        fingerprint=row.fingerprint,
        asked_ms=row.asked_ms,
        case_id=row.case_id,
        request=b"" if is_erasure else row.command,
        erasure=_read_erasure(row.command) if is_erasure else None,
    )


def _no_such_act() -> NotFound:
    return NotFound("no such act waits here; it may have been decided already")
