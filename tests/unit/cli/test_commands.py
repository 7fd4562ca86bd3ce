"""Every verb explains itself, can print JSON, and asks for what is missing before it acts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from registry.domain.content import CONTENT_BY_KIND
from registry.domain.vocabulary import kind_code
from registry.errors import FolderError, InvalidRequest, RegistryError
from registry_cli.main import app

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
VERBS_OF_THE_ISSUE = {
    "found",
    "init",
    "serve",
    "client add",
    "record",
    "case list",
    "case show",
    "case history",
    "case timeline",
    "import",
    "peers",
    "verify",
    "fsck",
    "rebuild",
    "demo",
    "bench",
}
OWN_ACT = ("--field", "acting_body=coe.commissioner", "--field", "basis=own_act")
NO_PROFILE = ("--profile", "no-such-profile")


def verbs(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every verb with its name, groups opened."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for each, below in inner.items():
        yield from verbs(below, f"{name} {each}".strip())


VERBS = dict(verbs(typer.main.get_command(app)))


def error_of(*arguments: str) -> RegistryError:
    """The error that a command line ends with."""
    result = RUNNER.invoke(app, arguments)
    assert isinstance(result.exception, RegistryError), result.output
    return result.exception


def test_verbs_of_the_issue_exist() -> None:
    assert set(VERBS) >= VERBS_OF_THE_ISSUE


@pytest.mark.parametrize("name", VERBS)
def test_verb_can_print_json(name: str) -> None:
    assert "--json" in {option for each in VERBS[name].params for option in each.opts}


@pytest.mark.parametrize("name", VERBS)
def test_verb_explains_itself_and_each_of_its_options(name: str) -> None:
    result = RUNNER.invoke(app, [*name.split(), "--help"])

    assert result.exit_code == 0
    assert VERBS[name].help
    assert [each.name for each in VERBS[name].params if not each.help] == []


def test_help_names_the_steps_and_the_exit_codes() -> None:
    told = " ".join(RUNNER.invoke(app, ["--help"]).output.split())

    assert "From nothing to a running node: init" in told
    assert "Exit status: 0 done, 1 something was found" in told


def test_version_is_told() -> None:
    assert RUNNER.invoke(app, ["--version"]).output.startswith("registry 0.")


def test_kinds_lists_every_kind_that_can_be_recorded() -> None:
    listed = json.loads(RUNNER.invoke(app, ["kinds", "--json"]).output)

    assert {each["kind"] for each in listed} == {kind_code(kind) for kind in CONTENT_BY_KIND}
    told = RUNNER.invoke(app, ["kinds"]).output
    assert all(each["kind"] in told and each["title"] in told for each in listed)


@pytest.mark.parametrize("kind", [kind_code(kind) for kind in CONTENT_BY_KIND])
def test_kinds_tells_the_fields_of_a_kind(kind: str) -> None:
    described = json.loads(RUNNER.invoke(app, ["kinds", kind, "--json"]).output)
    told = RUNNER.invoke(app, ["kinds", kind]).output

    assert described["kind"] == kind
    needed = {field["name"] for field in described["fields"] if field["is_required"]}
    assert needed >= {"acting_body", "basis"}
    before, after = told.split("may be given")
    for field in described["fields"]:
        assert f"  {field['name']} " in (before if field["is_required"] else after)
    assert "one of own_act, public_record, reported_by" in told


def test_kinds_refuses_a_kind_that_is_none() -> None:
    assert isinstance(error_of("kinds", "nonsense"), InvalidRequest)


def test_record_without_case_says_what_to_do() -> None:
    error = error_of("record", "statement_issued", *OWN_ACT, *NO_PROFILE)

    assert isinstance(error, InvalidRequest)
    assert "--case ID" in str(error)
    assert "registry case list" in str(error)


def test_record_of_an_opening_with_a_case_is_refused() -> None:
    title = ("--field", "title=x")
    error = error_of("record", "case_opened", "--case", "POL", *title, *OWN_ACT, *NO_PROFILE)

    assert isinstance(error, InvalidRequest)
    assert "leave --case out" in str(error)


def test_record_of_a_kind_that_is_none_names_the_verb_that_lists_them() -> None:
    assert "registry kinds" in str(error_of("record", "nonsense", *NO_PROFILE))


def test_record_reads_fields_from_standard_input() -> None:
    arguments = ["record", "statement_issued", "--content", "-", *NO_PROFILE]
    result = RUNNER.invoke(app, arguments, input='{"acting_body": "x", "basis": "no such basis"}')

    assert isinstance(result.exception, RegistryError)
    assert str(result.exception).startswith("basis: ")


def test_profile_that_is_none_is_told() -> None:
    assert isinstance(error_of("case", "list", *NO_PROFILE), FolderError)


def test_profile_that_was_not_given_is_asked_for() -> None:
    result = RUNNER.invoke(app, ["case", "list"])

    assert result.exit_code == 2
    assert "--profile" in result.output


def test_demo_refuses_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("mine")

    assert isinstance(error_of("demo", "--once", "--folder", str(tmp_path)), FolderError)
    assert isinstance(error_of("demo", "--once", "--folder", str(kept)), FolderError)
    assert kept.read_text() == "mine"


def test_serve_refuses_a_folder_without_a_node(tmp_path: Path) -> None:
    assert isinstance(error_of("serve", str(tmp_path)), FolderError)


def test_registry_id_that_is_none_is_refused(tmp_path: Path) -> None:
    error = error_of("join", str(tmp_path), str(tmp_path / "r"), "--registry-id", "abc")

    assert isinstance(error, InvalidRequest)
    assert "64 hexadecimal digits" in str(error)
