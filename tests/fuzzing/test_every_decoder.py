"""No malformed input crashes a decoder or changes state: every one of them, under the fuzzer.

`python -m tests.fuzzing` is the long run. What it finds is kept in corpus/ and replayed here.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from registry.errors import InvalidRequest
from registry.log import entry
from tests.counts import tell
from tests.fuzzing import campaign as campaigns
from tests.fuzzing import decoder as decoders
from tests.fuzzing.campaign import (
    CORPUS,
    Campaign,
    keep,
    kept,
    load_progress,
    replay,
    save_progress,
    shrunk,
)
from tests.fuzzing.decoder import BLOCK, Count, Decoder, judge, watched
from tests.fuzzing.mutation import read_fields, write_fields
from tests.fuzzing.rows_peers import close_store
from tests.fuzzing.table import DECODERS, LEFT_OUT, covered, readers
from tests.property.signed_samples import HEADER

INPUTS: Final = 30_000
SEED: Final = 6


@pytest.fixture(scope="module", autouse=True)
def _store() -> Iterator[None]:
    yield
    close_store()


def test_every_reader_of_outside_bytes_has_a_row() -> None:
    in_table = covered()
    missing = [name for name, each in readers() if each not in in_table and name not in LEFT_OUT]

    assert missing == []


def test_what_is_left_out_exists_and_has_no_row() -> None:
    found = dict(readers())

    assert [name for name in LEFT_OUT if name not in found] == []
    assert [name for name in LEFT_OUT if found[name] in covered()] == []


def test_a_reader_without_a_row_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_anything(data: bytes) -> bytes:
        return data

    read_anything.__module__ = entry.__name__
    monkeypatch.setattr(entry, "read_anything", read_anything, raising=False)

    assert dict(readers())["registry.log.entry.read_anything"] not in covered()


@pytest.mark.parametrize("name", DECODERS)
def test_sound_samples_are_read(name: str) -> None:
    row, count = DECODERS[name], Count()
    with watched():
        findings = [judge(row, sample, count) for sample in row.samples]

    assert findings == [None] * len(row.samples)
    assert count.accepted or name in _READ_BY_NOBODY


_READ_BY_NOBODY: Final = {"merkle proof"}
"""Its sample is a path that leads nowhere: a root with a given path would be a broken hash."""


def test_30_000_hostile_inputs_are_read_or_refused() -> None:
    campaign, began = Campaign(SEED), time.monotonic()

    campaign.run(DECODERS.values(), INPUTS)

    keep(campaign.findings.values())
    tell(
        f"fuzzing: {campaign.inputs} inputs over {len(DECODERS)} decoders in "
        f"{time.monotonic() - began:.1f} s, {len(campaign.findings)} findings"
    )
    assert campaign.inputs >= INPUTS
    assert list(campaign.findings.values()) == []


@pytest.mark.parametrize("name", DECODERS)
def test_what_was_found_once_is_refused_by_name(name: str) -> None:
    assert replay(DECODERS[name], kept(DECODERS[name])) == []


def test_every_folder_of_the_corpus_belongs_to_a_row() -> None:
    known = sum(len(kept(row)) for row in DECODERS.values())

    assert known == len(list(CORPUS.rglob("*.bin")))


# --- the fuzzer itself ----------------------------------------------------------------------------


def _breaks(data: bytes) -> None:
    if len(data) > 10 and data[3] & 0x40:
        raise KeyError(data[3])


def _never_ends(data: bytes) -> None:
    while data != b"sound":
        pass


def test_a_decoder_that_breaks_is_found_and_its_input_kept_and_replayed(tmp_path: Path) -> None:
    row = Decoder("broken", _breaks, (b"a sound sample",), (), refusals=(InvalidRequest,))
    campaign = Campaign(1)

    campaign.run([row], BLOCK)
    keep(campaign.findings.values(), tmp_path)

    assert [each.what.split(" at ")[0] for each in campaign.findings.values()] == ["KeyError"]
    assert [each.what for each in replay(row, kept(row, tmp_path))] == [
        each.what for each in campaign.findings.values()
    ]


def test_what_is_found_is_made_shorter_and_stays_the_same() -> None:
    row = Decoder("broken", _breaks, (b"",))
    (found,) = replay(row, [b"abc" + b"@" * 500])

    assert shrunk(row, found).what == found.what
    assert len(shrunk(row, found).data) < 20


def test_an_error_that_a_row_does_not_name_is_found() -> None:
    def refuses(_: bytes) -> None:
        msg = "not named by the row"
        raise InvalidRequest(msg)

    assert len(replay(Decoder("refuses", refuses, (b"",)), [b"x"])) == 1
    assert replay(Decoder("refuses", refuses, (b"",), refusals=(InvalidRequest,)), [b"x"]) == []


def test_a_decoder_that_never_ends_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "CPU_MAX_S", 0.05)
    found = replay(Decoder("endless", _never_ends, (b"sound",)), [b"anything"])

    assert [each.what.split(" at ")[0] for each in found] == ["HangError"]


def test_a_run_that_was_stopped_goes_on_with_the_same_inputs(tmp_path: Path) -> None:
    seen: list[bytes] = []
    row = Decoder("seen", seen.append, (HEADER,))
    Campaign(7).run([row], 3 * BLOCK)
    whole, seen[:] = list(seen), []

    first = Campaign(7)
    first.run([row], BLOCK)
    save_progress(tmp_path / "progress.json", first)
    Campaign(7, load_progress(tmp_path / "progress.json", 7)).run([row], 3 * BLOCK)

    assert seen == whole
    assert load_progress(tmp_path / "progress.json", 8) == {}


def test_inputs_are_shared_out_as_rows_say() -> None:
    rows = [Decoder(name, bytes, (b"",), share=share) for name, share in (("a", 1.0), ("b", 0.5))]
    fed = {r.name: (blocks - 1) * BLOCK + rest for r, blocks, rest in campaigns.shares(rows, 3000)}

    assert fed == {"a": 2000, "b": 1000}


def test_fields_of_a_message_are_written_as_they_were_read() -> None:
    assert write_fields(read_fields(HEADER)) == HEADER
