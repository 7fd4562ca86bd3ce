"""Bundles as a path by which content leaves: what is in one, for its recipient and for others."""

import io
import os
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from registry.application.bundles.exporting import export_bundle
from registry.application.bundles.sealing import ContentOpener
from registry.application.folder import NodeFolder
from registry.application.membership.rosters import load_roster
from registry.application.registry import Registry
from registry.domain.identifiers import LogId
from registry.log.bundle import BundleSealed, read_bundle
from registry.log.bundle_content import BundleChunk, BundlePart
from tests.unit.application.federation_in_process import START_MS

LATER_MS = START_MS * 2
"""After every embargo."""


def bundle_of(
    registry: Registry, recipient: str | None, since: Mapping[LogId, int] | None = None
) -> bytes:
    """The bytes of a bundle of an open node."""
    file = io.BytesIO()
    export_bundle(registry, file.write, recipient=recipient, since=since or {})
    return file.getvalue()


def bundles_of_a_copy(node_folder: Path, copy: Path, recipients: list[str]) -> dict[str, bytes]:
    """Bundles of a node that runs: made by a copy of its folder, which nobody else uses."""
    ignored = shutil.ignore_patterns("*.db", "*.db-wal", "*.db-shm", "node.lock")
    shutil.copytree(node_folder, copy, ignore=ignored)
    database = f"file:{NodeFolder(node_folder).database}?mode=ro"
    with (
        closing(sqlite3.connect(database, uri=True)) as source,
        closing(sqlite3.connect(NodeFolder(copy).database)) as target,
    ):
        source.backup(target)
    registry = Registry.open(copy, now_ms=lambda: LATER_MS, random_bytes=os.urandom)
    try:
        return {recipient: bundle_of(registry, recipient) for recipient in recipients}
    finally:
        registry.close()


def opened_by(folder: NodeFolder, bundle: bytes) -> list[BundlePart | BundleChunk]:
    """What a member's key opens of a bundle; raises MalformedBundle if that is nothing."""
    roster = load_roster(folder)
    own = roster.member_by_slug(folder.mechanism)
    opener = ContentOpener(folder, roster.registry_id, own.id)
    found: list[BundlePart | BundleChunk] = []
    for record in read_bundle(io.BytesIO(bundle).read):
        if isinstance(record, BundleSealed):
            content = opener.open(record.sealed)
            found += [content] if isinstance(content, BundleChunk) else content
    return found
