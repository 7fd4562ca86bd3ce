"""Composes a briefing: what it stands for, its sections, what is withheld, and its citations.

Everything follows from the material alone, so that two nodes that hold the same logs write the same
bytes: no clock, no randomness, no name of the node that made it.
"""

from typing import Final

from registry.domain.mechanisms import Profiles
from registry.log.digest import node_digest
from registry.views.briefings.asked import overdue, recommendations
from registry.views.briefings.document import (
    Block,
    Column,
    Document,
    Facts,
    Paragraph,
    Sources,
    Table,
)
from registry.views.briefings.figures import figures
from registry.views.briefings.gatherings import meetings
from registry.views.briefings.ground import CitationBook, Ground
from registry.views.briefings.persons import detentions, reprisals
from registry.views.briefings.statements import statements
from registry.views.briefings.timelines import in_order, timelines
from registry.views.briefings.told import Material, newest_day
from registry.views.briefings.wording import Words

_SHORT: Final = 16
_SECTIONS: Final = (
    figures,
    timelines,
    overdue,
    recommendations,
    detentions,
    reprisals,
    statements,
    meetings,
)
_VECTOR: Final = (
    Column("column_log", 3),
    Column("column_size", 0, "number"),
    Column("column_root", 5, "code"),
)


def compose(material: Material, profiles: Profiles) -> Document:
    """Makes the document.

    Args:
        material: acts that all recipients may see.
        profiles: the mechanisms' clocks.
    """
    order = material.order
    words = Words(order.language)
    as_of = order.as_of or newest_day(material.cases)
    cases = tuple(case.until(as_of) for case in material.cases) if as_of else material.cases
    ground = Ground(
        words=words,
        book=CitationBook({p: leaf for case in cases for p, leaf in case.leaf_hashes.items()}),
        order=order,
        cases=in_order(tuple(case for case in cases if case.told)),
        as_of=as_of,
        profiles=profiles,
    )
    told = sorted(ground.cases, key=lambda case: case.case_id)
    digest = node_digest([(case.case_id, case.digest) for case in told]).hex()
    body = [block for section in _SECTIONS for block in section(ground)]
    blocks = (
        *_beginning(ground, material, digest),
        *body,
        *_withheld(ground),
        *_end(ground),
    )
    return Document(
        language=order.language,
        title=words("title"),
        subtitle=_subtitle(ground),
        running=words("running", day=as_of or words("undated"), digest=digest[:_SHORT]),
        page_of=words("page_of", page="{page}", pages="{pages}"),
        day=as_of,
        blocks=blocks,
    )


def _subtitle(ground: Ground) -> str:
    order, words = ground.order, ground.words
    return " · ".join(
        (
            ground.themes(order.themes) or words("all_themes"),
            ground.states(order.states) or words("all_states"),
            _period(ground),
        )
    )


def _period(ground: Ground) -> str:
    order, words = ground.order, ground.words
    if not order.since and not order.until:
        return words("period_all")
    if not order.until:
        return words("period_since", since=order.since)
    if not order.since:
        return words("period_until", until=order.until)
    return words("period_between", since=order.since, until=order.until)


def _beginning(ground: Ground, material: Material, digest: str) -> tuple[Block, ...]:
    """What the briefing stands for: scope, recipients, and the logs as they were."""
    words, order = ground.words, ground.order
    recipients = ", ".join(f"{each.name} ({each.slug})" for each in material.recipients)
    facts = (
        (words("fact_recipients"), recipients),
        (words("fact_themes"), ground.themes(order.themes) or words("all_themes")),
        (words("fact_states"), ground.states(order.states) or words("all_states")),
        (words("fact_period"), _period(ground)),
        (words("fact_as_of"), ground.as_of or words("undated")),
        (words("fact_digest"), digest),
    )
    invented: tuple[Block, ...] = ()
    if any(case.is_invented for case in ground.cases):
        is_all = all(case.is_invented for case in ground.cases)
        told = words("all_invented") if is_all else words("some_invented")
        invented = (Paragraph(told, is_warning=True),)
    columns = tuple(each._replace(title=words(each.title)) for each in _VECTOR)
    vector = tuple((place.origin, str(place.size), place.root.hex()) for place in material.vector)
    return (
        *invented,
        Paragraph(words("for_recipients_only"), is_warning=True),
        Facts(facts),
        ground.section("stands_for"),
        Paragraph(words("stands_for_text")),
        Table(columns, vector),
    )


def _withheld(ground: Ground) -> tuple[Block, ...]:
    """How much the recipients are not told of the cases that they are told of."""
    words = ground.words
    return (
        ground.section("withheld"),
        Paragraph(words("withheld_text")),
        Facts(
            (
                (words("withheld_events"), str(sum(case.withheld for case in ground.cases))),
                (words("withheld_names"), str(sum(case.names_taken_out for case in ground.cases))),
            )
        ),
    )


def _end(ground: Ground) -> tuple[Block, ...]:
    """The citations, and how to check one."""
    words = ground.words
    return (
        ground.section("citations"),
        Paragraph(words("citations_text")),
        Sources(ground.book.sources()),
    )
