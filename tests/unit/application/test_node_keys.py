"""The node key: made, missing, wrong, rotated with a crash at every step, lost for ever."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
from eventsourcing.sqlite import SQLiteCursor
from typer.testing import CliRunner

from registry.application.folder import NodeFolder
from registry.application.key_care.key_files import read_secret
from registry.application.key_care.node_keys import (
    load_node_keys,
    node_key_id,
    replace_lost_node_key,
    rotate_node_key,
)
from registry.application.maintenance import rebuild_views
from registry.application.verification import fsck_folder
from registry.domain.identifiers import LogId
from registry.errors import (
    CorruptDatabase,
    FolderError,
    InvalidRequest,
    KeyFileError,
    NodeKeyMissing,
)
from registry.store.connections import DurableDatastore
from registry.store.parts import open_part
from registry.store.sealing import WRAPPED_SIZE_BYTES, NodeKeys, part_context
from registry_cli.main import app
from tests.unit.application.federation_in_process import (
    START_MS,
    carry_parts,
    open_federation,
    open_node,
    opening,
    statement,
)

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
OWN_TITLE, ALL_TITLE, PEER_TITLE = "only here 5ca1ab1e", "from alpha 0ddba11", "from beta f00dcafe"
PARTS = 4
KEY_SIZE = 32
OTHER_KEY = b"o" * KEY_SIZE


class Crash(BaseException):
    """Stands for the end of the process: nothing catches it."""


@pytest.fixture
def alpha(folder: Path) -> Path:
    """A stopped node: an opening and two own events, one for itself alone, and a peer's."""
    with open_federation(folder) as nodes:
        case_id = nodes["alpha"].record(opening()).case_id
        nodes["alpha"].record(statement(ALL_TITLE), case_id)
        nodes.carry_all()
        nodes["alpha"].record(statement(OWN_TITLE), case_id, mechanisms=("alpha",))
        nodes["beta"].record(statement(PEER_TITLE), case_id)
        nodes.carry_all()
        nodes["alpha"].registry.projector.advance()
    return folder / "alpha"


def key_file(folder: Path) -> Path:
    return NodeFolder(folder).node_key_file


def rows(folder: Path) -> list[tuple[bytes, int, int, bytes, bytes]]:
    with closing(sqlite3.connect(folder / "log.db")) as connection:
        return connection.execute(
            "SELECT l.log_id, p.entry_index, p.ordinal, p.wrapped_key, p.sealed "
            "FROM parts p JOIN logs l ON l.log_no = p.log_no ORDER BY 1, 2, 3"
        ).fetchall()


def titles(folder: Path) -> set[str]:
    """What a node can read of its content, opened as a node opens."""
    node = open_node(folder.parent, folder.name)
    try:
        held = node.registry.store.parts_of([(LogId(r[0]), r[1], r[2]) for r in rows(folder)])
    finally:
        node.registry.close()
    wanted = (OWN_TITLE, ALL_TITLE, PEER_TITLE)
    return {each for each in wanted if any(each.encode() in part.content for part in held)}


def opened_by(folder: Path, key: bytes) -> int:
    """How many parts a key opens."""
    keys = NodeKeys(key, random_bytes=bytes)
    opened = 0
    for log_id, index, ordinal, wrapped_key, sealed in rows(folder):
        try:
            open_part((LogId(log_id), index, ordinal), wrapped_key, sealed, keys)
        except (NodeKeyMissing, CorruptDatabase):
            continue
        opened += 1
    return opened


def database_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.glob("log.db*")))


def write_key(file: Path, key: bytes) -> None:
    file.write_text(key.hex() + "\n")


def test_init_makes_a_node_key_that_only_its_owner_reads(alpha: Path) -> None:
    assert stat.S_IMODE(key_file(alpha).stat().st_mode) == 0o600
    assert len(read_secret(key_file(alpha), KEY_SIZE)) == KEY_SIZE
    assert opened_by(alpha, read_secret(key_file(alpha), KEY_SIZE)) == PARTS


def test_node_key_that_others_can_read_is_refused(alpha: Path) -> None:
    key_file(alpha).chmod(0o644)

    with pytest.raises(KeyFileError, match="0600"):
        titles(alpha)


def test_no_key_in_clear_stands_in_the_databases(alpha: Path) -> None:
    keys = load_node_keys(NodeFolder(alpha), bytes)
    log_id, index, ordinal, wrapped_key, _ = rows(alpha)[0]
    data_key = keys.unwrap(wrapped_key, part_context(LogId(log_id), index, ordinal))
    held = b"".join(file.read_bytes() for file in alpha.glob("*.db*"))

    assert wrapped_key in held
    assert data_key not in held
    assert read_secret(key_file(alpha), KEY_SIZE) not in held


def test_views_are_not_in_clear(alpha: Path) -> None:
    views = b"".join(file.read_bytes() for file in alpha.glob("views.db*"))

    assert len(views) > 4096
    assert b"invented matter" not in views
    assert b"CREATE TABLE" not in views


def test_views_in_clear_are_made_anew_encrypted(alpha: Path) -> None:
    for file in alpha.glob("views.db*"):
        file.unlink()
    with closing(sqlite3.connect(alpha / "views.db")) as connection:
        connection.execute("CREATE TABLE cases (row TEXT)")
        connection.execute("INSERT INTO cases VALUES ('An invented matter')")
        connection.commit()
    assert b"An invented matter" in (alpha / "views.db").read_bytes()

    size_bytes, is_same = rebuild_views(alpha, lambda *_: None, now_ms=lambda: START_MS)

    assert (size_bytes > 0, is_same) == (True, False)
    assert b"An invented matter" not in b"".join(f.read_bytes() for f in alpha.glob("views.db*"))


def test_missing_node_key_is_told_with_what_to_do(alpha: Path) -> None:
    key_file(alpha).rename(alpha / "elsewhere")

    with pytest.raises(NodeKeyMissing, match=r"node\.key is missing.*replace-lost-node-key"):
        titles(alpha)
    assert not key_file(alpha).exists()

    (alpha / "elsewhere").rename(key_file(alpha))
    assert titles(alpha) == {OWN_TITLE, ALL_TITLE, PEER_TITLE}


def test_wrong_node_key_is_told_by_its_id_and_changes_nothing(alpha: Path) -> None:
    right_id = node_key_id(alpha)
    before = rows(alpha)
    write_key(key_file(alpha), OTHER_KEY)
    wrong_id = node_key_id(alpha)

    with pytest.raises(NodeKeyMissing, match=rf"{right_id}.*{wrong_id}"):
        titles(alpha)
    with pytest.raises(NodeKeyMissing, match=right_id):
        rotate_node_key(alpha)
    assert rows(alpha) == before


def test_rotation_writes_wrapped_keys_anew_and_no_content(alpha: Path) -> None:
    old_key = read_secret(key_file(alpha), KEY_SIZE)
    before = rows(alpha)
    wrapped_before = [row[3] for row in before]
    assert all(each in database_bytes(alpha) for each in wrapped_before)

    count_of_keys = rotate_node_key(alpha)

    after = rows(alpha)
    assert count_of_keys == PARTS + 1  # and the key of views.db
    assert [row[4] for row in after] == [row[4] for row in before]
    assert [len(row[3]) for row in after] == [WRAPPED_SIZE_BYTES] * PARTS
    assert opened_by(alpha, old_key) == 0
    assert opened_by(alpha, read_secret(key_file(alpha), KEY_SIZE)) == PARTS
    assert [each for each in wrapped_before if each in database_bytes(alpha)] == []
    assert not NodeFolder(alpha).next_node_key_file.exists()
    assert stat.S_IMODE(key_file(alpha).stat().st_mode) == 0o600


def test_views_open_after_a_rotation_as_they_were(alpha: Path) -> None:
    rotate_node_key(alpha)

    _, is_same = rebuild_views(alpha, lambda *_: None, now_ms=lambda: START_MS)

    assert is_same
    assert titles(alpha) == {OWN_TITLE, ALL_TITLE, PEER_TITLE}


def crash_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Ends the work after a number of transactions, checkpoints and renames."""
    made = count()

    def dying(name: str) -> None:
        before = getattr(DurableDatastore, name)

        @contextmanager
        def wrapped(self: DurableDatastore) -> Iterator[SQLiteCursor]:
            with before(self) as cursor:
                yield cursor
            if next(made) == steps:
                raise Crash

        monkeypatch.setattr(DurableDatastore, name, wrapped)

    dying("writing")
    dying("outside_transaction")


@pytest.mark.parametrize("goes_on_by", ["rotation", "start"])
def test_rotation_that_crashes_at_any_step_is_finished_by_the_next_run_or_start(
    alpha: Path, monkeypatch: pytest.MonkeyPatch, goes_on_by: str
) -> None:
    monkeypatch.setattr("registry.store.data_keys._BATCH", 1)
    crashes = 0
    for steps in count():
        old_key = read_secret(key_file(alpha), KEY_SIZE)
        with monkeypatch.context() as patch:
            crash_after(patch, steps)
            try:
                rotate_node_key(alpha)
                break
            except Crash:
                crashes += 1
        assert NodeFolder(alpha).next_node_key_file.exists()
        if goes_on_by == "rotation":
            rotate_node_key(alpha)
        assert titles(alpha) == {OWN_TITLE, ALL_TITLE, PEER_TITLE}, steps
        assert not NodeFolder(alpha).next_node_key_file.exists()
        assert opened_by(alpha, old_key) == 0, steps
        assert opened_by(alpha, read_secret(key_file(alpha), KEY_SIZE)) == PARTS

    assert crashes > PARTS


def test_running_node_s_key_is_not_rotated(alpha: Path) -> None:
    node = open_node(alpha.parent, alpha.name)
    before = key_file(alpha).read_bytes()
    try:
        with pytest.raises(FolderError, match="in use"):
            rotate_node_key(alpha)
    finally:
        node.registry.close()

    assert key_file(alpha).read_bytes() == before


def test_key_that_is_there_is_not_replaced_as_lost(alpha: Path) -> None:
    with pytest.raises(FolderError, match="not lost"):
        replace_lost_node_key(alpha)

    assert titles(alpha) == {OWN_TITLE, ALL_TITLE, PEER_TITLE}


def test_content_of_a_lost_key_is_dropped_and_comes_back_from_other_members(
    folder: Path, alpha: Path
) -> None:
    (alpha / "office.db").write_bytes(b"sealed under a key that is gone")
    key_file(alpha).unlink()

    assert replace_lost_node_key(alpha) == (PARTS, PARTS - 1)

    assert rows(alpha) == []
    assert (alpha / "office.db.lost").exists()
    assert not (alpha / "office.db").exists()
    with open_federation(folder) as nodes:
        target = nodes["alpha"]
        own, beta = target.log_id, nodes["beta"].log_id
        assert target.registry.store.wanted_parts(own, 9) == [(0, 0), (1, 0), (2, 0)]
        assert target.registry.store.wanted_parts(beta, 9) == [(0, 0)]
        carry_parts(nodes["beta"], target, own)
        carry_parts(nodes["beta"], target, beta)
        assert target.registry.store.wanted_parts(own, 9) == [(2, 0)]
    assert titles(alpha) == {ALL_TITLE, PEER_TITLE}


def test_loss_cut_short_before_the_new_key_is_finished_by_the_next_run(
    alpha: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file(alpha).unlink()

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr("registry.application.key_care.node_keys.write_secret", crash)
        with pytest.raises(Crash):
            replace_lost_node_key(alpha)

    assert replace_lost_node_key(alpha) == (0, 0)
    assert titles(alpha) == set()


def test_fsck_without_the_node_key_checks_the_rest_and_says_so(alpha: Path) -> None:
    key_file(alpha).unlink()
    (finding,) = fsck_folder(alpha, lambda *_: None)

    assert finding.reason == "node_key_missing"
    assert "content was not checked" in finding.detail
    assert not key_file(alpha).exists()


def test_keys_show_tells_the_id_and_no_key(alpha: Path) -> None:
    told = RUNNER.invoke(app, ["keys", "show", str(alpha)]).output

    assert told.endswith(f"\nnode key {node_key_id(alpha)}\n")
    assert key_file(alpha).read_text().strip() not in told


def test_verb_rotates_and_tells_how_many_keys(alpha: Path) -> None:
    before = node_key_id(alpha)

    result = RUNNER.invoke(app, ["keys", "rotate-node-key", str(alpha)])

    assert result.exit_code == 0
    assert (
        f"{PARTS + 1} data keys wrapped anew under node key {node_key_id(alpha)}" in result.output
    )
    assert node_key_id(alpha) != before


def test_verb_gives_nothing_up_unless_the_loss_is_accepted(alpha: Path) -> None:
    key_file(alpha).unlink()
    refused = RUNNER.invoke(app, ["keys", "replace-lost-node-key", str(alpha)])
    assert isinstance(refused.exception, InvalidRequest)
    assert len(rows(alpha)) == PARTS

    done = RUNNER.invoke(app, ["keys", "replace-lost-node-key", str(alpha), "--accept-loss"])

    assert done.exit_code == 0
    assert f"{PARTS} parts deleted" in done.output
    assert f"{PARTS - 1} of them are of this node's own log" in done.output
