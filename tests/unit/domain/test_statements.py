"""Joint statements folded from a case: who has signed what, and how each statement stands."""

import hashlib

import pytest

from registry.domain.acts import Act
from registry.domain.content.statement_texts import StatementText, frozen_hash
from registry.domain.statements import mechanism_of
from registry.domain.vocabulary import EventKind
from tests.unit.domain.statement_world import HASH, OWN, TEXTS, Case, pointer

K = EventKind
OTHER_HASH = frozen_hash((StatementText(language="en", text="Other words (invented)."),))


def issued_by_two() -> tuple[Case, tuple[str, int], tuple[str, int], tuple[tuple[str, int], ...]]:
    case = Case()
    draft = case.drafts()
    signed = (case.signs("beta", draft), case.signs("gamma", draft))
    return case, draft, case.issues(draft, *signed), signed


def test_frozen_hash_is_what_its_docstring_says() -> None:
    pieces = b""
    for each in sorted(TEXTS, key=lambda each: each.language):
        for piece in (each.language.encode(), each.text.encode()):
            pieces += len(piece).to_bytes(8, "big") + piece
    expected = hashlib.sha256(b"registry/statement-texts/v1\n" + pieces).hexdigest()

    assert expected == HASH
    assert frozen_hash(reversed(TEXTS)) == HASH
    assert frozen_hash(()) == ""


def test_frozen_hash_of_one_text_is_for_ever() -> None:
    frozen = frozen_hash((StatementText(language="en", text="An invented statement."),))

    assert frozen == "1c0e8770fbe6c919e31178ddb76485da4f5a8a483cfa5346780c8f750dce1c90"


@pytest.mark.parametrize(
    "changed",
    [
        (TEXTS[0].model_copy(update={"text": TEXTS[0].text + " "}), *TEXTS[1:]),
        TEXTS[1:],
        (TEXTS[0].model_copy(update={"language": "de"}), *TEXTS[1:]),
        (
            TEXTS[0].model_copy(update={"language": "enf", "text": "r"}),
            *TEXTS[1:],
        ),
    ],
)
def test_any_other_letter_gives_another_hash(changed: tuple[StatementText, ...]) -> None:
    assert frozen_hash(changed) != HASH


def test_draft_is_ready_when_enough_different_mechanisms_have_signed() -> None:
    case = Case()
    draft = case.drafts()
    assert case.at(draft).status == "draft"
    case.signs("beta", draft)
    assert case.at(draft).status == "draft"
    case.signs("gamma", draft)

    found = case.at(draft)
    assert (found.status, found.needed, len(found.standing)) == ("ready", 2, 2)
    assert found.text_hash == HASH
    assert case.states(draft) == {"beta": "signed", "gamma": "signed"}


def test_signature_of_other_texts_never_counts() -> None:
    case = Case()
    draft = case.drafts()
    case.says("beta", K.STATEMENT_COSIGNED, draft, text_hash=OTHER_HASH)
    case.says("gamma", K.STATEMENT_COSIGNED, draft)

    assert case.states(draft) == {"beta": "not_counted", "gamma": "not_counted"}
    assert case.at(draft).standing == ()
    case.signs("beta", draft)
    assert case.states(draft)["beta"] == "signed"


def test_one_mechanism_counts_once_also_from_a_later_log() -> None:
    case = Case()
    draft = case.drafts()
    first = case.signs("beta", draft)
    case.says("beta", K.STATEMENT_COSIGNED, draft, text_hash=HASH)
    case.says("beta", K.STATEMENT_COSIGNED, draft, text_hash=HASH, epoch=2)

    found = case.at(draft)
    assert [each.place for each in found.signatures] == [first]
    assert found.status == "draft"


def test_who_was_not_invited_or_wrote_it_is_not_counted() -> None:
    case = Case()
    draft = case.drafts()
    case.says("omega", K.STATEMENT_COSIGNED, draft, text_hash=HASH)
    case.says("alpha", K.STATEMENT_COSIGNED, draft, text_hash=HASH)

    assert case.states(draft) == {"omega": "not_counted"}


def test_new_draft_supersedes_the_old_one_and_starts_without_signatures() -> None:
    case = Case()
    first = case.drafts()
    case.signs("beta", first)
    changed = (TEXTS[0].model_copy(update={"text": "We are alarmed (invented)."}),)
    second = case.drafts(first, texts=changed)

    old, new = case.at(first), case.at(second)
    assert (old.status, old.superseded_by) == ("superseded", second)
    assert (new.status, new.signatures) == ("draft", ())
    assert old.text_hash == HASH != new.text_hash


def test_draft_of_another_mechanism_about_it_supersedes_nothing() -> None:
    case = Case()
    draft = case.drafts()
    other = case.says("beta", K.STATEMENT_DRAFTED, draft, texts=TEXTS[:1], invited=["alpha"])
    assert case.at(draft).status == "draft"
    assert case.at(other).superseded_by is None
    assert len(case.statements()) == 2


def test_issued_statement_shows_who_signed_and_who_joined_later() -> None:
    case, draft, issued, _ = issued_by_two()
    assert case.at(draft).status == "issued"
    assert case.at(issued) == case.at(draft)

    case.signs("delta", issued, cosigned_date="2026-12-03")
    case.signs("omega", issued)

    assert case.states(issued) == {
        "beta": "signed",
        "gamma": "signed",
        "delta": "late",
        "omega": "late",
    }
    late = next(each for each in case.at(issued).signatures if each.mechanism == "delta")
    assert late.date == "2026-12-03"
    assert len(case.at(issued).standing) == 4


def test_signature_withdrawn_before_the_issue_counts_no_more_until_it_is_given_again() -> None:
    case = Case()
    draft = case.drafts()
    signed = case.signs("beta", draft)
    case.signs("gamma", draft)
    case.withdraws("beta", signed, withdrawn_date="2026-12-01")

    assert case.at(draft).status == "draft"
    (beta,) = [each for each in case.at(draft).signatures if each.mechanism == "beta"]
    assert (beta.state, beta.withdrawn_date) == ("withdrawn", "2026-12-01")
    case.signs("beta", draft)
    assert case.at(draft).status == "ready"


def test_signature_withdrawn_after_the_issue_is_shown_so_and_the_statement_stands() -> None:
    case, _draft, issued, (beta, _) = issued_by_two()
    case.withdraws("beta", beta, is_for_all=True)

    assert case.at(issued).status == "issued"
    assert case.states(issued) == {"beta": "withdrawn", "gamma": "signed"}


def test_nobody_withdraws_the_signature_of_another() -> None:
    case, _draft, issued, (beta, _) = issued_by_two()
    case.says("omega", K.STATEMENT_WITHDRAWN, beta)
    case.says("omega", K.STATEMENT_WITHDRAWN, issued)

    assert case.states(issued)["beta"] == "signed"
    assert case.at(issued).status == "issued"


def test_author_withdraws_its_statement_and_it_is_still_shown() -> None:
    case, _draft, issued, _ = issued_by_two()
    case.withdraws("alpha", issued, is_for_all=True)

    assert case.at(issued).status == "withdrawn"
    assert case.at(issued).texts == TEXTS


def test_correction_supersedes_and_both_are_kept() -> None:
    case, _draft, issued, _ = issued_by_two()
    first = case.records(
        "alpha", K.STATEMENT_CORRECTED, issued, correction="the date", is_for_all=True
    )
    second = case.records("alpha", K.STATEMENT_CORRECTED, first, texts=TEXTS[:1], is_for_all=True)

    found = case.at(issued)
    assert (found.status, found.superseded_by) == ("superseded", second)
    assert [each.place for each in found.corrections] == [first, second]
    assert found.texts == TEXTS
    assert case.at(second) == found
    case.withdraws("alpha", second, is_for_all=True)
    assert case.at(issued).superseded_by == first


def test_issued_statement_stands_until_the_draft_about_it_is_issued_too() -> None:
    case, _draft, issued, _ = issued_by_two()
    second = case.drafts(issued, texts=TEXTS[:1], invited=["beta"], needed_signatures=1)
    assert case.at(issued).status == "issued"
    signed = case.signs("beta", second, text_hash=frozen_hash(TEXTS[:1]))
    case.issues(second, signed, texts=TEXTS[:1])

    assert case.at(issued).superseded_by == second
    assert case.at(second).status == "issued"


def test_who_was_not_invited_sees_the_names_that_the_author_gives() -> None:
    case, draft, issued, (beta, gamma) = issued_by_two()
    late = case.signs("delta", issued)
    case.hidden = {draft, beta, gamma}

    found = case.at(issued)
    assert (found.draft, found.status, found.invited, found.needed) == (None, "issued", (), 0)
    assert case.states(issued) == {"beta": "named", "gamma": "named", "delta": "late"}
    assert found.text_hash == HASH
    assert late in found.sources
    case.says("beta", K.STATEMENT_WITHDRAWN, beta)
    assert case.states(issued)["beta"] == "withdrawn"


def test_signature_that_the_author_names_and_nobody_gave_is_not_counted() -> None:
    case = Case()
    draft = case.drafts()
    note = case.says("beta", K.NOTE_ADDED)
    case.says("gamma", K.STATEMENT_COSIGNED, draft, text_hash=OTHER_HASH)
    issued = case.says(
        "alpha",
        K.STATEMENT_ISSUED,
        draft,
        texts=TEXTS,
        cosignatures=[pointer(note), pointer(("testing.example/gamma/1", 0))],
    )

    assert case.states(issued) == {"beta": "not_counted", "gamma": "not_counted"}


def test_issue_with_other_texts_than_its_draft_stands_alone() -> None:
    case = Case()
    draft = case.drafts()
    signed = case.signs("beta", draft)
    issued = case.says(
        "alpha", K.STATEMENT_ISSUED, draft, texts=TEXTS[:1], cosignatures=[pointer(signed)]
    )

    assert len(case.statements()) == 2
    assert case.at(draft).issued is None
    assert case.states(issued) == {"beta": "not_counted"}


def test_draft_that_another_mechanism_issues_is_not_issued_by_that() -> None:
    case = Case()
    draft = case.drafts()
    issued = case.says("beta", K.STATEMENT_ISSUED, draft, texts=TEXTS)

    assert case.at(draft).status == "draft"
    assert case.at(issued).act.mechanism == "beta"


def test_plain_statement_is_listed_too() -> None:
    case = Case()
    place = case.says("beta", K.STATEMENT_ISSUED)

    (found,) = case.statements()
    assert (found.act.place, found.text_hash, found.status) == (place, "", "issued")


def test_order_of_acts_of_others_does_not_change_who_signed() -> None:
    case, _draft, issued, _ = issued_by_two()
    case.signs("delta", issued)
    acts: list[Act] = sorted(case.acts, key=lambda act: (act.mechanism, act.index))
    other = Case()
    other.acts = acts

    assert other.states(issued) == case.states(issued)


def test_mechanism_of_a_log_is_the_part_before_its_epoch() -> None:
    assert mechanism_of("testing.example/coe-commissioner/2") == "coe-commissioner"
    assert mechanism_of("nonsense") == ""
    assert OWN["basis"] == "own_act"


def test_transcription_neither_signs_nor_issues_texts() -> None:
    case = Case()
    draft = case.drafts()
    record = {"basis": "public_record", "source": "a register (invented)"}
    case.says("beta", K.STATEMENT_COSIGNED, draft, text_hash=HASH, **record)
    issued = case.says("alpha", K.STATEMENT_ISSUED, draft, texts=TEXTS, **record)

    assert case.states(draft) == {"beta": "not_counted"}
    assert case.at(draft).issued is None
    assert case.at(issued).act.place == issued


def test_issue_under_another_title_than_its_draft_stands_alone_without_signatures() -> None:
    case = Case()
    draft = case.drafts()
    signed = case.signs("beta", draft)
    issued = case.says(
        "alpha",
        K.STATEMENT_ISSUED,
        draft,
        texts=TEXTS,
        cosignatures=[pointer(signed)],
        title="All mechanisms condemn (invented)",
    )

    assert case.at(draft).issued is None
    assert case.states(issued) == {"beta": "not_counted"}


def test_signature_of_another_statement_with_the_same_texts_is_not_counted() -> None:
    case, draft, first, signed = issued_by_two()
    late = case.signs("delta", first)
    again = case.says("alpha", K.STATEMENT_DRAFTED, texts=TEXTS, invited=["omega"])
    issued = case.says(
        "alpha", K.STATEMENT_ISSUED, again, texts=TEXTS, cosignatures=[pointer(late)]
    )
    case.hidden = {draft, again, *signed}

    assert case.states(first)["delta"] == "late"
    assert case.states(issued) == {"delta": "not_counted"}


def test_signature_of_a_draft_that_cannot_be_looked_at_counts_for_its_issue() -> None:
    case, draft, issued, (beta, gamma) = issued_by_two()
    case.hidden = {draft, gamma}

    assert case.states(issued) == {"beta": "signed", "gamma": "named"}
    assert beta in {each.place for each in case.at(issued).signatures}


def test_who_signed_twice_and_withdraws_one_of_them_stands_by_neither() -> None:
    case = Case()
    draft = case.drafts()
    first = case.signs("beta", draft)
    case.says("beta", K.STATEMENT_COSIGNED, draft, text_hash=HASH)
    case.withdraws("beta", first)

    assert case.states(draft) == {"beta": "withdrawn"}
    case.signs("beta", draft)
    assert case.states(draft) == {"beta": "signed"}


def test_texts_are_hashed_once_however_many_signatures_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = Case()
    draft = case.drafts()
    for _ in range(100):
        case.says("beta", K.STATEMENT_COSIGNED, draft, text_hash=OTHER_HASH)
    hashed: list[object] = []

    def counted(texts: tuple[StatementText, ...]) -> str:
        hashed.append(texts)
        return frozen_hash(texts)

    monkeypatch.setattr("registry.domain.statements.frozen_hash", counted)
    case.statements()

    assert len(hashed) == 1
