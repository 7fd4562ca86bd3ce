"""No file names a machine's folders or a package index, and the locks carry hashes only."""

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {"node_modules", "__pycache__", "build", "dist"}
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")

# Both are written so that they do not match their own text.
MACHINE_PATH = re.compile(r"(?<![\w.}*])/(?:work|root|home/[a-z]+|tmp/w)(?=/)")
PACKAGE_INDEX = re.compile(
    r"(?<!emit-)index[-_]url|find[-_]links|[/]simple[/]|//[^/\s]*(?:pypi|pythonhosted|npm|yarn)",
    flags=re.IGNORECASE,
)


def is_ours(name: str) -> bool:
    """Whether a folder belongs to the repository; of the hidden ones only `.ci` does."""
    return name == ".ci" or not (name in NOT_OURS or name.startswith("."))


def text_files(root: Path) -> dict[str, str]:
    """Returns the text files of the repository at `root` by relative path."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = filter(is_ours, folders)
        for path in (Path(folder) / name for name in files):
            try:
                found[path.relative_to(root).as_posix()] = path.read_text()
            except UnicodeDecodeError:
                continue  # not a text
    return found


def matches(pattern: re.Pattern[str], files: dict[str, str]) -> list[str]:
    """Returns `path: match` for everything that the pattern finds."""
    return [
        f"{path}: {found.group()}"
        for path, text in files.items()
        if path != "tests/architecture/test_repository.py"
        for found in pattern.finditer(text)
    ]


def test_no_file_names_a_folder_of_a_machine() -> None:
    assert matches(MACHINE_PATH, text_files(ROOT)) == []


def test_no_file_names_a_package_index() -> None:
    assert matches(PACKAGE_INDEX, text_files(ROOT)) == []


@pytest.mark.parametrize("text", [f"see /{name}/x/y" for name in ("work", "root", "home/ada")])
def test_a_machine_path_is_noticed(text: str) -> None:
    assert matches(MACHINE_PATH, {"a.md": text})


@pytest.mark.parametrize("text", ["registry/work/a", "https://x.example/home/", "/home/<user>/"])
def test_a_path_that_only_looks_like_one_is_not(text: str) -> None:
    assert not matches(MACHINE_PATH, {"a.md": text})


@pytest.mark.parametrize(
    "text", ["--index-url x", "PIP_FIND_LINKS=x", "https://pypi.example/p", "https://host/simple/a"]
)
def test_a_package_index_is_noticed(text: str) -> None:
    assert matches(PACKAGE_INDEX, {"a.lock": text})


def test_every_locked_package_has_a_version_and_hashes() -> None:
    for lock in (*LOCKS, "requirements-proto.lock"):
        requirements = (ROOT / lock).read_text().replace("\\\n", "").splitlines()

        assert requirements
        for requirement in requirements:
            assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", requirement)


def test_the_locks_of_one_environment_agree() -> None:
    pins: dict[str, str] = {}
    for lock in LOCKS:
        pinned = re.compile(r"(?m)^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)")
        for requirement in pinned.finditer((ROOT / lock).read_text()):
            name, version = requirement.groups()
            assert pins.setdefault(name, version) == version, lock


def test_npm_lock_carries_no_download_addresses() -> None:
    lock = (ROOT / ".ci" / "buf" / "package-lock.json").read_text()

    assert '"resolved"' not in lock
    assert '"integrity"' in lock
