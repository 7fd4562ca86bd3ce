"""The page on bundles does what it says; see `test_readme_code_blocks`."""

from pathlib import Path
from typing import Final

from registry.application.membership.founding import endorse, found, init_node
from registry.application.membership.joining import join
from registry.domain.audience import OWN_ONLY
from tests.docs.test_readme_code_blocks import ROOT, check_document
from tests.unit.application.federation_in_process import open_node, opening, statement

PAGE: Final = (ROOT / "docs" / "bundles.md").read_text()
NAMES: Final = {
    "commissioner": "The Commissioner (invented)",
    "observatory": "The Observatory (invented)",
}


def founded(folder: Path) -> Path:
    """Two nodes that have never met on a network, and three events of one of them."""
    members = [
        init_node(
            folder / mechanism,
            registry_name="two.example",
            mechanism=mechanism,
            display_name=name,
            address="127.0.0.1:17633",
        )
        for mechanism, name in NAMES.items()
    ]
    roster = folder / "genesis.roster"
    roster.write_bytes(found(members))
    ids = [endorse(folder / mechanism, roster) for mechanism in NAMES]
    for mechanism, registry_id in zip(NAMES, ids, strict=True):
        join(folder / mechanism, roster, registry_id)
    node = open_node(folder, "commissioner")
    case = node.record(opening()).case_id
    node.record(statement("for all"), case)
    node.record(statement("for the Commissioner alone"), case, audience=OWN_ONLY)
    node.registry.close()
    return folder


def test_page_does_what_it_says(tmp_path: Path) -> None:
    before = f"```console\n$ cp -r '{founded(tmp_path / 'founded')}/.' .\n```\n"
    check_document(before + PAGE, tmp_path)


def test_first_page_leads_there() -> None:
    assert "docs/bundles.md" in (ROOT / "README.md").read_text()
