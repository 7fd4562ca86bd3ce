"""All decoders that the fuzzer knows, and the readers that it leaves out, each with its reason."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any, Final

import registry
import registry_cli
import registry_node
from tests.fuzzing import (
    rows_bundles,
    rows_domain,
    rows_evidence,
    rows_files,
    rows_log,
    rows_peers,
    rows_wire,
)
from tests.fuzzing.decoder import Decoder

_MODULES: Final = (
    rows_log,
    rows_evidence,
    rows_bundles,
    rows_domain,
    rows_files,
    rows_wire,
    rows_peers,
)
DECODERS: Final[Mapping[str, Decoder]] = MappingProxyType(
    {row.name: row for module in _MODULES for row in module.ROWS}
)

_OWN_ROWS: Final = "reads rows or pages of this node's own databases, which fsck checks"
_A_QUERY: Final = "asks this node's own store or read models; takes no bytes"
_BY_ANOTHER: Final = "opens what was authenticated by the node key before it is parsed"
LEFT_OUT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "registry.application.briefings.reading.read_histories": _A_QUERY,
        "registry.views.events_read.read_events": _A_QUERY,
        "registry.application.acts.read_notes_with": _BY_ANOTHER,
        "registry.application.desk.open_desk": "makes an object",
        "registry.application.earlier_withdrawals.open_views": "makes an object",
        "registry.store.act_notes.read_note": _OWN_ROWS,
        "registry.store.chunks.open_head": _BY_ANOTHER,
        "registry.store.chunks.open_piece": _BY_ANOTHER,
        "registry.store.control.read_effective": _OWN_ROWS,
        "registry.store.control.read_receipts": _OWN_ROWS,
        "registry.store.control.read_tombstones": _OWN_ROWS,
        "registry.store.control.read_unreceipted": _OWN_ROWS,
        "registry.store.control.read_widenings": _OWN_ROWS,
        "registry.store.freezes.read_proofs": _OWN_ROWS,
        "registry.store.parts.open_part": _BY_ANOTHER,
        "registry.store.parts.read_part_rows": _OWN_ROWS,
        "registry.store.read_models.open_read_models": "makes an object",
        "registry.store.read_models.read_existing": "opens a database; tests/storage damages it",
        "registry.store.read_queries.read_page": _A_QUERY,
        "registry.store.rotations.read_rotations": _OWN_ROWS,
        "registry.store.sealing.open_sealed": "AES-GCM decides; the store's own tests change it",
        "registry.store.rows.read_cases": _OWN_ROWS,
        "registry.store.rows.read_entries": _OWN_ROWS,
        "registry.store.rows.read_leaves": _OWN_ROWS,
        "registry.store.rows.read_state": _OWN_ROWS,
        "registry.store.sqlite.open_sqlite_store": "opens a database; tests/storage damages it",
        "registry.store.tombstone_journal.read_journal": "reads as its row does",
        "registry.store.uploads.open_upload_head": _BY_ANOTHER,
        "registry.views.case_file.read_content": _A_QUERY,
        "registry.views.case_file.read_history": _A_QUERY,
        "registry.views.case_file.read_vector": _A_QUERY,
        "registry.views.node_digest.read_node_digest": _A_QUERY,
        "registry.views.rows.decode_row": _OWN_ROWS,
        "registry.views.timeline.read_timeline": _A_QUERY,
        "registry_node.peer_tls.open_peer_channel": "makes an object",
    }
)
"""Readers by name that take nothing from outside."""

_PREFIXES: Final = ("decode_", "parse_", "read_", "open_", "load_", "join_shares", "split_entry")
_SUFFIXES: Final = ("_from_proto",)
_GENERATED: Final = ("registry.api", "registry.format")


def readers() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function of our packages whose name says that it reads something."""
    for module in _modules():
        for name, value in vars(module).items():
            is_reader = name.startswith(_PREFIXES) or (name[0] != "_" and name.endswith(_SUFFIXES))
            if (
                is_reader
                and isinstance(value, FunctionType)
                and value.__module__ == module.__name__
            ):
                yield f"{module.__name__}.{name}", value


def _modules() -> Iterator[ModuleType]:
    for package in (registry, registry_node, registry_cli):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.startswith(_GENERATED) and not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def covered() -> frozenset[Callable[..., Any]]:
    """The functions that rows name, unwrapped."""
    return frozenset(inspect.unwrap(each) for row in DECODERS.values() for each in row.covers)
