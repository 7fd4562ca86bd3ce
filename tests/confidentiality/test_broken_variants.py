"""Promise 15: deliberately broken variants, each killed by a named check.

Every check first passes on the software as it is; then one function is broken and the same check
must fail. A variant that its check lets live fails here.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from registry.application import consents, exporting, recording, sharing
from registry.application.bundles.exporting import _ContentExport
from registry.application.bundles.sealing import ContentOpener, ContentSealer
from registry.application.desk import Desk, Order
from registry.application.recording import RecordCommand
from registry.application.roles import Client
from registry.domain import consent
from registry.domain.consent import Consents
from registry.domain.release import NO_NAMES
from registry.log.bundle_content import decode_content, encode_content
from registry.log.entry import ALL_MEMBERS
from registry.store import control, erasing
from registry.store.tombstone_journal import TombstoneJournal
from tests.confidentiality import checks
from tests.confidentiality.names_world import SLUGS, World, open_world
from tests.unit.application.federation_in_process import found_federation

Breaking = Callable[[pytest.MonkeyPatch, World], None]


class Variant(NamedTuple):
    """One lie, and the check that kills it."""

    breaks: Breaking
    check: Callable[[World], None]


def consent_ignored(patch: pytest.MonkeyPatch, _world: World) -> None:
    patch.setattr(Consents, "why_not", lambda *_args: "")


def consent_ignored_by_recording(patch: pytest.MonkeyPatch, _world: World) -> None:
    patch.setattr(recording, "judge_persons", lambda *_args: ())


def names_in_text_ignored(patch: pytest.MonkeyPatch, _world: World) -> None:
    patch.setattr(recording, "judge_text", lambda *_args: ())


def names_in_withdrawals_ignored(patch: pytest.MonkeyPatch, _world: World) -> None:
    patch.setattr(recording, "judge_withdrawal", lambda *_args: ())


def consent_ignored_by_relays(patch: pytest.MonkeyPatch, _world: World) -> None:
    patch.setattr(
        consents.ConsentDesk, "sendable", lambda _self, given, _member, _cases: list(given)
    )


def consent_ignored_by_widening_and_relays(patch: pytest.MonkeyPatch, world: World) -> None:
    patch.setattr(recording.Recording, "judge_wider", lambda *_args: NO_NAMES)
    consent_ignored_by_relays(patch, world)


def consent_ignored_by_exports(patch: pytest.MonkeyPatch, _world: World) -> None:
    patch.setattr(exporting, "_without_names", lambda content, *_args: content)


def withdrawal_ignored(patch: pytest.MonkeyPatch, _world: World) -> None:
    patch.setattr(consent, "_ends", lambda *_args: False)


def audience_ignored(patch: pytest.MonkeyPatch, _world: World) -> None:
    patch.setattr(sharing, "audiences_of", lambda _store, headers: _everyone(headers))


def audience_ignored_by_exports(patch: pytest.MonkeyPatch, _world: World) -> None:
    patch.setattr(exporting, "_rule", _without_audience(exporting._rule))


def source_sent(patch: pytest.MonkeyPatch, _world: World) -> None:
    record = Desk.record

    def tells(self: Desk, client: Client, command: RecordCommand, order: Order) -> Any:
        assert order.source is not None
        content = command.content.model_copy(update={"summary": order.source.contact})
        return record(self, client, replace(command, content=content), order)

    patch.setattr(Desk, "record", tells)


def embargo_ignored(patch: pytest.MonkeyPatch, _world: World) -> None:
    honest = sharing._open_part
    patch.setattr(sharing, "_open_part", lambda *args: honest(args[0], args[1], args[2], 2**62))


def journal_ignored(patch: pytest.MonkeyPatch, _world: World) -> None:
    patch.setattr(TombstoneJournal, "records", property(lambda _self: ()))


def tombstone_dropped(patch: pytest.MonkeyPatch, world: World) -> None:
    """Takes out both guards of a tombstone: the look before storing, and the triggers."""
    patch.setattr(erasing, "without_erased", lambda _cursor, _numbers, given: list(given))
    with closing(sqlite3.connect(world.folder / "beta" / "log.db")) as database:
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in database.execute(triggers).fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.commit()


def widening_unchecked(patch: pytest.MonkeyPatch, _world: World) -> None:
    patch.setattr(control, "leaf_hash", lambda _entry: _Anything())


def restricted_case_shown(patch: pytest.MonkeyPatch, _world: World) -> None:
    patch.setattr(Desk, "may_see", lambda _self, _client, _case_id: True)


def restricted_case_listed(patch: pytest.MonkeyPatch, _world: World) -> None:
    patch.setattr(Desk, "hidden_from", lambda _self, _client: frozenset())


def bundle_not_sealed(patch: pytest.MonkeyPatch, _world: World) -> None:
    patch.setattr(ContentSealer, "seal", lambda _self, content, size: encode_content(content, size))
    patch.setattr(ContentOpener, "open", lambda _self, data: decode_content(data))


def bundle_holds_all(patch: pytest.MonkeyPatch, _world: World) -> None:
    """Takes what is held past the one place that decides."""

    def gives(self: _ContentExport, headers: Any) -> None:
        store = self._registry.store
        keys = [(h.log_id, h.index, i) for h in headers for i in range(len(h.parts))]
        parts = {(h.log_id, h.index, i): p for h in headers for i, p in enumerate(h.parts)}
        self._seal(store.parts_of(keys), parts)

    patch.setattr(_ContentExport, "_give", gives)


class _Anything:
    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return True


def _everyone(headers: Any) -> Any:
    return dict.fromkeys(headers, ALL_MEMBERS)


def _without_audience(rule: Any) -> Any:
    return lambda *args: rule(*args)._replace(admits=lambda _audience: True)


VARIANTS = {
    "consent ignored": Variant(consent_ignored, checks.check_named_without_consent),
    "consent ignored by recording": Variant(
        consent_ignored_by_recording, checks.check_named_without_consent
    ),
    "names in text ignored": Variant(
        names_in_text_ignored, checks.check_named_in_text_without_consent
    ),
    "names in withdrawals ignored": Variant(
        names_in_withdrawals_ignored, checks.check_withdrawn_in_words
    ),
    "consent ignored by relays": Variant(
        consent_ignored_by_relays, checks.check_relay_without_consent
    ),
    "consent ignored once widened": Variant(
        consent_ignored_by_widening_and_relays, checks.check_named_and_widened
    ),
    "consent ignored by exports": Variant(consent_ignored_by_exports, checks.check_withdrawn),
    "withdrawal ignored": Variant(withdrawal_ignored, checks.check_withdrawn),
    "audience ignored": Variant(audience_ignored, checks.check_unnamed_at_its_node),
    "audience ignored by exports": Variant(
        audience_ignored_by_exports, checks.check_kept_at_its_node
    ),
    "source sent": Variant(source_sent, checks.check_source_stays),
    "bundle not sealed": Variant(bundle_not_sealed, checks.check_bundled),
    "bundle holds all that is held": Variant(bundle_holds_all, checks.check_bundled),
    "embargo ignored": Variant(embargo_ignored, checks.check_embargo),
    "tombstone dropped": Variant(tombstone_dropped, checks.check_erased_is_never_stored_again),
    "tombstone journal ignored": Variant(
        journal_ignored, checks.check_restored_database_is_erased_before_it_serves
    ),
    "widening unchecked": Variant(widening_unchecked, checks.check_widening_by_another_log),
    "restricted case shown": Variant(restricted_case_shown, checks.check_restricted_case),
    "restricted case listed": Variant(restricted_case_listed, checks.check_restricted_case),
}
CHECKS = {variant.check.__name__: variant.check for variant in VARIANTS.values()}


@pytest.mark.parametrize("name", CHECKS)
def test_software_as_it_is_passes(world: World, name: str) -> None:
    CHECKS[name](world)


@pytest.mark.parametrize("name", VARIANTS)
def test_broken_variant_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    found_federation(tmp_path, SLUGS)
    variant = VARIANTS[name]
    with open_world(tmp_path) as world:
        variant.breaks(monkeypatch, world)
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            variant.check(world)
        monkeypatch.undo()
