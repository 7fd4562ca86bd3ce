"""A joint statement: who is not invited is sent no byte of it before its time."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from registry.client import case
from registry.client.casework import EventPlace
from registry.client.statements import cosignature_of, issue_of
from registry.domain.audience import EVERYONE
from registry.domain.content import StatementDrafted
from registry.domain.content.statement_texts import StatementText
from registry.domain.identifiers import CaseId
from registry.errors import NotFound
from tests.confidentiality.scanning import Scan, files_of
from tests.confidentiality.tapped_federation import Federation, tapped
from tests.integration.federation_world import opened, until

AUTHOR, SIGNER, OUTSIDER = SLUGS = ("alpha", "beta", "gamma")
WORDS: Final = "canary-of-the-words-7d51f09b4ac2"
TITLE: Final = "canary-of-the-title-93e0d6aa17bc"
SIGNING_BODY: Final = "canary.signing-body-5b7f21c4de80"
_RELEASE_AFTER_MS: Final = 4_000


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    with tapped(tmp_path_factory.mktemp("statements"), *SLUGS) as running:
        yield running


def sent_to(federation: Federation, slug: str, *secrets: str) -> set[str]:
    """Which of the secrets were sent to a node, or lie on its disk in clear."""
    scan = Scan((secret, secret.encode()) for secret in secrets)
    found = scan.in_pieces(slug, federation.taps.received_by(slug))
    found |= scan.in_files(files_of(Path(federation.nodes[slug].folder)))
    return {each.label for each in found}


async def drafted_and_signed(federation: Federation) -> tuple[CaseId, EventPlace]:
    async with federation.client(AUTHOR) as author, federation.client(SIGNER) as signer:
        case_id = (
            await author.open_case("one", opened("One (invented)"), audience=EVERYONE)
        ).case_id
        content = StatementDrafted(
            title=TITLE,
            acting_body="test.desk",
            basis="own_act",
            is_invented=True,
            texts=(StatementText(language="en", text=WORDS),),
            invited=(SIGNER,),
            needed_signatures=1,
        )
        receipt = await author.record("draft", case(case_id), content)
        place = EventPlace(receipt.origin, receipt.index)

        async def is_signed() -> bool:
            try:
                read = await signer.statements.show(place)
            except NotFound:
                return False
            of = read.statement
            act = cosignature_of(read, body=SIGNING_BODY, date="", text_hash=of.text_hash)
            await signer.record("sign", case(case_id), act.content, audience=act.audience)
            return True

        await until(is_signed, "the signer has signed")

        async def is_ready() -> bool:
            return (await author.statements.show(place)).statement.status == "ready"

        await until(is_ready, "the author knows the signature")
    return case_id, place


async def issued(federation: Federation, case_id: CaseId, draft: EventPlace) -> EventPlace:
    async with federation.client(AUTHOR) as author:
        act = issue_of(await author.statements.show(draft), date="")
        opens_ms = time.time_ns() // 1_000_000 + _RELEASE_AFTER_MS
        receipt = await author.record(
            "issue", case(case_id), act.content, audience=act.audience, not_before_ms=opens_ms
        )
    return EventPlace(receipt.origin, receipt.index)


async def until_at_outsider(
    federation: Federation, case_id: CaseId, count: int, state: str
) -> None:
    async with federation.client(OUTSIDER) as outsider:

        async def is_so() -> bool:
            try:
                events = (await outsider.history(case(case_id))).events
            except NotFound:
                return False
            return len(events) == count and events[-1].content_state == state

        await until(is_so, f"the outsider holds {count} events, the last one {state}")


async def told_by_outsider(federation: Federation, place: EventPlace) -> str:
    async with federation.client(OUTSIDER) as outsider:
        rows = [each async for each in outsider.statements.list_statements()]
        try:
            return repr((rows, await outsider.statements.show(place)))
        except NotFound:
            return repr(rows)


def test_outsider_is_sent_no_byte_of_a_statement_before_its_time(federation: Federation) -> None:
    case_id, draft = asyncio.run(drafted_and_signed(federation))
    asyncio.run(until_at_outsider(federation, case_id, 3, "withheld"))
    assert sent_to(federation, OUTSIDER, WORDS, TITLE, SIGNING_BODY) == set()
    # The control: the scan sees what the two told each other.
    assert sent_to(federation, SIGNER, WORDS, TITLE) == {WORDS, TITLE}
    assert sent_to(federation, AUTHOR, SIGNING_BODY) == {SIGNING_BODY}

    place = asyncio.run(issued(federation, case_id, draft))
    asyncio.run(until_at_outsider(federation, case_id, 4, "embargoed"))
    assert sent_to(federation, OUTSIDER, WORDS, TITLE, SIGNING_BODY) == set()
    assert WORDS not in asyncio.run(told_by_outsider(federation, place))

    asyncio.run(until_at_outsider(federation, case_id, 4, "present"))
    # Its words go to all at its time; who has signed is told by its author, not by the signature.
    assert sent_to(federation, OUTSIDER, WORDS, TITLE, SIGNING_BODY) == {WORDS, TITLE}
    told = asyncio.run(told_by_outsider(federation, place))
    assert WORDS in told
    assert SIGNING_BODY not in told
    assert "state='named'" in told
