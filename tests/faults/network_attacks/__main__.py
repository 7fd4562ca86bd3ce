"""One attack as a process: `python -m tests.faults.network_attacks NAME HOST:PORT SERVER DIR S`.

It prints what it did as one line of JSON. The tests start it; by hand it attacks nothing but a node
whose client's profile one holds.
"""

import ipaddress
import json
import sys
import time
from pathlib import Path

from tests.faults.network_attacks.attacks import ATTACKS
from tests.faults.network_attacks.frames import Target


def main(name: str, address: str, server_name: str, profile: str, seconds: str) -> int:
    """Attacks for that many seconds; loopback only."""
    host, _, port = address.rpartition(":")
    if not ipaddress.ip_address(host).is_loopback:
        sys.stderr.write(f"{host} is not this machine: attacks are for loopback only\n")
        return 2
    target = Target(host, int(port), server_name, Path(profile))
    counts = ATTACKS[name](target, time.monotonic() + float(seconds))
    sys.stdout.write(json.dumps(dict(counts)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
