"""Who did an act of the own log, who approved it and who it came from, sealed for the store.

    act_notes.act      nonce[16] || seal(HMAC-SHA-256(key, "act" || LF || nonce), JSON)
    act_notes.source   nonce[16] || seal(HMAC-SHA-256(key, "source" || LF || nonce), JSON)

The key is one of the store's database keys, so it is wrapped by the node key.
"""

import hmac
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from registry.domain.content import SourceIdentity
from registry.errors import CorruptDatabase
from registry.store.act_notes import ActNote
from registry.store.sealing import open_sealed, seal

KEY_NAME: Final = "act notes"
_NONCE_SIZE_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Act:
    """Who did an act; times in milliseconds UTC by this node's clock.

    Attributes:
        officer: the client that recorded or asked.
        asked_ms: when.
        approver: the client that approved; empty = none was needed.
        approved_ms: when; 0 = none was needed.
    """

    officer: str
    asked_ms: int
    approver: str = ""
    approved_ms: int = 0


def read_notes_with(key: bytes, note: ActNote) -> None:
    """Opens a note under the node's key for notes, as fsck does.

    Raises:
        CorruptDatabase: the note was changed.
    """
    sealer = ActSealer(key, _no_randomness)
    sealer.read_act(note)
    sealer.read_source(note)


def _no_randomness(size: int) -> bytes:
    msg = f"reading makes no random bytes ({size} were asked)"
    raise AssertionError(msg)


class ActSealer:
    """Seals and opens the notes of one node; for any thread."""

    def __init__(self, key: bytes, random_bytes: Callable[[int], bytes]) -> None:
        self._key = key
        self._random_bytes = random_bytes

    def seal(self, act: Act, source: SourceIdentity | None = None) -> ActNote:
        """Makes the note of an event."""
        told = None
        if source is not None:
            told = {"name": source.name, "contact": source.contact, "note": source.note}
        return ActNote(
            act=self._seal(b"act\n", asdict(act)),
            source=None if told is None else self._seal(b"source\n", told),
        )

    def read_act(self, note: ActNote) -> Act:
        """Reads who did it.

        Raises:
            CorruptDatabase: the note was changed.
        """
        return Act(**self._open(b"act\n", note.act))

    def read_source(self, note: ActNote) -> SourceIdentity | None:
        """Reads who it came from; None = nothing is kept.

        Raises:
            CorruptDatabase: the note was changed.
        """
        return (
            None if note.source is None else SourceIdentity(**self._open(b"source\n", note.source))
        )

    def _seal(self, label: bytes, fields: dict[str, Any]) -> bytes:
        nonce = self._random_bytes(_NONCE_SIZE_BYTES)
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        return nonce + seal(self._key_of(label, nonce), text.encode())

    def _open(self, label: bytes, sealed: bytes) -> dict[str, Any]:
        nonce = sealed[:_NONCE_SIZE_BYTES]
        text = open_sealed(self._key_of(label, nonce), sealed[_NONCE_SIZE_BYTES:])
        fields = json.loads(text)
        if not isinstance(fields, dict):
            msg = "a note of an act holds no fields"
            raise CorruptDatabase(msg)
        return fields

    def _key_of(self, label: bytes, nonce: bytes) -> bytes:
        return hmac.digest(self._key, label + nonce, "sha256")
