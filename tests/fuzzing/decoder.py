"""One decoder under the fuzzer: how it is called, what it may refuse with, and how a run judges it.

A decoder reads the bytes or refuses them with an error that it names. Whatever else happens is a
finding: another exception, an accepted input that breaks a rule of its row (a canonical form that
does not read back as the same bytes), or an input that takes longer than `CPU_MAX_S`.
"""

import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from time import perf_counter
from typing import Any, Final

from registry.errors import RegistryError
from tests.fuzzing.mutation import Form, Mutator

CPU_MAX_S: Final = 5.0
"""Of this process, for one input: a hundred times what the slowest sound one takes."""
BLOCK: Final = 500
"""Inputs that are made from one seed: a long run goes on at the next block."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """One row of the table.

    Attributes:
        name: of the row; also of its folder in the corpus.
        read: takes the bytes; asserts what must hold of what is accepted.
        samples: sound inputs.
        covers: the functions that it reaches, which the table's own test wants to know.
        form: what the samples are written in.
        refusals: the errors that may come out; each one must have a reason of its own.
        share: of the inputs that other rows get; less for a slow one.
    """

    name: str
    read: Callable[[bytes], object]
    samples: Sequence[bytes]
    covers: tuple[Callable[..., Any], ...] = ()
    form: Form = Form.BYTES
    refusals: tuple[type[RegistryError], ...] = ()
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that did what no input may do."""

    decoder: str
    data: bytes
    what: str

    @property
    def file_name(self) -> str:
        """Under which it is kept in the corpus."""
        return f"{sha256(self.data).hexdigest()[:16]}.bin"


@dataclass(slots=True)
class Count:
    """What became of the inputs of one decoder."""

    accepted: int = 0
    refused: int = 0
    slowest_s: float = 0.0

    @property
    def inputs(self) -> int:
        """All of them."""
        return self.accepted + self.refused


class HangError(Exception):
    """An input took too long."""


@contextmanager
def watched() -> Iterator[None]:
    """Turns a decoder that does not come back into an error; CPU time, so that load is no fault."""

    def stop(*_: object) -> None:
        msg = f"more than {CPU_MAX_S} s of CPU time"
        raise HangError(msg)

    before = signal.signal(signal.SIGVTALRM, stop)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def judge(decoder: Decoder, data: bytes, count: Count) -> Finding | None:
    """Feeds one input; `watched` must be in force."""
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_MAX_S)
    started = perf_counter()
    try:
        decoder.read(data)
    except decoder.refusals:
        count.refused += 1
    except Exception as error:  # noqa: BLE001 - any other one is what is looked for
        count.refused += 1
        return Finding(decoder.name, data, _told(error))
    else:
        count.accepted += 1
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        count.slowest_s = max(count.slowest_s, perf_counter() - started)
    return None


def run_block(
    decoder: Decoder, *, seed: int, block: int, inputs: int, count: Count
) -> list[Finding]:
    """Feeds up to `BLOCK` inputs that follow from the seed and the number of the block."""
    mutator = Mutator(Random(f"{seed}/{decoder.name}/{block}"), decoder.samples, decoder.form)
    found: dict[str, Finding] = {}
    with watched():
        for _ in range(min(inputs, BLOCK)):
            finding = judge(decoder, mutator.make(), count)
            if finding is not None:
                found.setdefault(finding.what, finding)
    return list(found.values())


def _told(error: BaseException) -> str:
    """The error and where it came from; two findings at one place are one."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if "/registry" in each.filename or "/tests/" in each.filename]
    last = (ours or frames)[-1]
    place = f"{last.filename.rpartition('/')[2]}:{last.lineno}"
    return f"{type(error).__name__} at {place}"
