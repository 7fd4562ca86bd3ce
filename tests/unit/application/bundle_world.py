"""Bundles of an invented federation, and folders of beta to take them into.

alpha wrote twelve events, gave a first bundle, wrote on (a widening and an erasure), gave a
second one since the first, and one of everything. beta held its own three events all the time, and
so did alpha. Runs have four entries, so that there are several.
"""

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from registry.application.bundles import exporting
from registry.application.bundles.importing import ImportReport, import_file
from registry.application.bundles.since import read_since
from registry.application.bundles.writing import export_file
from registry.application.erasing import ErasureTarget
from registry.application.recording import RecordCommand
from registry.domain.audience import OWN_ONLY, named
from registry.domain.identifiers import LogId
from registry.log.bundle import BundleEnd, BundleWriter, Record, read_bundle
from registry.store.chunks import CHUNK_BYTES
from registry.store.uploads import UploadClaim
from registry.store.values import HeldPart
from tests.unit.application.erasing_world import erase, widen
from tests.unit.application.federation_in_process import (
    START_MS,
    CountedBytes,
    Node,
    carry_entries,
    carry_parts,
    found_federation,
    open_federation,
    open_node,
    opening,
    statement,
)

RUN: Final = 4
LATER_MS: Final = START_MS + 3_600_000
FILE: Final = bytes(range(251)) * 1_300
"""A file of two chunks."""
ERASED: Final = 2
WIDENED: Final = 3
EMBARGOED: Final = 4
WITH_FILE: Final = 5
FOR_GAMMA: Final = 6
"""Places in alpha's log."""


def no_progress(_done: int, _total: int) -> None:
    """Shows nothing."""


@dataclass(frozen=True)
class Bundles:
    """Where everything lies; `beta` is never opened there, only copied."""

    folder: Path

    @property
    def first(self) -> Path:
        return self.folder / "first.bundle"

    @property
    def second(self) -> Path:
        return self.folder / "second.bundle"

    @property
    def whole(self) -> Path:
        return self.folder / "whole.bundle"

    @property
    def bare(self) -> Path:
        return self.folder / "bare.bundle"

    def fresh(self, target: Path, mechanism: str = "beta") -> Path:
        """A copy of a node's folder, as it was before any bundle came."""
        shutil.copytree(self.folder / mechanism, target)
        return target


def make_bundles(folder: Path) -> Bundles:
    found_federation(folder)
    with open_federation(folder) as nodes:
        alpha, beta = nodes["alpha"], nodes["beta"]
        case_of_beta = beta.record(opening()).case_id
        for number in range(2):
            beta.record(statement(f"of beta {number}"), case_of_beta)
        assert carry_entries(beta, alpha, beta.log_id) is None
        carry_parts(beta, alpha, beta.log_id)
        _write_first(alpha)
    export(folder / "alpha", folder / "first.bundle", to="beta")
    with open_federation(folder, ["alpha"]) as nodes:
        _write_second(nodes["alpha"])
    export(folder / "alpha", folder / "second.bundle", to="beta", since=folder / "first.bundle")
    export(folder / "alpha", folder / "whole.bundle", to="beta")
    export(folder / "alpha", folder / "bare.bundle")
    return Bundles(folder)


def _write_first(alpha: Node) -> None:
    case = alpha.record(opening("Case of alpha")).case_id
    alpha.record(statement("for all"), case)
    assert alpha.record(statement("to be erased"), case).index == ERASED
    assert alpha.record(statement("own at first"), case, audience=OWN_ONLY).index == WIDENED
    assert alpha.record(statement("later"), case, not_before_ms=LATER_MS).index == EMBARGOED
    claim = UploadClaim(len(FILE), hashlib.sha256(FILE).digest(), "a.pdf", "")
    upload = alpha.registry.attachments.begin(b"o" * 32, "upload", claim)
    for at in range(0, len(FILE), CHUNK_BYTES):
        upload = alpha.registry.attachments.put(upload.ref, at, FILE[at : at + CHUNK_BYTES])
    command = RecordCommand(
        "file", "", case, statement("with a file"), named("beta"), attachments=(upload.ref,)
    )
    assert alpha.registry.record(command).result().index == WITH_FILE
    assert alpha.record(statement("for gamma"), case, audience=named("gamma")).index == FOR_GAMMA
    for number in range(5):
        alpha.record(statement(f"more {number}"), case)


def _write_second(alpha: Node) -> None:
    store = alpha.registry.store
    case = next(
        each.case_id
        for each in store.changes(0, 100)
        if each.log_id == alpha.log_id and each.index == ERASED
    )
    widen(alpha, WIDENED, "beta")
    erase(alpha, ErasureTarget(ERASED, 0))
    for number in range(6):
        alpha.record(statement(f"second {number}"), case)


def export(
    folder: Path, file: Path | None, *, to: str | None = None, since: Path | str = "", **given: Any
) -> exporting.ExportReport:
    """Writes a bundle in runs of four entries."""
    with patch.object(exporting, "BATCH_MAX_ENTRIES", RUN):
        return export_file(
            folder,
            file,
            recipient=to,
            since=read_since(str(since)),
            has_all_parts=given.pop("has_all_parts", False),
            now_ms=lambda: given.get("now_ms", START_MS),
            random_bytes=CountedBytes("export"),
        )


def take(
    folder: Path, file: Path, *, now_ms: int = START_MS, has_parts: bool = True
) -> ImportReport:
    return import_file(
        folder,
        file,
        no_progress,
        now_ms=lambda: now_ms,
        random_bytes=CountedBytes("import"),
        has_parts=has_parts,
    )


@dataclass(frozen=True)
class Held:
    """What a folder holds: sizes and roots of logs, parts, where logs are frozen, rosters."""

    logs: Mapping[LogId, tuple[int, bytes]]
    parts: Mapping[tuple[LogId, int, int], HeldPart]
    frozen: Mapping[LogId, int]
    rosters: int
    wanted: int

    def size(self, log_id: LogId) -> int:
        return self.logs[log_id][0]


def held_by(folder: Path) -> Held:
    """Opens a folder, reads everything, closes it."""
    node = open_node(folder.parent, folder.name, opens_log=False)
    try:
        store = node.registry.store
        states = store.log_states()
        keys = [
            (state.log_id, index, ordinal)
            for state in states
            for index in range(state.size)
            for ordinal in range(2)
        ]
        return Held(
            {state.log_id: (state.size, state.root) for state in states},
            {(p.log_id, p.index, p.ordinal): p for p in store.parts_of(keys)},
            {s.log_id: s.frozen_at for s in states if s.frozen_at is not None},
            node.registry.roster.version,
            sum(node.registry.parts_missing(state) for state in states),
        )
    finally:
        node.registry.close()


def records_of(file: Path) -> list[Record]:
    """The records of a bundle without its end."""
    with file.open("rb") as opened:
        return [each for each in read_bundle(opened.read) if not isinstance(each, BundleEnd)]


def rewritten(file: Path, target: Path, change: Callable[[list[Record]], Sequence[Record]]) -> Path:
    """A bundle with other records, and a count and a digest that fit: as a liar writes it."""
    with target.open("wb") as opened:
        writer = BundleWriter(opened.write)
        for record in change(records_of(file)):
            writer.put(record)
        writer.finish()
    return target
