"""Files as clients download them: whole at audience nodes, not found at all others."""

import io
from collections.abc import Mapping

import pytest

from registry.errors import NotFound
from tests.confidentiality.canaries import PlannedEvent
from tests.confidentiality.tapped_federation import Federation, Place


async def download_all(federation: Federation, events: Mapping[Place, PlannedEvent]) -> None:
    """Asks each node for every file."""
    for slug in federation.nodes:
        async with federation.client(slug) as client:
            for place, event in events.items():
                if not place[2]:
                    continue
                asked = (f"testing/{event.author}/1", place[1], place[2])
                if slug in event.audience:
                    file = io.BytesIO()
                    await client.attachments.download(*asked, file)
                    assert file.getvalue() == event.file
                else:
                    with pytest.raises(NotFound):
                        await client.attachments.download(*asked, io.BytesIO())
