"""Who takes part in the story. Nothing of it is a fact: State XXA and its people do not exist."""

from collections.abc import Mapping
from typing import Any, Final

from registry.domain.audience import AudienceChoice, named
from registry.domain.content import NamedPerson, SourceIdentity
from registry_cli.federation import Mechanism

UN: Final = Mechanism("un", "United Nations (special procedures, treaty bodies, UPR)")
IACHR: Final = Mechanism("iachr", "Inter-American Commission on Human Rights")
COE: Final = Mechanism("coe-commissioner", "Council of Europe Commissioner for Human Rights")
ODIHR: Final = Mechanism("osce-odihr", "OSCE Office for Democratic Institutions and Human Rights")
OBSERVATORY: Final = Mechanism("observatory", "The Observatory (FIDH-OMCT)")
MECHANISMS: Final = (UN, IACHR, COE, ODIHR, OBSERVATORY)
BODIES: Final[Mapping[str, str]] = {
    UN.slug: "un.sr-defenders",
    IACHR.slug: "iachr",
    COE.slug: "coe.commissioner",
    ODIHR.slug: "osce.odihr",
    OBSERVATORY.slug: "obs.observatory",
}
"""Who acts, by the node that records it, unless the scene says otherwise."""

INVENTED_STATE: Final = "XXA"
DEFENDER: Final = NamedPerson(
    person_id="0d" * 16, name="Nerea Valdombra", role="defender of a river, invented"
)
"""Without a mark in the name: nodes that know it withhold texts in which its words stand."""
SOURCE: Final = SourceIdentity(name="A neighbour (invented)", contact="by hand, never by telephone")
TO_STATE: Final[Mapping[str, Any]] = {"addressee_state": INVENTED_STATE}
"""Fields of what is addressed to the State."""


def all_but(author: str) -> AudienceChoice:
    """The intergovernmental bodies, for what one of them tells the others."""
    slugs = (each.slug for each in MECHANISMS)
    return named(*(slug for slug in slugs if slug not in {author, OBSERVATORY.slug}))
