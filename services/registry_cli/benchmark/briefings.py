"""How long briefings over many cases take, from the call to the last byte of the file."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

from registry.client import RegistryClient
from registry.client.casework import Filter
from registry.client.meetings import BRIEFING_FORMATS, BriefingOrder

_TIMEOUT_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class BriefingFigures:
    """One briefing: seconds, and the size of the file in bytes."""

    took_s: float
    size: int


async def measure_briefings(
    client: RegistryClient, reader: str, *, state: str, theme: str
) -> Mapping[str, BriefingFigures]:
    """Makes briefings on a theme in each form, on a State, and on everything that the node holds.

    Args:
        client: of the node.
        reader: slug of the mechanism that reads it; one that may see everything.
        state: alpha-3.
        theme: its code.
    """
    scopes: dict[str, dict[str, Any]] = {
        f"briefing on a theme, {form}": {"wanted": Filter(themes=[theme]), "form": form}
        for form in BRIEFING_FORMATS
    }
    scopes["briefing on a State, pdf"] = {"wanted": Filter(states=[state]), "form": "pdf"}
    scopes["briefing on everything, pdf"] = {"wanted": Filter(), "form": "pdf"}
    figures = {}
    for name, scope in scopes.items():
        order = BriefingOrder((reader,), scope["wanted"])
        started = perf_counter()
        data = await client.meetings.briefing(order, scope["form"], timeout_s=_TIMEOUT_S)
        figures[name] = BriefingFigures(round(perf_counter() - started, 2), len(data))
    return figures
