"""As an officer of the Observatory I register what a source told me about a defender, and share it
with the one mechanism that the defender agreed to; nobody else can read it, and my source stays
with me.
"""

from typing import Any, Final

import pytest

from registry.client import case
from registry.domain.audience import EVERYONE, OWN_ONLY, named
from registry.domain.content import (
    NamedPerson,
    SourceIdentity,
    SubmissionDeclined,
    SubmissionReceived,
    SubmissionUpdated,
)
from registry.domain.content.examples import example_of
from registry.domain.vocabulary import EventKind as K
from registry.errors import NotFound, RuleViolation
from registry_cli.federation import LocalNode
from tests.e2e.story_world import COE, IACHR, OBSERVATORY, UN, event_of, kinds, read_case
from tests.integration.casework_world import at, does, opens
from tests.integration.federation_world import client_of

STATE: Final = "XXS"
DEFENDER: Final = NamedPerson(person_id="5d" * 16, name="Ilse Vantongeren", role="defender")
PERSONS: Final = [DEFENDER.model_dump(mode="json")]
SOURCE: Final = "A neighbour who must not be named"
OURS: Final[dict[str, Any]] = {"states": [STATE], "acting_body": "obs.observatory"}


async def test_submission_reaches_the_mechanism_that_the_defender_agreed_to_and_no_other(
    mechanisms: dict[str, LocalNode],
) -> None:
    observatory, un = mechanisms[OBSERVATORY], mechanisms[UN]
    to_un = named(UN)

    # I open a case that all may know of, and write down who told me: here, and nowhere else.
    case_id = await opens(observatory, "A weaver threatened (invented)", states=(STATE,))
    source = SourceIdentity(name=SOURCE, contact="by hand")

    # Nobody is named before the defender agreed: the software refuses it.
    with pytest.raises(RuleViolation, match="no consent"):
        await does(
            observatory, case_id, K.SUBMISSION_RECEIVED, audience=to_un, persons=PERSONS, **OURS
        )

    # The defender was told of the risk and agrees to be named to the United Nations.
    await does(
        observatory,
        case_id,
        K.CONSENT_RECORDED,
        audience=OWN_ONLY,
        persons=PERSONS,
        use="share_with_mechanisms",
        mechanisms=[UN],
        **OURS,
    )
    with pytest.raises(RuleViolation, match=f"no consent covers {IACHR}"):
        await does(
            observatory,
            case_id,
            K.SUBMISSION_RECEIVED,
            audience=named(UN, IACHR),
            persons=PERSONS,
            **OURS,
        )
    received = await does(
        observatory,
        case_id,
        K.SUBMISSION_RECEIVED,
        audience=to_un,
        told_by=source,
        persons=PERSONS,
        title="Threats after a hearing (invented)",
        **OURS,
    )

    # The United Nations reads it, the name with it.
    seen = event_of(await read_case(un, case_id, events=3), received)
    assert isinstance(seen.content, SubmissionReceived)
    assert seen.content.persons == (DEFENDER,)

    # The others see that something was recorded, and neither what nor about whom.
    for slug in (IACHR, COE):
        history = await read_case(mechanisms[slug], case_id, events=3)
        assert kinds(history) == ["case_opened", "sealed", "sealed"]
        hidden = event_of(history, received)
        assert (hidden.content, hidden.content_state) == (None, "withheld")

    # My source is told to the officers of my node alone, and stands in nothing that left it.
    async with client_of(observatory) as client:
        assert (await client.desk.source(received.index)).name == SOURCE
    for slug in (UN, IACHR, COE):
        assert SOURCE not in repr(await read_case(mechanisms[slug], case_id, events=3))
        async with client_of(mechanisms[slug]) as client:
            with pytest.raises(NotFound):
                await client.desk.source(received.index)

    # I complete it; the United Nations says that it is not for them, and who may help.
    updated = await does(
        observatory,
        case_id,
        K.SUBMISSION_UPDATED,
        audience=to_un,
        about=at(received),
        next_step="ask for an urgent appeal",
        **OURS,
    )
    await read_case(un, case_id, events=4)
    declined = await does(
        un,
        case_id,
        K.SUBMISSION_DECLINED,
        audience=named(OBSERVATORY),
        about=at(updated),
        ground="outside_mandate",
        referred_to="iachr",
        states=[STATE],
    )
    mine = await read_case(observatory, case_id, events=5)
    answer = event_of(mine, declined).content
    assert isinstance(answer, SubmissionDeclined)
    assert (answer.ground, answer.referred_to) == ("outside_mandate", "iachr")
    assert isinstance(event_of(mine, updated).content, SubmissionUpdated)
    theirs = await read_case(mechanisms[COE], case_id, events=5)
    assert [event.content is None for event in theirs.events] == [False, True, True, True, True]

    # What everyone may hold names nobody: there is no consent to that.
    async with client_of(observatory) as client:
        preview = await client.confidentiality.preview(
            case(case_id), example_of(K.STATEMENT_ISSUED, persons=PERSONS), audience=EVERYONE
        )
    assert preview.refusals


async def test_history_of_the_sealed_case_has_one_digest_on_all_nodes(
    mechanisms: dict[str, LocalNode],
) -> None:
    observatory = mechanisms[OBSERVATORY]
    case_id = await opens(observatory, "A second matter (invented)", states=(STATE,))
    await does(observatory, case_id, K.SUBMISSION_RECEIVED, audience=named(COE), **OURS)

    digests = {(await read_case(node, case_id, events=2)).digest for node in mechanisms.values()}

    assert len(digests) == 1
