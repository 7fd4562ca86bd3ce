"""Rules of joint statements, applied at the author's node only, before it signs.

1. A draft that others are to sign carries its texts, one for each language, and says how many of
   those invited must sign.
2. A signature names the hash of the texts that it signs. Before the issue those invited sign; after
   it any other mechanism may join. Nobody signs twice, or what is withdrawn or superseded.
3. A draft is issued by its own mechanism, once, with its title and texts as they are frozen, and
   with as many standing signatures of different mechanisms as it needs.
4. Until it is issued nothing of it is for others than its author and those invited.

What is transcribed from a public record is told as it stands there, and signs and issues nothing.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final, NoReturn

from registry.domain.acts import Act, place_of
from registry.domain.content import (
    ActContent,
    StatementCorrected,
    StatementCosigned,
    StatementDrafted,
    StatementIssued,
)
from registry.domain.content.statement_texts import StatementTexts, frozen_hash
from registry.domain.rules import CaseFacts
from registry.domain.statements import Place, Statement, mechanism_of, statements_of, texts_of
from registry.domain.vocabulary import EventKind
from registry.errors import RuleViolation

K = EventKind
_KEPT_AMONG_INVITED: Final = frozenset(
    {K.STATEMENT_COSIGNED, K.STATEMENT_CORRECTED, K.STATEMENT_WITHDRAWN}
)


def check_statement(content: ActContent, case: CaseFacts, *, is_for_all: bool) -> None:
    """Applies the rules of joint statements.

    Raises:
        RuleViolation: rules `one_text_a_language`, `title_is_needed`, `invited_sign_a_text`,
            `invited_are_others`, `needed_of_invited`, `text_is_readable`, `signs_the_frozen_text`,
            `signed_by_others`, `signs_a_statement`, `statement_is_withdrawn`,
            `draft_is_superseded`, `invited_sign`, `signed_once`, `names_its_draft`, `draft_is_own`,
            `issued_as_frozen`, `issued_once`, `signature_stands`, `enough_signatures`,
            `draft_stays_among_invited`.
    """
    rule = _RULES.get(content.kind)
    if rule is not None and content.basis == "own_act":
        rule(content, case)
    if is_for_all:
        check_among_invited(content, case, holders=None)


def check_among_invited(
    content: ActContent, case: CaseFacts, *, holders: Collection[str] | None
) -> None:
    """What concerns a draft that is not issued is for its author and those that it invites.

    Args:
        content: what is recorded, or is to be held by more.
        case: its case.
        holders: slugs of those that may hold it; None = every member.

    Raises:
        RuleViolation: rule `draft_stays_among_invited`.
    """
    place = place_of(content.about)
    if place is None or content.kind not in _KEPT_AMONG_INVITED:
        return
    for statement in statements_of(case.acts()):
        if statement.issued is None and statement.invited and place in statement.sources:
            among = {*statement.invited, statement.act.mechanism, mechanism_of(case.own_origin)}
            if holders is None or not among.issuperset(holders):
                text = "until it is issued, what concerns it is for those invited: name them"
                _refuse("audience", "draft_stays_among_invited", text)


def check_opens_with(content: ActContent, opens_ms: int, statement_opens_ms: int) -> None:
    """What all members are told of a sealed statement, they are told with it and not before.

    Args:
        content: about an own event that is sealed.
        opens_ms: when it would be told, milliseconds UTC; 0 = at once.
        statement_opens_ms: when what it is about opens.

    Raises:
        RuleViolation: rule `opens_with_its_statement`.
    """
    if content.kind in _KEPT_AMONG_INVITED and opens_ms < statement_opens_ms:
        text = "the statement is sealed: what all are told of it opens with it, or later"
        _refuse("not_before_ms", "opens_with_its_statement", text)


def _check_texts(texts: StatementTexts) -> None:
    languages = [each.language for each in texts]
    if len(set(languages)) != len(languages):
        _refuse("texts", "one_text_a_language", "each language has one text")


def _check_drafted(content: ActContent, case: CaseFacts) -> None:
    assert isinstance(content, StatementDrafted)  # noqa: S101 - the table says so
    _check_texts(content.texts)
    invited = content.invited
    if content.texts and not content.title:
        _refuse("title", "title_is_needed", "a draft with texts has a title")
    if invited and not content.texts:
        _refuse("texts", "invited_sign_a_text", "those invited need a text to sign")
    if mechanism_of(case.own_origin) in invited:
        text = "the author signs by issuing: invite others"
        _refuse("invited", "invited_are_others", text)
    if len(set(invited)) != len(invited) or content.needed_signatures > len(invited):
        text = f"{content.needed_signatures} of {len(set(invited))} invited, each once, must sign"
        _refuse("needed_signatures", "needed_of_invited", text)


def _check_corrected(content: ActContent, case: CaseFacts) -> None:
    del case
    assert isinstance(content, StatementCorrected)  # noqa: S101 - the table says so
    _check_texts(content.texts)


def _check_cosigned(content: ActContent, case: CaseFacts) -> None:
    assert isinstance(content, StatementCosigned)  # noqa: S101 - the table says so
    acts = tuple(case.acts())
    place = place_of(content.about)
    act = next((each for each in acts if each.place == place), None)
    if act is None:
        if content.text_hash:
            text = "what is signed is not readable here, or not yet"
            _refuse("about", "text_is_readable", text)
        return
    frozen = frozen_hash(texts_of(act))
    if content.text_hash != frozen:
        text = f"the hash of the frozen texts is {frozen}" if frozen else "it carries no texts"
        _refuse("text_hash", "signs_the_frozen_text", text)
    if frozen:
        _check_signer(act, acts, mechanism_of(case.own_origin))


def _check_signer(act: Act, acts: tuple[Act, ...], own: str) -> None:
    statement = _statement_at(acts, act.place)
    if statement is None or act in statement.corrections:
        text = "a correction is its author's alone: sign the statement, or a new draft"
        _refuse("about", "signs_a_statement", text)
    if act.mechanism == own:
        _refuse("about", "signed_by_others", "the author signs by issuing")
    _check_stands(statement, "about")
    if statement.issued is None and own not in statement.invited:
        text = f"until it is issued those invited sign: {', '.join(statement.invited)}"
        _refuse("about", "invited_sign", text)
    if any(each.mechanism == own for each in statement.standing):
        _refuse("about", "signed_once", "this mechanism has signed already")


def _check_stands(statement: Statement, field: str) -> None:
    if statement.status == "withdrawn":
        _refuse(field, "statement_is_withdrawn", "its author has withdrawn it")
    if statement.issued is None and statement.superseded_by is not None:
        origin, index = statement.superseded_by
        text = f"event {index} of {origin} has taken its place, and starts without signatures"
        _refuse(field, "draft_is_superseded", text)


def _check_issued(content: ActContent, case: CaseFacts) -> None:
    assert isinstance(content, StatementIssued)  # noqa: S101 - the table says so
    _check_texts(content.texts)
    place = place_of(content.about)
    held = None if place is None else case.event_at(*place)
    if place is None or held is None or held.kind is not K.STATEMENT_DRAFTED:
        if content.cosignatures:
            text = "what others have signed is issued about its draft"
            _refuse("cosignatures", "names_its_draft", text)
        return
    if place[0] != case.own_origin and mechanism_of(place[0]) != mechanism_of(case.own_origin):
        text = "a draft is issued by its author: cosign it, or draft your own"
        _refuse("about", "draft_is_own", text)
    statement = _statement_at(tuple(case.acts()), place)
    if statement is None or statement.draft is None:
        _refuse("about", "text_is_readable", "the draft is not readable here any more")
    _check_as_frozen(content, statement.draft)
    if statement.issued is not None:
        _refuse("about", "issued_once", "this draft was issued already: correct it, or draft anew")
    _check_stands(statement, "about")
    _check_signatures(content, statement)


def _check_as_frozen(content: StatementIssued, draft: Act) -> None:
    frozen = frozen_hash(texts_of(draft))
    if frozen_hash(content.texts) != frozen:
        text = f"issued as they are frozen ({frozen or 'no texts'}); a change is a new draft"
        _refuse("texts", "issued_as_frozen", text)
    if frozen and content.title != draft.content.title:
        text = "the title is issued as it is frozen: a change is a new draft"
        _refuse("title", "issued_as_frozen", text)


def _check_signatures(content: StatementIssued, statement: Statement) -> None:
    standing = {each.place: each for each in statement.signatures if each.state == "signed"}
    named: list[Place] = [(each.origin, each.index) for each in content.cosignatures]
    for origin, index in named:
        if (origin, index) not in standing:
            text = f"event {index} of {origin} is no standing signature of these texts"
            _refuse("cosignatures", "signature_stands", text)
    signers = {standing[place].mechanism for place in named}
    if len(signers) < statement.needed:
        missing = sorted(set(statement.invited) - signers)
        text = (
            f"{len(signers)} of {statement.needed} needed mechanisms are named; "
            f"not among them: {', '.join(missing)}"
        )
        _refuse("cosignatures", "enough_signatures", text)


def _statement_at(acts: tuple[Act, ...], place: Place) -> Statement | None:
    return next((each for each in statements_of(acts) if place in each.places), None)


def _refuse(field: str, rule: str, text: str) -> NoReturn:
    msg = f"{field}: {text}"
    raise RuleViolation(msg, field=field, rule=rule)


_RULES: Final[Mapping[EventKind, Callable[[ActContent, CaseFacts], None]]] = {
    K.STATEMENT_DRAFTED: _check_drafted,
    K.STATEMENT_COSIGNED: _check_cosigned,
    K.STATEMENT_ISSUED: _check_issued,
    K.STATEMENT_CORRECTED: _check_corrected,
}
