"""What is recorded of a statement that was read: its hash, its place, its audience."""

from dataclasses import replace

import pytest

from registry.client.casework import EventPlace
from registry.client.statements import (
    ShownStatement,
    Signature,
    Statement,
    audience_of,
    correction_of,
    cosignature_of,
    issue_of,
    withdrawal_of,
)
from registry.domain.audience import EVERYONE, named
from registry.domain.content import StatementCosigned, StatementIssued, StatementWithdrawn
from registry.domain.content.statement_texts import StatementText, frozen_hash
from registry.domain.identifiers import CaseId
from registry.errors import InvalidContent, InvalidRequest

TEXTS = (StatementText(language="en", text="Invented words."),)
HASH = frozen_hash(TEXTS)
DRAFT = EventPlace("testing/alpha/1", 3)
SIGNED = Signature("beta", EventPlace("testing/beta/1", 1), "signed", "2026-12-01", 1, "")
STATEMENT = Statement(
    case_id=CaseId(b"c" * 16),
    event=DRAFT,
    mechanism="alpha",
    body="test.desk",
    instrument="un.press",
    date="2026-12-01",
    recorded_ms=1,
    title="Joint (invented)",
    states=("EGY",),
    themes=(),
    status="ready",
    is_sealed=False,
    text_hash=HASH,
    languages=("en",),
    invited=("beta", "gamma"),
    needed=1,
    signatures=(SIGNED,),
    standing=1,
    issued=None,
    release_ms=0,
    superseded_by=None,
    replaces=None,
    corrections=0,
    withdrawn_date="",
    is_invented=True,
)
SHOWN = ShownStatement(STATEMENT, TEXTS, ())
ISSUED = replace(STATEMENT, status="issued", issued=EventPlace("testing/alpha/1", 9))


def test_signature_names_the_hash_of_the_texts_that_were_read() -> None:
    act = cosignature_of(SHOWN, body="test.beta", date="2026-12-02", text_hash=HASH.upper())

    assert isinstance(act.content, StatementCosigned)
    assert act.content.text_hash == HASH
    assert act.content.about is not None
    assert act.content.about.index == DRAFT.index
    assert act.audience == named("alpha", "beta", "gamma")


@pytest.mark.parametrize("typed", ["", HASH[:8], HASH[:63], "0" * 64, f"{HASH}0"])
def test_nothing_is_signed_under_another_hash_than_that_of_what_was_read(typed: str) -> None:
    with pytest.raises(InvalidRequest, match="other texts"):
        cosignature_of(SHOWN, body="test.beta", date="", text_hash=typed)


def test_node_that_shows_a_hash_of_other_texts_is_not_believed() -> None:
    lying = replace(SHOWN, texts=(StatementText(language="en", text="Other words."),))
    with pytest.raises(InvalidRequest, match="other texts"):
        cosignature_of(lying, body="test.beta", date="", text_hash=HASH)


def test_what_is_said_of_an_issued_statement_is_about_its_issue_and_for_everyone() -> None:
    act = cosignature_of(replace(SHOWN, statement=ISSUED), body="b", date="", text_hash=HASH)

    assert act.content.about is not None
    assert act.content.about.index == 9
    assert act.audience == EVERYONE == audience_of(ISSUED)


def test_issue_repeats_the_texts_and_names_the_signatures_that_stand() -> None:
    fallen = replace(SIGNED, mechanism="gamma", state="withdrawn")
    of = replace(STATEMENT, signatures=(SIGNED, fallen))
    act = issue_of(replace(SHOWN, statement=of), date="2026-12-03")

    assert isinstance(act.content, StatementIssued)
    assert (act.content.title, act.content.texts) == (STATEMENT.title, TEXTS)
    assert [(c.origin, c.index) for c in act.content.cosignatures] == [("testing/beta/1", 1)]
    assert act.audience == EVERYONE
    assert of.missing == ("gamma",)


def test_author_withdraws_its_statement_and_a_signer_its_signature() -> None:
    own = withdrawal_of(SHOWN, own="alpha", body="", date="")
    signer = withdrawal_of(SHOWN, own="beta", body="test.beta", date="")

    for act, index in ((own, DRAFT.index), (signer, SIGNED.event.index)):
        assert isinstance(act.content, StatementWithdrawn)
        assert act.content.about is not None
        assert act.content.about.index == index
    with pytest.raises(InvalidRequest, match="gamma has no signature"):
        withdrawal_of(SHOWN, own="gamma", body="test.gamma", date="")


def test_what_breaks_a_rule_of_the_kind_is_refused_by_field() -> None:
    with pytest.raises(InvalidContent, match="acting_body"):
        cosignature_of(SHOWN, body="No Code", date="", text_hash=HASH)
    with pytest.raises(InvalidContent, match="corrected_date"):
        correction_of(SHOWN, date="tomorrow", correction="")
