"""A backup is proven, holds nothing that must not go back in time, and comes back unforked."""

import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from registry.application.backing_up import About, back_up, read_backup
from registry.application.erasing import ErasureTarget
from registry.application.folder import NodeFolder
from registry.application.key_care.node_keys import rotate_node_key
from registry.application.recovering import (
    OfficeFate,
    PutBack,
    accept_lost_guard,
    look_at,
    look_for_lost_guard,
    put_back,
)
from registry.application.verification import fsck_folder
from registry.domain.identifiers import CaseId
from registry.errors import (
    CorruptDatabase,
    FolderError,
    GuardError,
    LogReadOnly,
    NodeKeyMissing,
)
from registry.log.facts import GuardVerdict
from registry.store.office import Office
from registry.store.tombstone_journal import TombstoneJournal
from tests.unit.application.erasing_world import commitment, erase
from tests.unit.application.federation_in_process import (
    START_MS,
    carry_entries,
    found_federation,
    open_federation,
    open_node,
    opening,
)

OLD: Final = 3
NEW: Final = 7
WORDS: Final = "words-5d7a10-of-nobody"


def nothing(*_: object) -> None:
    """No progress to show."""


def take(node: Path, out: Path) -> About:
    return back_up(node, out, now_ms=START_MS, progress=nothing)


def restore(node: Path, backup: Path, *, may_replace: bool = True) -> PutBack:
    return put_back(
        node, backup, may_replace=may_replace, now_ms=lambda: START_MS, progress=nothing
    )


def record(folder: Path, start: int, end: int) -> None:
    """Records at alpha and carries everything to beta."""
    with open_federation(folder, ("alpha", "beta")) as nodes:
        nodes["alpha"].random_bytes.label = f"alpha from {start}"
        for number in range(start, end):
            nodes["alpha"].record(opening(f"{WORDS} {number}"), request_id=f"request {number}")
        nodes.carry_all()


def kept_apart(node: Path) -> dict[str, bytes]:
    """What a restore must never touch: keys, guard, journal."""
    folder = NodeFolder(node)
    files = [*folder.keys.iterdir(), *folder.guard_file.parent.iterdir()]
    return {path.name: path.read_bytes() for path in files}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Two members; alpha was backed up after `OLD` events and has `NEW` by now, beta too."""
    found_federation(tmp_path, ("alpha", "beta"))
    record(tmp_path, 0, OLD)
    take(tmp_path / "alpha", tmp_path / "old.backup")
    record(tmp_path, OLD, NEW)
    return tmp_path


# --- taking one -----------------------------------------------------------------------------------


def test_backup_is_one_private_file_that_holds_no_key_no_guard_and_no_readable_word(
    world: Path,
) -> None:
    out = world / "old.backup"
    data = out.read_bytes()
    about = read_backup(out)

    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(world.glob("old.backup*")) == [out]
    assert (about.mechanism, about.own_size, about.made_ms) == ("alpha", OLD, START_MS)
    assert WORDS.encode() not in data
    for name, kept in kept_apart(world / "alpha").items():
        assert not kept or kept.strip() not in data, name
    for key in ("node.key", "log.key"):
        secret = bytes.fromhex((NodeFolder(world / "alpha").keys / key).read_text().strip())
        assert secret not in data


def test_backup_beside_a_node_that_writes_is_of_one_moment(world: Path) -> None:
    node = open_node(world, "alpha")
    node.random_bytes.label = "alpha writes on"
    is_done = threading.Event()

    def write() -> None:
        number = 0
        while not is_done.is_set():
            node.record(opening(f"Case {number} (invented)"), request_id=f"busy {number}")
            number += 1

    writing = threading.Thread(target=write)
    writing.start()
    try:
        sizes = [take(world / "alpha", world / f"{n}.backup").own_size for n in range(3)]
    finally:
        is_done.set()
        writing.join()
        node.registry.close()
    assert NEW <= sizes[0] < sizes[-1]  # it was busy, and each copy proved itself
    assert (
        restore(world / "alpha", world / "1.backup").standing.comparison.database_size == sizes[1]
    )


def test_backup_is_refused_where_it_would_be_in_the_way(world: Path) -> None:
    with pytest.raises(FolderError, match="never written over"):
        take(world / "alpha", world / "old.backup")
    with pytest.raises(FolderError, match="another disk"):
        take(world / "alpha", world / "alpha" / "x.backup")
    with pytest.raises(FolderError, match="cannot be written"):
        take(world / "alpha", world / "no-such-folder" / "x.backup")
    (world / "alpha" / "log.db").unlink()
    with pytest.raises(FolderError, match="nothing to back up"):
        take(world / "alpha", world / "x.backup")


def test_damaged_database_makes_no_backup(world: Path) -> None:
    damage(world / "alpha" / "log.db")
    with pytest.raises(CorruptDatabase):
        take(world / "alpha", world / "x.backup")
    assert list(world.glob("x.backup*")) == []


def damage(database: Path) -> None:
    """Changes one entry; the database itself stays readable."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "UPDATE stored_events SET state = CAST(state || x'00' AS BLOB) "
            "WHERE originator_version = 1"
        )
        connection.commit()


# --- putting it back ------------------------------------------------------------------------------


def test_put_back_database_keeps_the_log_closed_until_a_peer_has_given_the_rest(
    world: Path,
) -> None:
    before = kept_apart(world / "alpha")
    done = restore(world / "alpha", world / "old.backup")
    found = done.standing.comparison
    assert (found.kind, found.guard_size, found.database_size) == (
        GuardVerdict.GUARD_AHEAD,
        NEW,
        OLD,
    )
    assert kept_apart(world / "alpha") == before
    alpha = open_node(world, "alpha", opens_log=False)
    beta = open_node(world, "beta")
    with closing(alpha.registry), closing(beta.registry):
        with pytest.raises(LogReadOnly, match="guard_ahead"):
            alpha.registry.open_log()
        assert carry_entries(beta, alpha, alpha.log_id) is None
        alpha.registry.open_log()
        assert alpha.record(opening("after"), request_id="after").index == NEW
        assert carry_entries(alpha, beta, alpha.log_id) is None
        roots = {each.registry.store.log_state(alpha.log_id).root for each in (alpha, beta)}
        assert len(roots) == 1
    assert list(fsck_folder(world / "alpha", nothing)) == []


def put_guard_back_too(world: Path) -> None:
    """The mistake: what was last signed goes back in time together with the database."""
    shutil.copy(world / "old.guard", NodeFolder(world / "alpha").guard_file)


def leave_guard_alone(_: Path) -> None:
    """As it must be."""


@pytest.mark.parametrize(
    ("afterwards", "forks"), [(leave_guard_alone, False), (put_guard_back_too, True)]
)
def test_restore_that_also_puts_the_guard_back_forks_the_log_alone_on_the_network(
    tmp_path: Path, afterwards: Callable[[Path], None], *, forks: bool
) -> None:
    """Why no backup holds the guard; with the mistake made, this is what the test finds."""
    found_federation(tmp_path, ("alpha", "beta"))
    record(tmp_path, 0, OLD)
    take(tmp_path / "alpha", tmp_path / "old.backup")
    shutil.copy(NodeFolder(tmp_path / "alpha").guard_file, tmp_path / "old.guard")
    record(tmp_path, OLD, NEW)
    restore(tmp_path / "alpha", tmp_path / "old.backup")
    afterwards(tmp_path)

    has_forked = True
    alpha = open_node(tmp_path, "alpha", opens_log=False)
    with closing(alpha.registry):
        try:
            alpha.registry.open_log()
            alpha.record(opening("another history"), request_id="another")
        except LogReadOnly:
            has_forked = False
    assert has_forked is forks


def test_what_was_erased_since_the_backup_stays_erased(world: Path) -> None:
    with open_federation(world, ("alpha", "beta")) as nodes:
        alpha = nodes["alpha"]
        erase(alpha, ErasureTarget(0, 0, commitment(alpha, 0)))
        nodes.carry_all()
    done = restore(world / "alpha", world / "old.backup")
    assert done.standing.erased == 1

    with closing(sqlite3.connect(world / "alpha" / "log.db")) as connection:
        held = connection.execute("SELECT entry_index FROM parts ORDER BY 1").fetchall()
    assert held == [(1,), (2,)]
    journal = TombstoneJournal(NodeFolder(world / "alpha").tombstone_file)
    with closing(journal):
        assert [(part.index, part.ordinal) for part in journal.records] == [(0, 0)]
    node = open_node(world, "alpha", opens_log=False)
    with closing(node.registry):
        assert node.registry.store.part(node.log_id, 0, 0) is None


def test_database_that_is_there_goes_only_when_told_so(world: Path) -> None:
    with pytest.raises(FolderError, match="--replace"):
        restore(world / "alpha", world / "old.backup", may_replace=False)
    assert look_at(world / "alpha").comparison.database_size == NEW
    for path in (world / "alpha").glob("log.db*"):
        path.unlink()
    gone = look_at(world / "alpha")
    assert (gone.has_database, gone.comparison.kind) == (False, GuardVerdict.GUARD_AHEAD)
    restore(world / "alpha", world / "old.backup", may_replace=False)
    assert look_at(world / "alpha").comparison.database_size == OLD


def test_database_that_nobody_can_read_is_replaced(world: Path) -> None:
    database = world / "alpha" / "log.db"
    database.write_bytes(b"no database at all" * 1000)
    (world / "alpha" / "log.db-wal").write_bytes(b"and no log")
    restore(world / "alpha", world / "old.backup")
    assert list(fsck_folder(world / "alpha", nothing)) != []  # the guard is ahead, and nothing else
    assert look_at(world / "alpha").comparison.kind is GuardVerdict.GUARD_AHEAD


def test_backup_of_another_node_is_refused(world: Path) -> None:
    with pytest.raises(FolderError, match="is of alpha"):
        restore(world / "beta", world / "old.backup")
    with pytest.raises(FolderError, match="is no backup"):
        restore(world / "alpha", world / "alpha" / "node.json")
    with pytest.raises(FolderError, match="is no backup"):
        restore(world / "alpha", world / "beta" / "log.db")
    with pytest.raises(FolderError, match="there is no file"):
        restore(world / "alpha", world / "nowhere")


def test_running_node_is_left_alone(world: Path) -> None:
    node = open_node(world, "alpha")
    with closing(node.registry), pytest.raises(FolderError, match="stop it first"):
        restore(world / "alpha", world / "old.backup")


def test_backup_that_does_not_prove_itself_changes_nothing(world: Path) -> None:
    damage(world / "old.backup")
    before = (world / "alpha" / "log.db").read_bytes()
    with pytest.raises(CorruptDatabase, match="does not prove itself"):
        restore(world / "alpha", world / "old.backup")
    assert (world / "alpha" / "log.db").read_bytes() == before
    assert list((world / "alpha").glob("*putting-back*")) == []


def test_backup_under_an_older_node_key_is_refused(world: Path) -> None:
    rotate_node_key(world / "alpha")
    with pytest.raises(NodeKeyMissing, match="rotated since"):
        restore(world / "alpha", world / "old.backup")


# --- the office and the views ---------------------------------------------------------------------


@contextmanager
def office_of(world: Path) -> Iterator[Office]:
    """The office's records at alpha."""
    alpha = open_node(world, "alpha", opens_log=False)
    with closing(alpha.registry) as registry:
        key = registry.store.database_key("office")
        with closing(Office(registry.folder.office_database, key)) as office:
            yield office


def test_office_records_that_open_are_kept_and_others_come_from_the_backup(world: Path) -> None:
    case_id = CaseId(b"c" * 16)
    with office_of(world) as office:
        office.restrict(case_id, ["first"])
    assert take(world / "alpha", world / "with.backup").has_office
    with office_of(world) as office:
        office.restrict(case_id, ["second"])
    assert restore(world / "alpha", world / "with.backup").office is OfficeFate.KEPT
    with office_of(world) as office:
        assert office.restrictions() == {case_id: frozenset({"second"})}

    (world / "alpha" / "office.db").write_bytes(b"damaged" * 1000)
    assert restore(world / "alpha", world / "with.backup").office is OfficeFate.PUT_BACK
    with office_of(world) as office:
        assert office.restrictions() == {case_id: frozenset({"first"})}


def test_office_records_are_kept_over_a_backup_of_before_they_had_a_key(world: Path) -> None:
    with office_of(world) as office:
        office.restrict(CaseId(b"c" * 16), ["first"])
    assert restore(world / "alpha", world / "old.backup").office is OfficeFate.KEPT
    with office_of(world) as office:
        assert office.restrictions() == {CaseId(b"c" * 16): frozenset({"first"})}
    (world / "alpha" / "office.db").write_bytes(b"damaged" * 1000)
    assert restore(world / "alpha", world / "old.backup").office is OfficeFate.LOST
    assert (world / "alpha" / "office.db.lost").exists()
    with office_of(world) as office:
        assert office.restrictions() == {}


def test_folder_without_office_records_gets_none_from_a_backup_without(world: Path) -> None:
    assert restore(world / "alpha", world / "old.backup").office is OfficeFate.NONE


def test_views_are_folded_anew_over_what_was_put_back(world: Path) -> None:
    views = world / "alpha" / "views.db"
    assert views.exists()
    restore(world / "alpha", world / "old.backup")
    assert list((world / "alpha").glob("views.db*")) == []


# --- a lost guard ---------------------------------------------------------------------------------


def lose_guard(folder: Path) -> None:
    NodeFolder(folder / "alpha").guard_file.unlink()


def test_lost_guard_is_made_anew_at_what_is_held_only_when_it_is_lost(world: Path) -> None:
    with pytest.raises(GuardError, match="there and sound"):
        look_for_lost_guard(world / "alpha")
    lose_guard(world)
    assert look_at(world / "alpha").comparison.kind is GuardVerdict.GUARD_MISSING
    assert look_for_lost_guard(world / "alpha").comparison.database_size == NEW
    made = accept_lost_guard(world / "alpha")
    assert (made.comparison.kind, made.comparison.guard_size) == (GuardVerdict.EQUAL, NEW)
    with open_federation(world, ("alpha", "beta")) as nodes:
        assert nodes["alpha"].record(opening("on"), request_id="on").index == NEW


def test_damaged_guard_is_moved_aside(world: Path) -> None:
    guard = NodeFolder(world / "alpha").guard_file
    guard.write_bytes(b"x" * 8192)
    with pytest.raises(GuardError, match="damaged"):
        look_at(world / "alpha")
    accept_lost_guard(world / "alpha")
    assert guard.with_name("guard.bin.damaged").exists()
    assert look_at(world / "alpha").comparison.kind is GuardVerdict.EQUAL


def test_guard_is_not_made_from_nothing(world: Path) -> None:
    lose_guard(world)
    (world / "alpha" / "log.db").unlink()
    with pytest.raises(FolderError, match="nothing says what this node has signed"):
        accept_lost_guard(world / "alpha")
