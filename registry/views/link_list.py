"""Proposals of links, found from either case: how they stand is read from the logs when asked."""

from collections.abc import Iterable
from typing import Final

from registry.domain.identifiers import LogId
from registry.domain.vocabulary import kind_code
from registry.log.links import LINK_KINDS, LinkProposal
from registry.store.read_models import Document
from registry.views.acts import place_key, place_of_time
from registry.views.case_file import CaseHistory
from registry.views.rows import LinkRow, encode_row

VIEW: Final = "link"
_LINK_CODES: Final = frozenset(kind_code(kind) for kind in LINK_KINDS)


def link_documents(history: CaseHistory) -> Iterable[Document]:
    """One document for each proposal in a case by who had taken part in it before."""
    first_acts: dict[LogId, int] = {}
    for event in history.events:
        if event.kind not in _LINK_CODES:
            first = first_acts.get(event.log_id, event.index)
            first_acts[event.log_id] = min(first, event.index)
    for event in history.events:
        has_taken_part = first_acts.get(event.log_id, event.index) < event.index
        if isinstance(event.link, LinkProposal) and has_taken_part:
            yield Document(
                view=VIEW,
                key=place_key(event.origin, event.index),
                sort=place_of_time(event.recorded_ms),
                row=encode_row(LinkRow(event.origin, event.index)),
                facets=(
                    ("case", history.case_id.hex()),
                    ("case", event.link.other_case_id.hex()),
                ),
            )
