"""A run over all decoders: inputs shared out in blocks, findings kept, and how far it came."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.fuzzing.decoder import BLOCK, Count, Decoder, Finding, judge, run_block, watched

_TRIES_TO_SHRINK: Final = 2000
CORPUS: Final = Path(__file__).with_name("corpus")


@dataclass(slots=True)
class Campaign:
    """One run.

    Attributes:
        seed: what all inputs follow from.
        done: blocks that each decoder has had.
        counts: what became of them in this process.
        findings: one for each place where something went wrong.
    """

    seed: int
    done: dict[str, int] = field(default_factory=dict)
    counts: dict[str, Count] = field(default_factory=dict)
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)

    def run(
        self,
        decoders: Iterable[Decoder],
        inputs: int,
        after_block: Callable[[], None] | None = None,
    ) -> None:
        """Feeds `inputs` inputs in all, shared out by each row's share, from where it was left."""
        for decoder, blocks, rest in shares(list(decoders), inputs):
            count = self.counts.setdefault(decoder.name, Count())
            for block in range(self.done.get(decoder.name, 0), blocks):
                left = rest if block == blocks - 1 else BLOCK
                found = run_block(decoder, seed=self.seed, block=block, inputs=left, count=count)
                for each in found:
                    self.findings.setdefault((each.decoder, each.what), each)
                self.done[decoder.name] = block + 1
                if after_block is not None:
                    after_block()

    @property
    def inputs(self) -> int:
        """How many inputs this process has fed."""
        return sum(count.inputs for count in self.counts.values())

    def report(self) -> Iterator[str]:
        """One line for each decoder, then one for each finding."""
        for name, count in self.counts.items():
            yield (
                f"{name:<28} {count.inputs:>9} inputs, {count.accepted:>9} read, "
                f"{count.refused:>9} refused, slowest {count.slowest_s * 1000:8.1f} ms"
            )
        for each in self.findings.values():
            yield f"FOUND {each.decoder}: {each.what} ({len(each.data)} bytes, {each.file_name})"


def shares(decoders: list[Decoder], inputs: int) -> Iterator[tuple[Decoder, int, int]]:
    """Blocks for each decoder, and how many inputs the last of them has."""
    whole = sum(decoder.share for decoder in decoders)
    for decoder in decoders:
        count = max(1, -(-inputs * decoder.share // whole))
        blocks = int(-(-count // BLOCK))
        yield decoder, blocks, int(count - (blocks - 1) * BLOCK)


def load_progress(path: Path, seed: int) -> dict[str, int]:
    """Blocks that were done under this seed; none if there is no such file."""
    if not path.exists():
        return {}
    kept = json.loads(path.read_text())
    return dict(kept["done"]) if kept["seed"] == seed else {}


def save_progress(path: Path, campaign: Campaign) -> None:
    """Writes it whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.write_text(json.dumps({"seed": campaign.seed, "done": campaign.done}))
    draft.replace(path)


def keep(findings: Iterable[Finding], corpus: Path = CORPUS) -> None:
    """Puts inputs into the corpus, where the gate replays them for ever."""
    for each in findings:
        folder = corpus / each.decoder.replace(" ", "_").replace("'", "")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / each.file_name).write_bytes(each.data)


def kept(decoder: Decoder, corpus: Path = CORPUS) -> list[bytes]:
    """The inputs of a decoder in the corpus."""
    folder = corpus / decoder.name.replace(" ", "_").replace("'", "")
    return [each.read_bytes() for each in sorted(folder.glob("*.bin"))]


def shrunk(decoder: Decoder, finding: Finding) -> Finding:
    """The same finding with less input: pieces are taken out for as long as it stays the same."""
    data, size, tries = finding.data, len(finding.data) // 2, 0
    while size and tries < _TRIES_TO_SHRINK:
        for at in range(0, len(data), size):
            tries += 1
            shorter = data[:at] + data[at + size :]
            found = replay(decoder, [shorter])
            if found and found[0].what == finding.what:
                data = shorter
                break
        else:
            size //= 2
    return Finding(finding.decoder, data, finding.what)


def replay(decoder: Decoder, inputs: Iterable[bytes]) -> list[Finding]:
    """Feeds inputs that once did what none may do."""
    count = Count()
    with watched():
        found = [judge(decoder, data, count) for data in inputs]
    return [each for each in found if each is not None]
