"""The protos number their event kinds without gaps, and the committed code is what they say."""

import re
import subprocess
from pathlib import Path

import pytest

from registry.format.v1 import event_pb2

ROOT = Path(__file__).resolve().parents[2]
PROTO_PYTHON = ROOT / ".venv-proto" / "bin" / "python"
TOOLS_INSTALLED = PROTO_PYTHON.with_name("protoc-gen-mypy_grpc").exists()


def test_event_kinds_are_numbered_once_and_without_gaps() -> None:
    text = (ROOT / "protos/registry/format/v1/event.proto").read_text()
    (body,) = re.findall(r"^enum EventKind \{$(.*?)^\}$", text, flags=re.DOTALL | re.MULTILINE)
    pairs = re.findall(r"^ +(EVENT_KIND_\w+) = (\d+)", body, flags=re.MULTILINE)
    numbers = [int(number) for _, number in pairs]

    assert numbers == list(range(len(numbers)))
    assert len({name for name, _ in pairs}) == len(pairs)
    assert dict(event_pb2.EventKind.items()) == {name: int(number) for name, number in pairs}
    assert "allow_alias" not in body


def test_proto_path_is_its_package() -> None:
    for path in (ROOT / "protos").rglob("*.proto"):
        (package,) = re.findall(r"^package ([\w.]+);$", path.read_text(), flags=re.MULTILINE)

        assert path.parent.relative_to(ROOT / "protos").as_posix() == package.replace(".", "/")


@pytest.mark.skipif(not TOOLS_INSTALLED, reason="`make proto-check` installs the proto tools")
def test_generated_code_is_current() -> None:
    command = [str(PROTO_PYTHON), "protos/generate.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
