"""What the data-protection page says, held against the code: it must not lag behind."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import typer.main

from registry.application.folder import NodeFolder
from registry.domain.content import CONTENT_BY_KIND
from registry.domain.embargo import EMBARGO_LONGEST_MS
from registry.domain.vocabulary import default_audience_of, kind_code
from registry.format.v1 import event_pb2
from registry_cli.main import app
from registry_node.metrics.listing import LABELS
from registry_node.settings import NodeSettings

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
PAGE: Final = (DOCS / "data-protection.md").read_text()
HEADER_FIELDS_IN_WORDS: Final = {
    "version": "",
    "registry_id": "",
    "log_id": "| log, place, time |",
    "index": "| log, place, time |",
    "roster_version": "",
    "case_id": "| case id, 16 bytes |",
    "kind": "| kind |",
    "time_ms": "| log, place, time |",
    "refs": "| refs |",
    "parts": "| commitment |",
    "audience": "| audience |",
    "request_id": "| request id |",
    "control": "| control |",
}
"""The row of each field of a header; empty = it tells nothing of a case."""
LABELS_OF_METRICS_IN_WORDS: Final = {
    "database": "sizes of databases",
    "grpc_code": "how it ended",
    "grpc_method": "how often which call reached this node",
    "grpc_service": "how often which call reached this node",
    "grpc_type": "how often which call reached this node",
    "log": "how much each log holds",
    "peer": "which members there are, which are connected",
    "reason": "why what peers sent was refused",
    "state": "is frozen",
    "version": "version",
}
"""What the page says of each label that a metric may have."""


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}")[1].split("\n## ")[0]


def test_every_file_of_the_nodes_folder_has_its_place_in_the_table() -> None:
    folder = NodeFolder(Path("/node"))
    paths = [
        getattr(folder, name)
        for name, member in vars(NodeFolder).items()
        if isinstance(member, property) and name not in {"origin", "mechanism"}
    ]
    named = [path.relative_to("/node") for path in paths]
    assert len(named) > 8
    ephemeral = {"node.lock", "clients.lock", "keys/node.key.next"}
    table = section("What is kept where")
    for path in named:
        assert str(path) in ephemeral or f"`{path}" in table, path


def test_whoever_reads_the_metrics_learns_what_the_page_says() -> None:
    rows = section("If X is taken").splitlines()
    (row,) = [each for each in rows if each.startswith("| what the [metrics]")]
    assert set(LABELS) == set(LABELS_OF_METRICS_IN_WORDS)
    assert all(words in row.split("|")[2] for words in LABELS_OF_METRICS_IN_WORDS.values())
    assert "(metrics.md)" in section("What is kept where")


def test_every_setting_that_opens_metrics_stands_on_the_page_and_is_not_denied() -> None:
    settings = [name for name in NodeSettings.model_fields if name.startswith("metrics_")]
    assert "metrics_listen" in settings
    assert NodeSettings.model_fields["metrics_listen"].default == ""
    for name in settings:
        assert f"`REGISTRY_NODE_{name.upper()}" in section("If X is taken"), name
    assert "etrics" not in section("What is not in this version")


def test_every_field_of_a_header_is_explained() -> None:
    fields = [field.name for field in event_pb2.EventHeader.DESCRIPTOR.fields]
    assert set(fields) == set(HEADER_FIELDS_IN_WORDS)
    table = section("What a header still tells every member")
    assert all(row in table for row in HEADER_FIELDS_IN_WORDS.values())


@pytest.mark.parametrize(("choice", "row"), [("all", "all members"), ("own", "the author alone")])
def test_default_audiences_are_those_of_the_vocabulary(choice: str, row: str) -> None:
    found = re.search(rf"^\| {row} \| (.*) \|$", PAGE, re.MULTILINE)
    assert found is not None
    expected = {kind_code(k) for k in CONTENT_BY_KIND if default_audience_of(k) == choice}
    assert set(re.findall("`([a-z_]+)`", found[1])) == expected


def test_commands_of_the_page_exist_with_their_options() -> None:
    commands = re.findall(r"`registry ([a-z][^`]*)`", PAGE)
    assert len(commands) >= 4
    root = typer.main.get_command(app)
    for text in commands:
        command: Any = root
        words = text.split()
        while words and hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, text


def test_rows_of_a_table_have_as_many_cells_as_its_head() -> None:
    for text in (PAGE, (DOCS / "dpia-template.md").read_text()):
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            assert len({row.count("|") for row in table.splitlines()}) == 1, table


def test_longest_embargo_is_told() -> None:
    assert EMBARGO_LONGEST_MS // (365 * 24 * 3600 * 1000) == 10
    assert "ten\nyears" in section("Embargo") or "ten years" in section("Embargo")


def test_links_of_both_pages_lead_somewhere() -> None:
    for page in ("data-protection.md", "dpia-template.md"):
        links = re.findall(r"\]\(([^)#]+)\)", (DOCS / page).read_text())
        assert links, page
        assert all((DOCS / link).exists() for link in links), page
