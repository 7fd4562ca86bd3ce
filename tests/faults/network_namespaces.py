"""Network namespaces on one bridge, for nodes that a real kernel keeps apart.

Everything has a name that starts with the process id, and goes at the end, also after a failure.
Needs root, `ip` and `nft`. The gate (`CI` is set) fails where a tool is missing; where the machine
itself does not let anybody make namespaces, the tests are left out and say why.
"""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pytest

_NUMBERS: Final = itertools.count()
_TOOLS: Final = {"ip": "iproute2", "nft": "nftables"}


def run(*words: str, standard_input: str = "") -> str:
    """Runs a tool; fails with what it said."""
    done = subprocess.run(words, input=standard_input, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr.strip()}"
    return done.stdout


@dataclass(frozen=True)
class Namespace:
    """One namespace and its address on the bridge."""

    name: str
    address: str

    def command(self, *words: str) -> tuple[str, ...]:
        """A command that runs in it."""
        return ("ip", "netns", "exec", self.name, *words)

    def filter(self, *rules: str) -> None:
        """Lets these nft rules alone decide what comes in; none lets everything in."""
        table = "\n".join(f"    {rule}" for rule in rules)
        run(
            *self.command("nft", "-f", "-"),
            standard_input=(
                "flush ruleset\ntable inet cuts {\n  chain arriving {\n"
                f"    type filter hook input priority 0;\n{table}\n  }}\n}}\n"
            ),
        )


@contextmanager
def bridged(count: int) -> Iterator[list[Namespace]]:
    """Makes namespaces that reach each other, and this machine, through a bridge."""
    _look_for_tools()
    prefix = f"r{os.getpid() % 0xFFFFF:x}{next(_NUMBERS)}"
    subnet = f"10.{173 + next(_NUMBERS) % 60}.{os.getpid() % 250}"
    namespaces = [Namespace(f"{prefix}n{n}", f"{subnet}.{n + 1}") for n in range(count)]
    try:
        _make(f"{prefix}b", subnet, namespaces)
        yield namespaces
    finally:
        for each in namespaces:
            _remove("ip", "link", "del", f"{each.name}h")
            _remove("ip", "netns", "del", each.name)
        _remove("ip", "link", "del", f"{prefix}b")


def _make(bridge: str, subnet: str, namespaces: Sequence[Namespace]) -> None:
    run("ip", "link", "add", bridge, "type", "bridge")
    run("ip", "address", "add", f"{subnet}.254/24", "dev", bridge)
    run("ip", "link", "set", bridge, "up")
    for each in namespaces:
        here, there = f"{each.name}h", f"{each.name}t"
        run("ip", "netns", "add", each.name)
        run("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", each.name)
        run("ip", "link", "set", here, "master", bridge, "up")
        run(*each.command("ip", "address", "add", f"{each.address}/24", "dev", there))
        run(*each.command("ip", "link", "set", there, "up"))
        run(*each.command("ip", "link", "set", "lo", "up"))


def _remove(*words: str) -> None:
    subprocess.run(words, capture_output=True, check=False)


def _look_for_tools() -> None:
    missing = [package for tool, package in _TOOLS.items() if shutil.which(tool) is None]
    if missing:
        words = f"the gate tests real networks: apt install {' '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    probe = f"r{os.getpid() % 0xFFFFF:x}probe"
    made = subprocess.run(
        ["ip", "netns", "add", probe], capture_output=True, text=True, check=False
    )
    try:
        why = made.stderr.strip() or _missing_feature(probe)
    finally:
        _remove("ip", "netns", "del", probe)
    if why:
        pytest.skip(f"this machine lets nobody here make network namespaces: {why}")


def _missing_feature(probe: str) -> str:
    """What the kernel does not give; empty if it gives all."""
    tried = (
        ("ip", "netns", "exec", probe, "nft", "add", "table", "inet", "probe"),
        ("ip", "-n", probe, "link", "add", "b0", "type", "bridge"),
        ("ip", "-n", probe, "link", "add", "v0", "type", "veth", "peer", "name", "v1"),
    )
    for words in tried:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{' '.join(words)}: {done.stderr.strip()}"
    return ""
