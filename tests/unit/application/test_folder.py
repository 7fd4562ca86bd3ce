"""A node's folder: what it says of itself, and that one process at a time writes to it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry.application.folder import NodeFolder
from registry.errors import FolderError, GuardError, KeyFileError, LogReadOnly, RosterError
from tests.unit.application.federation_in_process import open_node

HOLD = """
import sys
from pathlib import Path
from registry.application.folder import NodeFolder
with NodeFolder(Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_second_opener_is_refused_until_the_first_has_closed(folder: Path) -> None:
    first = open_node(folder, "alpha")

    with pytest.raises(FolderError, match="in use"):
        open_node(folder, "alpha")

    first.registry.close()
    open_node(folder, "alpha").registry.close()


def test_folder_is_free_again_after_its_process_was_killed(folder: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(folder / "alpha")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(FolderError, match="in use"), NodeFolder(folder / "alpha").held():
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()

    with NodeFolder(folder / "alpha").held():
        assert (folder / "alpha" / "node.lock").stat().st_mode & 0o777 == 0o600


def test_lock_is_not_left_to_child_processes(folder: Path) -> None:
    node_folder = NodeFolder(folder / "alpha")
    with node_folder.held():
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    with node_folder.held():
        assert child.poll() is None
    child.communicate(b"\n")


def test_failed_opening_lets_go_of_the_folder_and_its_files(folder: Path) -> None:
    secret = folder / "alpha" / "keys" / "request.secret"
    secret.chmod(0o644)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(2):
        with pytest.raises(KeyFileError, match=r"request\.secret"):
            open_node(folder, "alpha")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    secret.chmod(0o600)

    open_node(folder, "alpha").registry.close()


def test_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="nothing"):
        open_node(tmp_path, "nothing")
    with pytest.raises(FolderError, match="registry init"):
        NodeFolder(tmp_path).describe()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"mechanism": 7}', "\xff"])
def test_damaged_description_is_told(folder: Path, text: str) -> None:
    (folder / "alpha" / "node.json").write_text(text, encoding="latin-1")

    with pytest.raises(FolderError, match="damaged"):
        open_node(folder, "alpha")


def test_node_that_has_not_joined_does_not_open(founders: Path) -> None:
    with pytest.raises(FolderError, match="not joined"):
        open_node(founders, "alpha")


def test_log_key_that_is_not_the_rosters_never_signs(folder: Path) -> None:
    key = folder / "alpha" / "keys" / "log.key"
    key.write_bytes((folder / "beta" / "keys" / "log.key").read_bytes())

    with pytest.raises(LogReadOnly, match="no file in keys/ holds the key"):
        open_node(folder, "alpha")


def test_changed_roster_does_not_open(folder: Path) -> None:
    kept = folder / "alpha" / "roster" / "1.roster"
    kept.write_bytes(kept.read_bytes()[:-1])

    with pytest.raises(RosterError):
        open_node(folder, "alpha")


def test_guard_of_another_log_does_not_open(folder: Path) -> None:
    guard = folder / "alpha" / "guard" / "guard.bin"
    guard.write_bytes((folder / "beta" / "guard" / "guard.bin").read_bytes())

    with pytest.raises(GuardError, match="another log"):
        open_node(folder, "alpha")
