"""The lies of the design, each with the reason by which it is refused and the test that shows it.

`fork` and `wrong_root` look alike while they are fetched (`root_mismatch`): the author's entries do
not lead to the author's checkpoint. The peer is then asked for the prefix under that checkpoint. A
fork has one and is proven; a checkpoint over no log at all has none.
"""

from typing import Final, NamedTuple


class Mutator(NamedTuple):
    """A lie: its reason code, and file and name of the test that meets it.

    `lie` is its name in `evil_peer.ENTRY_LIES` or `PART_LIES`, where it is one of those.
    """

    reason: str
    test: str
    lie: str = ""


_EVIL: Final = "unit/replication/test_evil_peer.py::"
_LIE: Final = (
    f"{_EVIL}test_a_lie_about_entries_is_refused_stores_nothing_and_disturbs_no_honest_peer"
)
_PART: Final = f"{_EVIL}test_a_lie_about_parts_is_refused_and_an_honest_answer_is_stored"
_OVER_GRPC: Final = "integration/test_lying_peers.py::"

MUTATORS: Final = {
    "fork": Mutator(
        "two_histories",
        "unit/node/test_fault_following.py::"
        "test_place_where_two_histories_part_is_found_and_proven",
    ),
    "wrong root": Mutator("root_mismatch", _LIE, "wrong_root"),
    "truncated": Mutator("truncated_stream", _LIE, "truncated"),
    "gap": Mutator("skipped_entry", _LIE, "gap"),
    "duplicate": Mutator("repeated_entry", _LIE, "duplicate"),
    "reordered": Mutator("reordered_entries", _LIE, "reordered"),
    "wrong key": Mutator("bad_note_signature", _LIE, "wrong_key"),
    "revoked key": Mutator(
        "entry_outside_roster",
        "unit/replication/test_author_faults.py::"
        "test_entry_under_a_roster_without_its_author_is_the_authors_fault",
    ),
    "stale checkpoint": Mutator("stale_checkpoint", _LIE, "stale_checkpoint"),
    "index overflow": Mutator("malformed_entry", _LIE, "index_overflow"),
    "replay from another log": Mutator("foreign_entry", _LIE, "replay_of_another_log"),
    "replay from another registry": Mutator(
        "foreign_registry_entry", _LIE, "replay_of_another_registry"
    ),
    "content that does not match its commitment": Mutator(
        "commitment_mismatch", _PART, "changed_content"
    ),
    "endless stream": Mutator(
        "empty_message",
        f"{_OVER_GRPC}test_honest_third_member_gives_the_log_while_the_liar_goes_on",
    ),
    "one byte a second": Mutator(
        "peer_unavailable",
        f"{_OVER_GRPC}test_peer_that_sends_a_byte_a_second_is_given_up_and_others_go_on",
    ),
}
"""Every lie that the design names."""
