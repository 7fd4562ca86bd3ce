"""As an officer of any mechanism I see on one board what States owe to all of us: by when a reply
is due, where more time was given, what was answered and what is overdue.
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from registry.client import RegistryClient
from registry.client.casework import Filter, Obligation
from registry.client.values import Receipt
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
from registry_cli.federation import LocalNode
from tests.e2e.story_world import COE, OBSERVATORY, UN
from tests.integration.casework_world import at, does, listed, opens, place
from tests.integration.federation_world import client_of

STATE: Final = "XXD"
FAR: Final = "2999-12-31"
ON_STATE: Final = Filter(states=[STATE])


async def test_reply_is_due_in_60_days_and_later_once_more_time_was_given(
    mechanisms: dict[str, LocalNode],
) -> None:
    un, observatory = mechanisms[UN], mechanisms[OBSERVATORY]
    case_id = await opens(observatory, "A printer searched (invented)", states=(STATE,))

    # The Special Rapporteur writes to the State; nobody has to type when a reply is due.
    letter = await does(
        un,
        case_id,
        K.COMMUNICATION_SENT,
        instrument="un.ua",
        sent_date="2024-01-10",
        reply_due_date=None,
        addressee_state=STATE,
        states=[STATE],
        references=["UA XXD 7/2024"],
    )
    for node in mechanisms.values():
        (row,) = await listed(node, partial(owed, ON_STATE), lambda found: len(found) == 1)
        assert (row.due, row.is_by_clock, row.event) == ("2024-03-10", True, place(letter))
        assert row.is_overdue

    # More time is asked for and given: it is overdue no longer, on any board.
    more = await does(
        un,
        case_id,
        K.REPLY_EXTENSION_GRANTED,
        about=at(letter),
        granted_date="2024-02-20",
        reply_due_date=FAR,
    )
    for node in mechanisms.values():
        (row,) = await listed(node, partial(owed, ON_STATE), lambda found: found[0].due == FAR)
        assert (row.state, row.is_by_clock, row.is_overdue) == ("open", False, False)
    async with client_of(mechanisms[COE]) as client:
        assert [row async for row in late(ON_STATE, client)] == []

    # An acknowledgement is no reply; the reply is.
    await reply(un, case_id, about=more, kind="acknowledgement", day="2024-03-01")
    await reply(un, case_id, about=letter, kind="substantive", day="2024-03-20")
    for node in mechanisms.values():
        (row,) = await listed(node, partial(owed, ON_STATE), lambda found: found[0].met != "")
        assert (row.state, row.met) == ("met", "2024-03-20")


async def test_letter_without_an_answer_is_overdue_on_the_board_of_every_mechanism(
    mechanisms: dict[str, LocalNode],
) -> None:
    observatory, coe = mechanisms[OBSERVATORY], mechanisms[COE]
    silent = Filter(states=["XXE"])
    case_id = await opens(observatory, "A silent ministry (invented)", states=("XXE",))

    # One letter names its own day, which has passed, the other one a day that is far away.
    asked = await does(
        coe,
        case_id,
        K.COMMUNICATION_SENT,
        instrument="coe.letter",
        acting_body="coe.commissioner",
        sent_date="2024-03-01",
        reply_due_date="2024-04-30",
        addressee_state="XXE",
        states=["XXE"],
    )
    await does(
        coe,
        case_id,
        K.COMMUNICATION_SENT,
        instrument="coe.letter",
        acting_body="coe.commissioner",
        sent_date="2024-03-01",
        reply_due_date=FAR,
        addressee_state="XXE",
        states=["XXE"],
    )

    for node in mechanisms.values():
        both = await listed(node, partial(owed, silent), lambda found: len(found) == 2)
        assert [row.is_overdue for row in both] == [True, False]
        async with client_of(node) as client:
            (row,) = [row async for row in late(silent, client)]
        assert (row.event, row.mechanism, row.due) == (place(asked), COE, "2024-04-30")
        assert row.case_title == "A silent ministry (invented)"

    # A late reply ends it, and stays marked as late.
    await reply(coe, case_id, about=asked, kind="substantive", day="2024-06-01")
    for node in mechanisms.values():
        rows = await listed(node, partial(owed, silent), lambda found: found[0].met != "")
        assert (rows[0].state, rows[0].is_overdue) == ("met_late", False)
        async with client_of(node) as client:
            assert [row async for row in late(silent, client)] == []


async def reply(node: LocalNode, case_id: CaseId, *, about: Receipt, kind: str, day: str) -> None:
    await does(
        node,
        case_id,
        K.REPLY_RECEIVED,
        about=at(about),
        reply_kind=kind,
        received_date=day,
        replied_date=None,
    )


def owed(wanted: Filter, client: RegistryClient) -> AsyncIterator[Obligation]:
    return client.casework.obligations(wanted)


def late(wanted: Filter, client: RegistryClient) -> AsyncIterator[Obligation]:
    return client.casework.obligations(wanted, overdue_only=True)
