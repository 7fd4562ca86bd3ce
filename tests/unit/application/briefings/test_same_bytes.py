"""The same logs give the same bytes, in every form and language; and every label is there."""

import ast
import re
import string
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, get_args, get_origin

import pytest

from registry.application.briefings.making import FORMS, Briefings, Form
from registry.domain.content import CONTENT_BY_KIND, ReprisalResolved
from registry.views.briefings import wording as wording_module
from registry.views.briefings.order import BriefingOrder
from registry.views.briefings.wording import LANGUAGES, Words, wording
from tests.unit.application.briefings.briefing_world import STATE, THEME, begin, brief, whole_story
from tests.unit.application.federation_in_process import Node, Nodes
from tests.unit.domain.content_examples import without_wrapping

SHOWN_BY_CODE: Final = ("change", "release", "step", "outcome", "confidence", "reply_kind")
"""Fields whose codes a briefing shows in words."""


def made(node: Node, form: Form, language: str) -> bytes:
    order = BriefingOrder(("beta", "gamma"), language=language, themes=(THEME,), states=(STATE,))
    return Briefings(node.registry).make(order, form).data


@pytest.mark.parametrize("form", FORMS)
def test_two_nodes_with_equal_logs_make_equal_briefings_whatever_their_clocks_say(
    nodes: Nodes, form: Form
) -> None:
    whole_story(nodes)
    nodes["gamma"].clock.time_ms += 400 * 24 * 3600 * 1000

    for language in LANGUAGES:
        first = made(nodes["beta"], form, language)
        assert sha256(first).digest() == sha256(made(nodes["gamma"], form, language)).digest()
        assert first == made(nodes["beta"], form, language)


def test_one_more_event_makes_another_briefing_of_other_logs(nodes: Nodes) -> None:
    whole_story(nodes)
    before = made(nodes["beta"], "md", "en")
    begin(nodes["alpha"], "Another (invented)")
    nodes.carry_all()

    assert made(nodes["beta"], "md", "en") != before


def test_briefing_is_the_same_whether_its_cases_are_folded_yet(nodes: Nodes) -> None:
    whole_story(nodes)
    beta = nodes["beta"]
    assert beta.registry.projector.lag()
    before = brief(beta, themes=(THEME,))
    while beta.registry.projector.advance().is_behind:
        pass

    assert beta.registry.projector.lag() == 0
    assert brief(beta, themes=(THEME,)) == before


def fields_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_label_with_the_same_values_in_it(language: str) -> None:
    english, other = wording("en"), wording(language)

    assert {name: set(section) for name, section in other.items()} == {
        name: set(section) for name, section in english.items()
    }
    for name, text in english["texts"].items():
        assert fields_of(other["texts"][name]) == fields_of(text), name
        assert other["texts"][name].strip() == other["texts"][name] != ""


def test_every_label_is_used_and_every_label_that_is_used_is_there() -> None:
    folder = Path(wording_module.__file__).parent
    sources = [*folder.glob("*.py"), *(folder.parents[1] / "application/briefings").glob("*.py")]
    strings = {
        node.value
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert set(wording("en")["texts"]) <= strings
    called = {
        name
        for path in sources
        for name in re.findall(r'words\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert called <= set(wording("en")["texts"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_that_a_briefing_shows_has_a_label(language: str) -> None:
    words = Words(language)
    codes = {
        code
        for model in CONTENT_BY_KIND.values()
        for name, field in model.model_fields.items()
        if name in SHOWN_BY_CODE
        and (name != "outcome" or model is ReprisalResolved)
        and get_origin(without_wrapping(field.annotation)) is Literal
        for code in get_args(without_wrapping(field.annotation))
        if code
    }
    codes |= {"reply_due", "followup_due", "report_due", "open", "met", "met_late", "superseded"}
    codes |= {"overdue", "not_assessed", "contradicted", "ambiguous", "disputed", "reply"}

    assert codes >= {"transferred", "conditional", "complaint_filed", "remedied", "alleged"}
    assert [code for code in sorted(codes) if code == words.code(code) and "_" in code] == []


def test_states_are_named_in_the_language_and_kept_as_codes_where_they_have_no_name() -> None:
    assert [Words(language).state("DEU") for language in LANGUAGES] == [
        "Germany (DEU)",
        "Allemagne (DEU)",
        "Alemania (DEU)",
    ]
    assert Words("fr").state("XXA") == "Invented State (XXA)"
    assert Words("fr").state("XXB") == "XXB"
    assert Words("es").kind("unknown_99") == "unknown_99"


def test_labels_are_in_their_language(nodes: Nodes) -> None:
    whole_story(nodes)

    told = {language: made(nodes["beta"], "md", language).decode() for language in LANGUAGES}

    assert "## Detentions" in told["en"]
    assert "## Détentions" in told["fr"]
    assert "## Detenciones" in told["es"]
    assert all("Arrest" in text for text in told.values()), "content stays as it was written"
