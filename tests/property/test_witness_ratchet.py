"""Whatever happens to its node, a witness cosigns no second history, and nothing it lacks."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.application.witness import Witness
from registry.domain.identifiers import LogId
from registry.log.checkpoint import Checkpoint
from registry.log.roster import Member
from registry.replication.witness import NOTHING_COSIGNED, Cosigned, Mirrored
from registry.store.values import LogState
from tests.property.witness_world import Run, root

Step: TypeAlias = tuple[str, *tuple[int | str, ...]]
BRANCHES = st.sampled_from(["left", "right"])
SIZES = st.integers(1, 9)
MIRROR = st.tuples(st.just("mirror"), st.integers(1, 3))
COSIGN = st.tuples(st.just("cosign"))
RESTORE = st.tuples(st.just("restore"), st.integers(0, 5), BRANCHES)
STEP = st.one_of(
    st.tuples(st.just("cosign_and_crash")),
    st.tuples(st.just("bring"), BRANCHES, SIZES),
    st.tuples(st.just("restart")),
    st.tuples(st.just("back_up")),
    st.tuples(st.just("lose_guard")),
    COSIGN,
    RESTORE,
)
# What must come together to do harm comes often: mirroring, cosigning, being set back.
LIFE = st.tuples(MIRROR, COSIGN, STEP).map(list) | st.tuples(MIRROR, STEP, RESTORE).map(list)
STEPS = st.lists(LIFE, min_size=1, max_size=8).map(
    lambda lives: [s for life in lives for s in life]
)


def play(folder: Path, steps: list[Step], kind: type[Witness] = Witness) -> Run:
    run = Run(folder, kind)
    try:
        for name, *arguments in steps:
            step: Callable[..., None] = getattr(run, name)
            step(*arguments)
            run.check()
    finally:
        run.witness.close()
    return run


@given(steps=STEPS)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_witness_never_contradicts_itself(tmp_path: Path, steps: list[Step]) -> None:
    play(tmp_path, steps)


# Both histories, before and after a database was set back: where a broken variant shows.
SET_BACK: list[Step] = [
    ("mirror", 2),
    ("back_up",),
    ("mirror", 3),
    ("cosign",),
    ("restore", 1, "right"),
    ("mirror", 4),
    ("cosign",),
]


def test_steps_that_break_a_broken_witness_leave_a_sound_one_alone(tmp_path: Path) -> None:
    run = play(tmp_path, SET_BACK)

    assert [each.checkpoint.size for each in run.given] == [5]


def test_lost_guard_remembers_what_others_show_though_another_history_is_held(
    tmp_path: Path,
) -> None:
    """Found by the property: what contradicted the entries held was forgotten at once."""
    steps: list[Step] = [
        *SET_BACK[:6],
        ("lose_guard",),
        ("cosign",),
        ("bring", "right", 6),
    ]
    assert [each.checkpoint.size for each in play(tmp_path, steps).given] == [5]


def test_guard_folder_that_was_lost_makes_no_new_witness(tmp_path: Path) -> None:
    """The backup is of before the first cosignature, and the guard of the log was made anew."""
    run = play(tmp_path, [("mirror", 4), ("cosign",)])
    run.folder.witness_file.unlink()
    run.folder.guard_file.write_bytes(b"")
    run.restore(0, "right")
    run.mirror(5)
    run.cosign()
    run.witness.close()

    assert [each.checkpoint.size for each in run.given] == [4]


class RatchetInTheDatabase(Witness):
    """Broken: what it has cosigned stands in the database alone, and is set back with it."""

    def _before(self, log_id: LogId) -> Cosigned:
        own = self.book.find(log_id, self._own.origin)
        return NOTHING_COSIGNED if own is None else Cosigned(*own.checkpoint[1:])

    def _sign(self, checkpoints: list[Checkpoint]) -> list:  # type: ignore[override, type-arg] # broken on purpose
        self._make_guard()
        self._guard.advance = lambda _: None  # type: ignore[method-assign, union-attr] # as above
        return super()._sign(checkpoints)


class AnswersBeforeItHasMirrored(Witness):
    """Broken: takes a proof for the entries."""

    def _mirrored(self, member: Member, state: LogState) -> Mirrored:
        sound = super()._mirrored(member, state)
        checkpoint = sound.checkpoint._replace(size=9)
        return Mirrored(checkpoint, None, lambda size: root("left", size))


def test_ratchet_that_is_set_back_with_the_database_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="two histories"):
        play(tmp_path, SET_BACK, RatchetInTheDatabase)


def test_witness_that_has_not_mirrored_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="not mirrored"):
        play(tmp_path, [("mirror", 1), ("bring", "left", 6)], AnswersBeforeItHasMirrored)
