"""Proposals of links, found from either case: how they stand is read from the logs when asked."""

from collections.abc import Iterable
from typing import Final

from registry.log.links import LinkProposal
from registry.store.read_models import Document
from registry.views.acts import place_key
from registry.views.case_file import CaseHistory
from registry.views.rows import LinkRow, encode_row

VIEW: Final = "link"


def link_documents(history: CaseHistory) -> Iterable[Document]:
    """One document for each proposal in a case."""
    for event in history.events:
        if isinstance(event.link, LinkProposal):
            yield Document(
                view=VIEW,
                key=place_key(event.origin, event.index),
                sort=f"{event.recorded_ms:015}",
                row=encode_row(LinkRow(event.origin, event.index)),
                facets=(
                    ("case", history.case_id.hex()),
                    ("case", event.link.other_case_id.hex()),
                ),
            )
