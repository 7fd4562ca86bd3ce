"""The wheel holds all it needs and runs in an environment that knows nothing of this folder."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "registry": ROOT / "registry",
    "registry_cli": ROOT / "services" / "registry_cli",
    "registry_node": ROOT / "services" / "registry_node",
}
NOT_SHIPPED = {"__pycache__"}


def run(*command: str | Path, folder: Path) -> str:
    """Runs a command to its end and returns what it printed."""
    done = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this folder."""
    target = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, ROOT)
    run(*build, folder=target)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script folder of a clean environment with the wheel in it.

    The locked dependencies are lent by a path entry; the editable install of this folder is not,
    because a lent folder's own path entries are not read.
    """
    home = tmp_path_factory.mktemp("clean")
    venv.create(home)
    python = home / "bin" / "python"
    install = ("-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index")
    run(sys.executable, *install, wheel, folder=home)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def test_wheel_holds_every_file_of_its_packages(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"{package}/{path.relative_to(folder).as_posix()}"
        for package, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.is_file() and not NOT_SHIPPED & set(path.parts)
    }

    assert wanted - held == set()
    assert any(name.endswith(".toml") for name in held)
    assert any(name.endswith(".csv") for name in held)
    assert {name.partition("/")[0] for name in held if ".dist-info/" not in name} == set(PACKAGES)


def test_installed_registry_tells_its_version(scripts: Path, wheel: Path) -> None:
    version = wheel.name.split("-")[1]

    assert version in run(scripts / "registry", "--version", folder=scripts)


def test_installed_packages_are_those_of_the_wheel(scripts: Path) -> None:
    program = "import registry, registry_cli, registry_node; print(registry.__file__)"
    found = run(scripts / "python", "-c", program, folder=scripts)

    assert Path(found.strip()).is_relative_to(scripts.parent)
