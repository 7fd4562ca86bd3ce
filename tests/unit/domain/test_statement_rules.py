"""Rules of joint statements: each refuses with the field and its own name."""

from collections.abc import Callable
from typing import Any

import pytest

from registry.domain.audience import DEFAULT_AUDIENCE, EVERYONE, OWN_ONLY, named, resolve_audience
from registry.domain.content.statement_texts import StatementText, frozen_hash
from registry.domain.decisions import check_new_event
from registry.domain.rules import KnownEvent
from registry.domain.statements import Place
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidRequest, RuleViolation
from tests.unit.domain.statement_world import HASH, TEXTS, Case, made, pointer
from tests.unit.domain.test_decisions import HELD, facts

K = EventKind
OTHER = (StatementText(language="en", text="Other words (invented)."),)


def refused(act: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(RuleViolation) as caught:
        act()
    return caught.value.field, caught.value.rule


@pytest.fixture
def case() -> Case:
    return Case()


@pytest.fixture
def draft(case: Case) -> Place:
    return case.drafts()


def test_draft_names_each_language_once(case: Case) -> None:
    twice = (TEXTS[0], TEXTS[0].model_copy(update={"text": "again"}))
    assert refused(lambda: case.drafts(texts=twice)) == ("texts", "one_text_a_language")


def test_draft_that_others_sign_has_a_title_and_a_text(case: Case) -> None:
    assert refused(lambda: case.drafts(texts=())) == ("texts", "invited_sign_a_text")
    assert refused(lambda: case.drafts(title="")) == ("title", "title_is_needed")


def test_author_is_not_invited_to_its_own_draft(case: Case) -> None:
    found = refused(lambda: case.drafts(invited=["alpha", "beta"]))
    assert found == ("invited", "invited_are_others")


@pytest.mark.parametrize(("invited", "needed"), [(["beta"], 2), (["beta", "beta"], 1), ([], 1)])
def test_no_more_must_sign_than_are_invited(case: Case, invited: list[str], needed: int) -> None:
    found = refused(lambda: case.drafts(invited=invited, needed_signatures=needed))
    assert found == ("needed_signatures", "needed_of_invited")


def test_signature_names_the_hash_of_the_frozen_texts(case: Case, draft: Place) -> None:
    wrong = ("text_hash", "signs_the_frozen_text")
    assert refused(lambda: case.signs("beta", draft, text_hash=frozen_hash(OTHER))) == wrong
    assert refused(lambda: case.signs("beta", draft, text_hash="")) == wrong
    plain = case.says("gamma", K.STATEMENT_ISSUED)
    assert refused(lambda: case.signs("beta", plain)) == wrong
    case.signs("beta", plain, text_hash="")


def test_nobody_signs_what_it_cannot_read(case: Case, draft: Place) -> None:
    case.hidden = {draft}
    assert refused(lambda: case.signs("beta", draft)) == ("about", "text_is_readable")
    case.signs("beta", draft, text_hash="")
    case.hidden = set()
    assert case.at(draft).standing == ()


def test_draft_whose_words_were_erased_is_not_issued() -> None:
    erased = facts(held=KnownEvent(K.STATEMENT_DRAFTED, None))
    content = made(K.STATEMENT_ISSUED, HELD, texts=TEXTS)
    found = refused(lambda: check_new_event(content, is_for_all=True, case=erased))
    assert found == ("about", "text_is_readable")


def test_same_mechanism_signs_once(case: Case, draft: Place) -> None:
    signed = case.signs("beta", draft)
    assert refused(lambda: case.signs("beta", draft)) == ("about", "signed_once")
    case.withdraws("beta", signed)
    case.signs("beta", draft)


def test_only_those_invited_sign_a_draft(case: Case, draft: Place) -> None:
    assert refused(lambda: case.signs("omega", draft)) == ("about", "invited_sign")
    assert refused(lambda: case.signs("alpha", draft)) == ("about", "signed_by_others")


def test_superseded_draft_is_neither_signed_nor_issued(case: Case, draft: Place) -> None:
    signed = [case.signs("beta", draft), case.signs("gamma", draft)]
    case.drafts(draft, texts=OTHER)
    gone = ("about", "draft_is_superseded")
    assert refused(lambda: case.signs("delta", draft)) == gone
    assert refused(lambda: case.issues(draft, *signed)) == gone


def test_withdrawn_draft_is_neither_signed_nor_issued(case: Case, draft: Place) -> None:
    signed = [case.signs("beta", draft), case.signs("gamma", draft)]
    case.withdraws("alpha", draft)
    gone = ("about", "statement_is_withdrawn")
    assert refused(lambda: case.signs("delta", draft)) == gone
    assert refused(lambda: case.issues(draft, *signed)) == gone


def test_correction_is_its_authors_alone(case: Case, draft: Place) -> None:
    issued = case.issues(draft, case.signs("beta", draft), case.signs("gamma", draft))
    corrected = case.records("alpha", K.STATEMENT_CORRECTED, issued, texts=OTHER, is_for_all=True)
    found = refused(lambda: case.signs("delta", corrected, text_hash=frozen_hash(OTHER)))
    assert found == ("about", "signs_a_statement")


def test_statement_is_not_issued_before_enough_have_signed(case: Case, draft: Place) -> None:
    beta = case.signs("beta", draft)
    few = ("cosignatures", "enough_signatures")
    assert refused(lambda: case.issues(draft)) == few
    assert refused(lambda: case.issues(draft, beta)) == few
    assert refused(lambda: case.issues(draft, beta, beta)) == few
    case.issues(draft, beta, case.signs("gamma", draft))


def test_statement_is_not_issued_with_signatures_that_do_not_stand(
    case: Case, draft: Place
) -> None:
    beta, gamma = case.signs("beta", draft), case.signs("gamma", draft)
    wrong = case.says("delta", K.STATEMENT_COSIGNED, draft, text_hash=frozen_hash(OTHER))
    fallen = ("cosignatures", "signature_stands")
    assert refused(lambda: case.issues(draft, beta, gamma, wrong)) == fallen
    assert refused(lambda: case.issues(draft, beta, gamma, draft)) == fallen
    case.withdraws("gamma", gamma)
    assert refused(lambda: case.issues(draft, beta, gamma)) == fallen


def test_statement_is_issued_to_the_letter(case: Case, draft: Place) -> None:
    signed = [case.signs("beta", draft), case.signs("gamma", draft)]
    other = (TEXTS[0].model_copy(update={"text": f"{TEXTS[0].text} "}), *TEXTS[1:])
    for texts in (other, TEXTS[:2], ()):
        found = refused(lambda: case.issues(draft, *signed, texts=texts))  # noqa: B023 - done in this turn
        assert found == ("texts", "issued_as_frozen")
    retitled = refused(lambda: case.issues(draft, *signed, title="Another title"))
    assert retitled == ("title", "issued_as_frozen")
    case.issues(draft, *signed, texts=tuple(reversed(TEXTS)))


def test_draft_is_issued_once_and_by_its_author(case: Case, draft: Place) -> None:
    signed = [case.signs("beta", draft), case.signs("gamma", draft)]
    fields: dict[str, Any] = {"texts": TEXTS, "cosignatures": [pointer(each) for each in signed]}
    stolen = refused(lambda: case.records("beta", K.STATEMENT_ISSUED, draft, **fields))
    assert stolen == ("about", "draft_is_own")
    case.issues(draft, *signed)
    assert refused(lambda: case.issues(draft, *signed)) == ("about", "issued_once")


def test_signatures_are_of_a_draft(case: Case, draft: Place) -> None:
    signed = pointer(case.signs("beta", draft))
    note = case.says("alpha", K.NOTE_ADDED)
    for about in (None, note):
        found = refused(
            lambda: case.records("alpha", K.STATEMENT_ISSUED, about, cosignatures=[signed])  # noqa: B023 - as above
        )
        assert found == ("cosignatures", "names_its_draft")
    case.records("alpha", K.STATEMENT_ISSUED, note, texts=OTHER)


def test_public_record_tells_a_statement_as_it_stands_there(case: Case, draft: Place) -> None:
    public: dict[str, Any] = {"basis": "public_record", "source": "an invented register"}
    case.records("alpha", K.STATEMENT_ISSUED, draft, **public)


def test_what_concerns_a_draft_stays_among_those_invited(case: Case, draft: Place) -> None:
    kept = ("audience", "draft_stays_among_invited")
    signing: dict[str, Any] = {"text_hash": HASH, "is_for_all": True}
    assert refused(lambda: case.records("beta", K.STATEMENT_COSIGNED, draft, **signing)) == kept
    signed = case.signs("beta", draft)
    assert refused(lambda: case.withdraws("beta", signed, is_for_all=True)) == kept
    assert refused(lambda: case.withdraws("alpha", draft, is_for_all=True)) == kept
    issued = case.issues(draft, signed, case.signs("gamma", draft))
    case.records("delta", K.STATEMENT_COSIGNED, issued, **signing)


def test_draft_goes_to_those_invited_and_to_nobody_else() -> None:
    content = made(K.STATEMENT_DRAFTED, None, texts=TEXTS, invited=["gamma", "beta"])

    assert resolve_audience(DEFAULT_AUDIENCE, content) == named("beta", "gamma")
    with_author = named("alpha", "beta", "gamma")
    assert resolve_audience(with_author, content, author="alpha") == with_author
    for choice in (EVERYONE, OWN_ONLY, named("beta"), named("beta", "gamma", "delta"), with_author):
        with pytest.raises(InvalidRequest, match="and to nobody else"):
            resolve_audience(choice, content)
