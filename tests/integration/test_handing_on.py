"""A withdrawal reaches, over real nodes, whom only a holder of the name knows to hold it."""

from typing import Any, Final

from registry.client import RegistryClient, case
from registry.domain.audience import named
from registry.domain.content import ConsentRecorded, ConsentWithdrawn, NamedPerson, StatementIssued
from registry.errors import NotFound
from registry_cli.federation import LocalNode
from tests.integration.casework_world import opens
from tests.integration.federation_world import client_of, until

_OWN: Final[dict[str, Any]] = {"acting_body": "test.desk", "basis": "own_act", "is_invented": True}
_AYO: Final = NamedPerson(person_id="d4" * 16, name="Ayo Weitergegeben")


async def test_node_that_gave_a_name_further_hands_on_its_withdrawal_by_itself(
    alpha: LocalNode, beta: LocalNode, gamma: LocalNode
) -> None:
    case_id = await opens(alpha, "A name given further (invented)")

    async def gives(client: RegistryClient, to: str) -> None:
        wish = ConsentRecorded(
            **_OWN,
            persons=(_AYO,),
            use="share_with_mechanisms",
            mechanisms=(to,),
            is_informed_of_risk=True,
            agrees=True,
            erase_on_withdrawal=True,
        )
        await client.record(f"handing-on {to} may know", case(case_id), wish, audience=named(to))
        act = StatementIssued(**_OWN, persons=(_AYO,))
        await client.record(f"handing-on {to} is told", case(case_id), act, audience=named(to))

    async def kinds_at(client: RegistryClient) -> list[tuple[str, str]]:
        """What a node can read of the case: who recorded what."""
        try:
            events = (await client.history(case(case_id))).events
        except NotFound:
            return []
        read = [(each.mechanism, each.content) for each in events if each.content is not None]
        return [(who, content.kind.name) for who, content in read]

    async with client_of(alpha) as a, client_of(beta) as b, client_of(gamma) as c:
        await gives(a, "beta")

        async def has_the_name() -> bool:
            return ("alpha", "STATEMENT_ISSUED") in await kinds_at(b)

        await until(has_the_name, "beta holds the name")
        await gives(b, "gamma")
        end = ConsentWithdrawn(**_OWN, person_id=_AYO.person_id)
        await a.record("handing-on withdrawn", case(case_id), end)

        async def is_told() -> bool:
            return ("beta", "CONSENT_WITHDRAWN") in await kinds_at(c)

        await until(is_told, "gamma is told by beta")
        assert ("alpha", "CONSENT_WITHDRAWN") not in await kinds_at(c)
        assert ("beta", "CONSENT_WITHDRAWN") not in await kinds_at(a)

        async def is_proposed() -> bool:
            return case_id in [act.case_id async for act in b.desk.pending()]

        await until(is_proposed, "beta proposes to erase what names the person")
