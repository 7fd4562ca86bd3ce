"""Imports: once whatever happens, in the file's order, and everything that stayed out is told."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest

from registry.client import RegistryClient
from registry.domain.register_mapping import RegisterMapping, load_mapping, sample_register
from registry.errors import (
    NotAllowed,
    PeerUnavailable,
    RegistryError,
    RuleViolation,
    StorageError,
    UnknownCaller,
)
from registry_cli.importing import ImportReport, import_register
from tests.unit.domain.mapping_example import MAPPING
from tests.unit.importing.fake_node import FakeNode, failing_from

COLUMNS = ["answer", "by", "date", "no", "part", "states", "tags", "type"]
SHIPPED = ["coe_commissioner", "un_treaty_bodies", "upr_defenders"]


class Register:
    """A small register in a file, imported into a fake node."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.node = FakeNode()
        self.progress: list[tuple[int, int]] = []

    def write(self, *rows: str) -> None:
        """Writes rows `no|type|states|date`."""
        lines = [",".join(COLUMNS)]
        for row in rows:
            no, kind, states, date = row.split("|")
            lines.append(f",,{date},{no},,{states},,{kind}")
        self.path.write_text("\n".join(lines))

    async def take(
        self, mapping: RegisterMapping = MAPPING, path: Path | None = None
    ) -> ImportReport:
        client = cast("RegistryClient", self.node)
        self.progress.clear()
        return await import_register(
            client, mapping, path or self.path, lambda done, of: self.progress.append((done, of))
        )


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return Register(tmp_path / "register.csv")


def told(report: ImportReport) -> list[tuple[int, str]]:
    return [(each.line, str(each.reason)) for each in report.rejected]


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.rows, report.rows_taken, report.events_added, report.events_known


def many(count: int) -> Sequence[str]:
    places = ["", "Poland", "XXA;Poland", "XKX"]
    return [f"{n}|Press|{places[n % 4]}|2010" for n in range(1, count + 1)]


async def test_rows_go_to_the_situations_of_their_states_or_to_the_case_of_the_register(
    register: Register,
) -> None:
    register.write("1|Press||", "2|Press|Poland;XXA|", "3|Press||")

    report = await register.take()

    assert counts(report) == (3, 3, 4, 0)
    assert sorted((each.request_id, each.state) for each in register.node.log) == [
        ("small:1::1", ""),
        ("small:2::1", "POL"),
        ("small:2::2", "XXA"),
        ("small:3::1", ""),
        ("small:case", ""),
    ]


async def test_what_cannot_be_taken_is_told_by_line_and_reason_and_the_rest_goes_in(
    register: Register,
) -> None:
    register.write(
        "1|Press|Yugoslavia|",
        "2|Press|Poland;Atlantis|",
        "3|Poem||",
        "4|Press||31 Feb 2010",
        "|Press||",
        "6|Press||2010",
    )
    register.path.write_text(register.path.read_text() + "\n,,short")

    report = await register.take()

    assert counts(report) == (7, 2, 2, 0)
    assert told(report) == [
        (2, "state_no_longer_exists"),
        (3, "state_unknown"),
        (4, "value_unknown"),
        (5, "date_unreadable"),
        (6, "key_missing"),
        (8, "row_malformed"),
    ]
    assert all(each.detail for each in report.rejected)


async def test_register_that_is_imported_twice_adds_nothing(register: Register) -> None:
    register.write(*many(100))
    first = await register.take()
    log = list(register.node.log)

    second = await register.take()

    assert counts(first) == (100, 100, 125, 0)
    assert counts(second) == (100, 100, 0, 125)
    assert register.node.log == log
    assert not second.rejected


@pytest.mark.parametrize("start", [0, 1, 31, 32, 77, 124])
async def test_import_that_was_interrupted_is_completed_by_the_next(
    register: Register, start: int
) -> None:
    register.write(*many(100))
    register.node.failure = failing_from(start, PeerUnavailable("gone"))
    with pytest.raises(PeerUnavailable, match="gone"):
        await register.take()
    assert register.node.running == 0
    before = len(register.node.log)
    register.node.failure = lambda _: None

    report = await register.take()

    assert before <= start
    assert report.events_added + report.events_known == 125
    assert len(register.node.log) == len({e.request_id for e in register.node.log}) == 126


@pytest.mark.parametrize(
    "changed",
    [
        "1|Press|Poland|2011",
        "1|View|Poland|2010",
        "1|Press|XXA|2010",
        "1|Press|Hungary|2010",
        "1|Press|Hungary;Poland|2010",
        "1|Press|Poland;XXA|2010",
        "1|Press||2010",
    ],
)
async def test_same_key_with_other_facts_is_told_and_adds_nothing(
    register: Register, changed: str
) -> None:
    register.write("1|Press|Poland|2010", "2|Press|Poland|2010")
    await register.take()
    register.write(changed, "2|Press|Poland|2010")

    report = await register.take()

    assert told(report) == [(2, "other_facts_for_key")]
    assert "small:1:" in report.rejected[0].detail
    assert counts(report) == (2, 1, 0, 1)
    assert [each.request_id for each in register.node.log if each.request_id != "small:case"] == [
        "small:1::1",
        "small:2::1",
    ]


@pytest.mark.parametrize("changed", ["1|Press|Poland|2010", "1|Press||2010", "1|Press|XXA|2010"])
async def test_state_that_a_row_no_longer_names_is_told(register: Register, changed: str) -> None:
    register.write("1|Press|Poland;XXA|2010")
    await register.take()
    register.write(changed)

    report = await register.take()

    assert told(report) == [(2, "other_facts_for_key")]
    assert [each.state for each in register.node.log if each.state] == ["POL", "XXA"]


async def test_states_in_another_order_are_the_same_facts(register: Register) -> None:
    register.write("1|Press|Poland;XXA|2010")
    await register.take()
    register.write("1|Press|XXA; POL|2010")

    assert counts(await register.take()) == (1, 1, 0, 2)


@pytest.mark.parametrize("turns", [lambda _: 0, lambda n: 9 - n % 10, lambda n: n % 3])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1|Press|Poland|2010", "1|Press|Poland|2011"),
        ("1|Press|Poland;XXA|2010", "1|Press|XXA|2010"),
        ("1|Press|XXA|2010", "1|Press|Poland;XXA|2010"),
        ("1|Press||2010", "1|Press|Poland|2010"),
        ("1|Press|Poland|2010", "1|Press||2010"),
    ],
)
async def test_of_two_rows_with_one_key_in_a_page_the_first_is_taken(
    register: Register, first: str, second: str, turns: Callable[[int], int]
) -> None:
    register.write("0|Press||2010", first, second, "2|Press||2010")
    register.node.turns = turns

    report = await register.take()

    assert told(report) == [(4, "other_facts_for_key")]
    assert report.rows_taken == 3
    states = sorted(e.state for e in register.node.log if e.request_id.startswith("small:1:"))
    named = first.split("|")[2].replace("Poland", "POL").split(";")
    assert states == sorted(named)


async def test_equal_row_in_the_same_file_adds_nothing(register: Register) -> None:
    register.write("1|Press|Poland|2010", "1|Press|Poland|2010")

    assert counts(await register.take()) == (2, 2, 1, 1)


async def test_case_of_the_register_is_opened_once_and_only_if_it_is_needed(
    register: Register,
) -> None:
    register.write(*(f"{n}|Press||" for n in range(80)))
    await register.take()
    assert register.node.calls.count("small:case") == 1

    register.node.calls.clear()
    register.write("1|Press|Poland|")
    await register.take()
    assert "small:case" not in register.node.calls


async def test_row_that_breaks_a_rule_of_the_domain_is_told_and_the_rest_goes_in(
    register: Register,
) -> None:
    mapping = load_mapping("un_treaty_bodies")
    with sample_register(mapping).open(encoding="utf-8") as file:
        lines = file.readlines()
    register.path.write_text("".join([lines[0], lines[195], lines[196]]))

    report = await register.take(mapping)

    assert told(report) == [(2, "rule_violation")]
    assert "adopted_date 1986-03-26 lies before submitted_date 1993-08-08" in (
        report.rejected[0].detail
    )
    assert report.rows_taken == 1


async def test_refusal_of_the_node_is_told_and_the_rest_goes_in(register: Register) -> None:
    register.write("1|Press|Poland;XXA|", "2|Press|Poland|")
    register.node.failure = lambda n: RuleViolation("not here") if n == 0 else None

    report = await register.take()

    assert told(report) == [(2, "rule_violation")]
    assert report.rejected[0].detail == "not here"
    assert counts(report) == (2, 2, 2, 0)


async def test_case_that_cannot_be_opened_is_told_for_each_of_its_rows(register: Register) -> None:
    register.write("1|Press||", "2|Press|Poland|", "3|Press||")

    def refuse_the_case(number: int) -> RegistryError | None:
        is_case = register.node.calls[number] == "small:case"
        return RuleViolation("no such thing") if is_case else None

    register.node.failure = refuse_the_case

    report = await register.take()

    assert told(report) == [(2, "rule_violation"), (4, "rule_violation")]
    assert report.rows_taken == 1


@pytest.mark.parametrize("error", [NotAllowed("no"), UnknownCaller("who"), StorageError("disk")])
async def test_error_that_every_row_would_meet_ends_the_import(
    register: Register, error: RegistryError
) -> None:
    register.write(*many(100))
    register.node.failure = failing_from(10, error)

    with pytest.raises(type(error)) as caught:
        await register.take()

    assert caught.value is error
    assert len(register.node.calls) < 60


async def test_mistake_of_our_own_is_not_hidden(register: Register) -> None:
    register.write("1|Press|Poland|")
    register.node.failure = lambda _: ZeroDivisionError("ours")

    with pytest.raises(ExceptionGroup) as caught:
        await register.take()

    assert caught.group_contains(ZeroDivisionError)


async def test_no_more_than_32_rows_are_under_way(register: Register) -> None:
    register.write(*(f"{n}|Press|Poland|" for n in range(100)))
    register.node.turns = lambda _: 5

    await register.take()

    assert register.node.most_running == 32


async def test_progress_is_told_to_the_end(register: Register) -> None:
    register.write(*many(70))

    await register.take()

    assert register.progress == [(32, 70), (64, 70), (70, 70)]


async def test_register_without_rows_is_imported(register: Register) -> None:
    register.write()

    report = await register.take()

    assert counts(report) == (0, 0, 0, 0)
    assert register.progress == []


async def test_three_real_registers_go_in_and_again_add_nothing(register: Register) -> None:
    """What is taken and what is reported together cover every row of the three files."""
    expected = {
        "coe_commissioner": ((1346, 1345, 1354, 1), [(666, "other_facts_for_key")]),
        "un_treaty_bodies": (
            (1022, 1018, 1047, 0),
            [
                *((line, "state_no_longer_exists") for line in (56, 86, 98)),
                (196, "rule_violation"),  # adopted seven years before it was submitted
                (993, "other_facts_for_key"),
            ],
        ),
        "upr_defenders": ((1196, 1196, 1196, 0), [(123, "state_unknown")]),
    }
    for again in (False, True):
        for name in SHIPPED:
            mapping = load_mapping(name)
            report = await register.take(mapping, sample_register(mapping))
            (rows, taken, added, known), rejected = expected[name]

            assert told(report) == rejected
            assert counts(report) == (
                (rows, taken, 0, added + known) if again else (rows, taken, added, known)
            )
    assert len(register.node.log) == 1354 + 1047 + 1196 + 1  # and the one case without States
