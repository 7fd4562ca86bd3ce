"""A peer that lies about another member's log, over real gRPC with a member's real key.

The author is down and the liar is the only one to ask. Each lie is refused for its own reason and
leaves the victim's logs as they were; an honest third member still gives the log.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Final

import pytest

from registry.api.v1 import replication_pb2 as pb
from registry.application.recording import RecordCommand
from registry_cli.federation import LocalNode
from tests.integration.federation_world import (
    client_of,
    found,
    opened,
    sizes_at,
    start_all,
    stop_all,
    until,
    until_equal,
    until_refused,
)
from tests.integration.lying_peer import (
    GARBAGE,
    Lie,
    LyingPeer,
    Messages,
    Script,
    TrueLog,
    changed_part,
    flipped,
    lying,
    one_message,
    read_log,
    signed_by_a_stranger,
    slow_line,
    with_note,
)
from tests.integration.parts_world import open_registry

EVENTS: Final = 20


@dataclass(frozen=True)
class Stage:
    """author's log is held by itself and by relay; victim holds nothing; liar is played by us."""

    author: LocalNode
    liar: LocalNode
    relay: LocalNode
    victim: LocalNode
    log: TrueLog
    smaller_note: bytes
    branch: TrueLog
    other_log: TrueLog
    other_registry_log: TrueLog

    def true_script(self) -> Script:
        return Script(heads=((self.log.log_id, self.log.note),), entries=self.log.messages)


def record(node: LocalNode, count: int, *, first: int = 0) -> None:
    registry = open_registry(node)
    try:
        registry.open_log()
        for number in range(first, first + count):
            content = opened(f"Case {number} of {node.mechanism.slug} (invented)")
            registry.record(RecordCommand(f"case-{number}", "", None, content)).result()
    finally:
        registry.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("stage")
    nodes = found(folder / "one", "author", "liar", "relay", "victim")
    author, liar, relay, victim = nodes
    strangers = found(folder / "two", "author", "liar")
    record(author, EVENTS - 5)
    smaller_note = read_log(author).note
    # The same keys write two histories from here on.
    other_self = replace(author, folder=folder / "other_self")
    shutil.copytree(author.folder, other_self.folder)
    record(author, 5, first=EVENTS - 5)
    record(other_self, 7, first=2 * EVENTS)
    record(liar, EVENTS)
    record(strangers[0], EVENTS)
    try:
        start_all([author, relay])
        asyncio.run(until_equal([author, relay], case_count=EVENTS))
    finally:
        stop_all([author, relay])
    return Stage(
        author=author,
        liar=liar,
        relay=relay,
        victim=victim,
        log=read_log(author),
        smaller_note=smaller_note,
        branch=read_log(other_self),
        other_log=read_log(liar),
        other_registry_log=read_log(strangers[0]),
    )


@pytest.fixture
async def victim(stage: Stage) -> AsyncIterator[LocalNode]:
    """The victim, freshly started: nobody has a past with it."""
    stage.victim.start()
    try:
        await stage.victim.wait_until_open()
        yield stage.victim
    finally:
        stage.victim.kill()


def shuffled(log: TrueLog) -> Messages:
    entries = list(log.entries)
    entries[3], entries[4] = entries[4], entries[3]
    return one_message(log, entries)


LIES: Final[dict[str, tuple[str, Lie]]] = {
    "changed_entry": (
        "bad_entry_signature",
        lambda log: one_message(log, [flipped(log.entries[0], -70), *log.entries[1:]]),
    ),
    "entry_left_out_at_the_end": (
        "root_mismatch",
        lambda log: one_message(log, log.entries[:-1]),
    ),
    "entry_left_out_in_the_middle": (
        "skipped_entry",
        lambda log: one_message(log, [*log.entries[:5], *log.entries[6:]]),
    ),
    "reordered_entries": ("reordered_entries", shuffled),
    "replayed_entry": (
        "repeated_entry",
        lambda log: one_message(log, [*log.entries[:5], log.entries[4], *log.entries[5:-1]]),
    ),
    "stream_without_entries": ("truncated_stream", lambda _log: []),
    "bytes_that_are_no_message": ("malformed_entry", lambda _log: [GARBAGE]),
}


@pytest.mark.parametrize("lie", LIES)
async def test_lie_is_refused_for_its_reason_and_nothing_is_stored(
    stage: Stage, victim: LocalNode, lie: str
) -> None:
    reason, tell = LIES[lie]
    before = await sizes_at(victim)
    script = replace(stage.true_script(), entries=tell(stage.log))
    async with lying(stage.liar, victim, script):
        await until_refused(victim, "liar", reason)
    assert await sizes_at(victim) == before == dict.fromkeys(before, 0)


def foreign_log(stage: Stage) -> Script:
    return replace(stage.true_script(), entries=one_message(stage.log, stage.other_log.entries))


def foreign_registry(stage: Stage) -> Script:
    entries = stage.other_registry_log.entries
    return replace(stage.true_script(), entries=one_message(stage.log, entries))


def foreign_note(stage: Stage) -> Script:
    entries = with_note(stage.log, stage.other_log.note)
    return replace(stage.true_script(), entries=entries)


def stale_note(stage: Stage) -> Script:
    entries = with_note(stage.log, stage.smaller_note)
    return replace(stage.true_script(), entries=entries)


def head_of_a_stranger(stage: Stage) -> Script:
    note = signed_by_a_stranger(stage.log, "testing/author/1")
    return replace(stage.true_script(), heads=((stage.log.log_id, note),))


def garbage_for_a_head(stage: Stage) -> Script:
    return replace(stage.true_script(), raw_heads=(GARBAGE,))


@pytest.mark.parametrize(
    ("reason", "script"),
    [
        ("foreign_entry", foreign_log),
        ("foreign_registry_entry", foreign_registry),
        ("foreign_note", foreign_note),
        ("stale_checkpoint", stale_note),
        ("bad_note_signature", head_of_a_stranger),
        ("malformed_entry", garbage_for_a_head),
    ],
)
async def test_foreign_and_stale_answers_are_refused_and_nothing_is_stored(
    stage: Stage, victim: LocalNode, reason: str, script: Callable[[Stage], Script]
) -> None:
    async with lying(stage.liar, victim, script(stage)):
        await until_refused(victim, "liar", reason)
    assert set((await sizes_at(victim)).values()) == {0}


async def test_true_answers_of_the_same_server_are_taken(stage: Stage, victim: LocalNode) -> None:
    """The control: what is refused above is refused for the lie."""
    script = replace(stage.true_script(), parts=stage.log.parts)
    async with lying(stage.liar, victim, script):

        async def is_complete() -> bool:
            async with client_of(victim) as client:
                logs = {log.mechanism: log for log in (await client.node_status()).logs}
            return logs["author"].size == EVENTS and logs["author"].parts_wanted == 0

        await until(is_complete, "the whole log with its content at the victim")
    stage.victim.kill()
    forget_everything(stage.victim)


async def test_honest_relay_of_a_dishonest_authors_other_history_is_not_dropped(
    stage: Stage, hasty_victim: LocalNode
) -> None:
    async with lying(stage.liar, hasty_victim, stage.true_script()):

        async def holds_one_history() -> bool:
            return (await sizes_at(hasty_victim))["author"] == EVENTS

        await until(holds_one_history, "one of the two histories at the victim")
    branch = stage.branch
    entries = branch.entries[EVENTS:]
    message = pb.GetEntriesResponse(start=EVENTS, entries=entries, checkpoint=branch.note)
    script = Script(heads=((branch.log_id, branch.note),), entries=[message])
    seen = []
    async with lying(stage.liar, hasty_victim, script) as relay:

        async def has_met_the_other() -> bool:
            async with client_of(hasty_victim) as client:
                peers = {peer.mechanism: peer for peer in await client.peers()}
            seen.append(peers["liar"])
            return peers["liar"].last_error.startswith("root_mismatch:")

        await until(has_met_the_other, "the victim has met the other history")
        assert seen[-1].is_connected, "the relay is no liar"
        assert relay.asked_entries == 1
    assert (await sizes_at(hasty_victim))["author"] == EVENTS


async def test_source_that_failed_once_is_asked_again_though_nothing_new_happens(
    stage: Stage, hasty_victim: LocalNode
) -> None:
    script = replace(stage.true_script(), delay_s=600.0)
    async with lying(stage.liar, hasty_victim, script) as peer:
        await until_cancelled(peer)
        peer.script = stage.true_script()

        async def has_all() -> bool:
            return (await sizes_at(hasty_victim))["author"] == EVENTS

        await until(has_all, "the whole log, without a new head or stream")
        assert peer.asked_entries > 1


def forget_everything(node: LocalNode) -> None:
    """Puts a node that wrote nothing itself back to its first day."""
    for file in node.folder.glob("*.db*"):
        file.unlink()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes that are started give a call to a peer one second."""
    monkeypatch.setenv("REGISTRY_NODE_CALL_TIMEOUT_S", "1")


@pytest.fixture
async def hasty_victim(impatient: None, stage: Stage) -> AsyncIterator[LocalNode]:
    stage.victim.start()
    try:
        await stage.victim.wait_until_open()
        yield stage.victim
    finally:
        stage.victim.kill()
        forget_everything(stage.victim)


async def until_cancelled(peer: LyingPeer) -> None:
    async def is_cancelled() -> bool:
        return peer.cancelled > 0

    await until(is_cancelled, "the stalled stream is cancelled")


async def test_silent_peer_is_given_up_and_its_stream_cancelled(
    stage: Stage, hasty_victim: LocalNode
) -> None:
    script = replace(stage.true_script(), delay_s=600.0)
    async with lying(stage.liar, hasty_victim, script) as peer:
        await until_refused(hasty_victim, "liar", "peer_unavailable")
        await until_cancelled(peer)
    assert set((await sizes_at(hasty_victim)).values()) == {0}


async def test_wrong_content_is_refused_and_the_liar_left_alone(
    stage: Stage, hasty_victim: LocalNode
) -> None:
    parts = tuple(changed_part(part) for part in stage.log.parts)
    async with lying(stage.liar, hasty_victim, replace(stage.true_script(), parts=parts)):
        await until_refused(hasty_victim, "liar", "commitment_mismatch")

        async def has_all_entries_and_no_content() -> bool:
            async with client_of(hasty_victim) as client:
                logs = {log.mechanism: log for log in (await client.node_status()).logs}
            assert logs["author"].parts_wanted == logs["author"].size
            return logs["author"].size == EVENTS

        # The first wrong part may come before the last entries: they are taken all the same.
        await until(has_all_entries_and_no_content, "all entries are held, and no content")


async def test_peer_that_sends_a_byte_a_second_is_given_up_and_others_go_on(
    stage: Stage, hasty_victim: LocalNode
) -> None:
    async with (
        slow_line(stage.liar.address) as line,
        lying(stage.liar, hasty_victim, stage.true_script(), line=line) as peer,
    ):
        await until_refused(hasty_victim, "liar", "peer_unavailable")
        assert set((await sizes_at(hasty_victim)).values()) == {0}
        assert peer.asked_entries > 0
        stage.relay.start()
        try:
            await until_equal([stage.relay, hasty_victim], case_count=EVENTS)
        finally:
            stage.relay.kill()


@pytest.mark.parametrize("lie", ["changed_entry", "silence", "wrong_parts", "endless"])
async def test_honest_third_member_gives_the_log_while_the_liar_goes_on(
    stage: Stage, hasty_victim: LocalNode, lie: str
) -> None:
    true = replace(stage.true_script(), parts=stage.log.parts)
    script = {
        "changed_entry": replace(true, entries=LIES["changed_entry"][1](stage.log)),
        "silence": replace(true, delay_s=600.0),
        "wrong_parts": replace(true, parts=tuple(map(changed_part, stage.log.parts))),
        "endless": replace(true, entries=one_message(stage.log, []), is_endless=True),
    }[lie]
    async with lying(stage.liar, hasty_victim, script):
        reasons = {"silence": "peer_unavailable", "wrong_parts": "commitment_mismatch"}
        reasons |= {"changed_entry": "bad_entry_signature", "endless": "empty_message"}
        await until_refused(hasty_victim, "liar", reasons[lie])
        stage.relay.start()
        try:
            await until_equal([stage.relay, hasty_victim], case_count=EVENTS)

            async def has_content() -> bool:
                async with client_of(hasty_victim) as client:
                    logs = {log.mechanism: log for log in (await client.node_status()).logs}
                return logs["author"].parts_wanted == 0

            await until(has_content, "the content from the honest member")
        finally:
            stage.relay.kill()
