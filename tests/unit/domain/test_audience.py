"""Who may hold what if nobody says so: data of the vocabulary, and the kinds never for all."""

import pytest

from registry.domain.audience import (
    DEFAULT_AUDIENCE,
    EVERYONE,
    OWN_ONLY,
    AudienceChoice,
    named,
    resolve_audience,
)
from registry.domain.content import CONTENT_BY_KIND, read_content
from registry.domain.vocabulary import (
    EventKind,
    default_audience_of,
    is_publishing,
    kind_code,
)
from registry.errors import InvalidRequest
from tests.unit.domain.content_examples import KINDS, least_fields

_CONFIDENTIAL_TEXT = """
    submission_received submission_updated submission_declined consent_recorded consent_withdrawn
    communication_sent reply_received petition_registered petition_decided statement_drafted
    demarche_made dialogue_raised detention_recorded reprisal_alleged note_added sealed
    followup_information
"""
_PUBLIC_TEXT = """
    case_opened statement_issued opinion_adopted legal_review_issued visit_report_published
    document_published report_published recommendation_made recommendation_response
    communication_published law_adopted
"""


@pytest.mark.parametrize("code", _CONFIDENTIAL_TEXT.split())
def test_confidential_kind_stays_with_its_author_by_default(code: str) -> None:
    assert default_audience_of(EventKind[code.upper()]) == "own"


@pytest.mark.parametrize("code", _PUBLIC_TEXT.split())
def test_public_act_is_for_all_by_default(code: str) -> None:
    assert default_audience_of(EventKind[code.upper()]) == "all"


def test_what_publishes_is_public_by_default() -> None:
    publishing = {kind for kind in EventKind if is_publishing(kind)}

    assert EventKind.STATEMENT_ISSUED in publishing
    assert EventKind.CASE_OPENED not in publishing
    assert {default_audience_of(kind) for kind in publishing} == {"all"}


@pytest.mark.parametrize("kind", KINDS, ids=kind_code)
def test_public_record_is_for_all_whatever_its_kind_but_what_is_never_for_all(
    kind: EventKind,
) -> None:
    fields = {**least_fields(kind), "basis": "public_record", "source": "somewhere"}
    content = read_content(kind, fields)
    is_named = content.is_never_for_all

    assert resolve_audience(DEFAULT_AUDIENCE, content) == (OWN_ONLY if is_named else EVERYONE)
    if is_named:
        with pytest.raises(InvalidRequest, match="never for all"):
            resolve_audience(EVERYONE, content)


@pytest.mark.parametrize("kind", KINDS, ids=kind_code)
def test_default_is_taken_only_where_nothing_was_chosen(kind: EventKind) -> None:
    content = read_content(kind, least_fields(kind))

    assert resolve_audience(DEFAULT_AUDIENCE, content).kind == default_audience_of(kind)
    assert resolve_audience(named("a"), content) == named("a")
    assert resolve_audience(OWN_ONLY, content) == OWN_ONLY
    assert CONTENT_BY_KIND[kind].is_never_for_all is kind_code(kind).startswith(
        ("consent_", "peer", "matching_")
    )


def test_choice_that_says_two_things_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        AudienceChoice("all", ("beta",))
    with pytest.raises(InvalidRequest):
        named()
