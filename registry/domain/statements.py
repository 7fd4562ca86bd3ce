"""Joint statements: what the events of a case say of each, as far as they are readable here.

Rules it keeps:
1. A draft is frozen: its hash is that of its texts, for ever. What is changed is a new draft about
   the old one, by the same mechanism; it supersedes the old one and starts without signatures.
2. A signature counts for the hash that it names and no other, once for each mechanism, however
   often it signs. The author signs by issuing: it is not among those counted.
3. A statement is what its author issued, with the texts of its draft. It names the signatures with
   which it was issued. Who signs and is not named there has joined later.
4. The last word of a mechanism counts: a signature that is withdrawn before the issue counts no
   more, however often it was given before; one that is withdrawn after it is shown as withdrawn,
   and the statement stands.
5. A correction, or a later statement about this one, supersedes it. Nothing is taken away.
6. Where two say different things there are two statements: one that does not carry the texts of the
   draft that it names, or another title, stands alone.
7. Texts are signed and issued by own acts. What is transcribed of others binds nobody.

Signatures of a joint statement are for those invited until it is issued: whoever was not asked
takes the author's word for them, and is told so (`named`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from registry.domain.acts import Act, place_of, said
from registry.domain.content import (
    StatementCorrected,
    StatementCosigned,
    StatementDrafted,
    StatementIssued,
    StatementWithdrawn,
)
from registry.domain.content.statement_texts import StatementTexts, frozen_hash

Place: TypeAlias = tuple[str, int]
"""Origin and index of an event."""
Status: TypeAlias = Literal["draft", "ready", "issued", "superseded", "withdrawn"]
SignatureState: TypeAlias = Literal["signed", "named", "late", "withdrawn", "not_counted"]
"""`named`: the issued statement names it, and its content is for others. `late`: joined later.
`not_counted`: of other texts, or by one that was not invited."""
STANDING: Final = frozenset[str]({"signed", "named", "late"})
_ABOUT_STATEMENTS: Final = (
    StatementDrafted,
    StatementCosigned,
    StatementIssued,
    StatementCorrected,
    StatementWithdrawn,
)


@dataclass(frozen=True, slots=True)
class Signature:
    """One mechanism's signature of a statement.

    Attributes:
        place: of the event with which it signed.
        mechanism: slug.
        state: how it stands.
        date: when it signed, as far as it is known; empty = unknown.
        withdrawal: where it was withdrawn; None = it was not.
        withdrawn_date: when, as far as it is known.
    """

    place: Place
    mechanism: str
    state: SignatureState
    date: str
    withdrawal: Place | None = None
    withdrawn_date: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with all that was said of it.

    Attributes:
        draft: the event that drafted it; None = not readable here, or there was none.
        issued: the event that issued it; None = not yet, or not readable here.
        status: as it stands; `ready` = a draft that enough mechanisms have signed.
        signatures: one for each mechanism, in the order of the history.
        corrections: by its author, in the order of the history; those withdrawn are not among them.
        superseded_by: what stands in its place; None = nothing does.
        withdrawal: by its author.
    """

    draft: Act | None
    issued: Act | None
    status: Status
    signatures: tuple[Signature, ...] = ()
    corrections: tuple[Act, ...] = ()
    superseded_by: Place | None = None
    withdrawal: Act | None = None

    @property
    def act(self) -> Act:
        """What it is known by: its draft where that is readable."""
        found = self.draft or self.issued
        assert found is not None  # noqa: S101 - there is one or the other
        return found

    @property
    def shown(self) -> Act:
        """What it says: as it was issued, or else as it was drafted."""
        return self.issued or self.act

    @property
    def texts(self) -> StatementTexts:
        """Its language versions."""
        return texts_of(self.shown)

    @property
    def text_hash(self) -> str:
        """The hash of its texts, 64 hexadecimal digits; empty = it carries none."""
        return frozen_hash(self.texts)

    @property
    def invited(self) -> tuple[str, ...]:
        """Slugs of those that were asked to sign, as far as that is known here."""
        return () if self.draft is None else said(self.draft.content, "invited", ())

    @property
    def needed(self) -> int:
        """How many of them must have signed; 0 = none, or it is not known here."""
        return 0 if self.draft is None else said(self.draft.content, "needed_signatures", 0)

    @property
    def standing(self) -> tuple[Signature, ...]:
        """The signatures that count, those that joined later among them."""
        return tuple(each for each in self.signatures if each.state in STANDING)

    @property
    def places(self) -> tuple[Place, ...]:
        """All events by which it is found."""
        acts = (self.draft, self.issued, *self.corrections)
        return tuple(act.place for act in acts if act is not None)

    @property
    def sources(self) -> frozenset[Place]:
        """All events that what is told here comes from."""
        withdrawn = () if self.withdrawal is None else (self.withdrawal.place,)
        signed = [each.place for each in self.signatures]
        ended = [each.withdrawal for each in self.signatures if each.withdrawal is not None]
        return frozenset((*self.places, *withdrawn, *signed, *ended))


def statements_of(acts: Iterable[Act]) -> tuple[Statement, ...]:
    """Finds the statements of a case, those first that were drafted or issued first.

    Args:
        acts: the readable acts of one history, in its order.
    """
    held = tuple(acts)
    said_of_statements = [act for act in held if isinstance(act.content, _ABOUT_STATEMENTS)]
    return tuple(_Known(held, said_of_statements).statements()) if said_of_statements else ()


def texts_of(act: Act) -> StatementTexts:
    """The language versions that an act carries."""
    return said(act.content, "texts", ())


def mechanism_of(origin: str) -> str:
    """The slug of the mechanism that writes a log: the part before the epoch."""
    return origin.rpartition("/")[0].rpartition("/")[2]


class _Known:
    """The acts on statements of one case, by what they are about."""

    def __init__(self, held: Sequence[Act], acts: Sequence[Act]) -> None:
        self._acts = acts
        # What is named as a signature may be anything that is held.
        self._at = {act.place: act for act in held}
        self._order = {act.place: number for number, act in enumerate(acts)}
        self._about: dict[Place, list[Act]] = {}
        for act in acts:
            if (place := place_of(act.content.about)) is not None:
                self._about.setdefault(place, []).append(act)
        self._hashes: dict[Place, str] = {}
        self._issue_of = dict(self._issues())

    def statements(self) -> Iterator[Statement]:
        issued = {act.place for act in self._issue_of.values()}
        for act in self._acts:
            if isinstance(act.content, StatementDrafted):
                yield self._statement(act, self._issue_of.get(act.place))
            elif isinstance(act.content, StatementIssued) and act.place not in issued:
                yield self._statement(None, act)

    def _issues(self) -> Iterator[tuple[Place, Act]]:
        """The first issue of each draft that carries its texts."""
        found: set[Place] = set()
        for act in self._acts:
            place = place_of(act.content.about)
            draft = None if place is None else self._at.get(place)
            if (
                isinstance(act.content, StatementIssued)
                and draft is not None
                and isinstance(draft.content, StatementDrafted)
                and draft.place not in found
                and draft.mechanism == act.mechanism
                and self._is_as_frozen(draft, act)
            ):
                found.add(draft.place)
                yield draft.place, act

    def _is_as_frozen(self, draft: Act, act: Act) -> bool:
        if self._hash_of(draft) != self._hash_of(act):
            return False
        return not self._hash_of(draft) or (
            _is_own(act) and act.content.title == draft.content.title
        )

    def _hash_of(self, act: Act) -> str:
        """Of long texts, and asked for with each of the signatures."""
        if act.place not in self._hashes:
            self._hashes[act.place] = frozen_hash(texts_of(act))
        return self._hashes[act.place]

    def _statement(self, draft: Act | None, issued: Act | None) -> Statement:
        places = [act.place for act in (draft, issued) if act is not None]
        author = mechanism_of(places[0][0])
        own = [each for place in places for each in self._by(author, place)]
        corrections = tuple(
            each
            for each in self._corrections(author, places)
            if self._withdrawal(author, each.place) is None
        )
        withdrawal = next((a for a in own if isinstance(a.content, StatementWithdrawn)), None)
        superseded_by = self._superseded_by(own, corrections, issued)
        signatures = tuple(self._signatures(draft, issued, author))
        status = _status(
            issued,
            withdrawal,
            superseded_by,
            is_ready=draft is not None and _is_ready(draft, signatures),
        )
        return Statement(draft, issued, status, signatures, corrections, superseded_by, withdrawal)

    def _by(self, mechanism: str, place: Place) -> Iterator[Act]:
        return (act for act in self._about.get(place, ()) if act.mechanism == mechanism)

    def _corrections(self, author: str, places: Iterable[Place]) -> Iterator[Act]:
        """Corrections of it and of its corrections, each once."""
        found: dict[Place, Act] = {}
        front = list(places)
        while front:
            for act in self._by(author, front.pop()):
                if isinstance(act.content, StatementCorrected) and act.place not in found:
                    found[act.place] = act
                    front.append(act.place)
        yield from sorted(found.values(), key=lambda act: self._order[act.place])

    def _superseded_by(
        self, own: Sequence[Act], corrections: Sequence[Act], issued: Act | None
    ) -> Place | None:
        if corrections:
            return corrections[-1].place
        drafts = [act for act in own if isinstance(act.content, StatementDrafted)]
        if issued is None:
            return drafts[-1].place if drafts else None
        # What is issued stands until the new draft is issued too.
        later = [each for each in drafts if each.place in self._issue_of]
        return later[-1].place if later else None

    def _signatures(
        self, draft: Act | None, issued: Act | None, author: str
    ) -> Iterator[Signature]:
        for mechanism, told in self._signing(draft, issued).items():
            if mechanism != author:
                yield self._signature(mechanism, told, draft, issued)

    def _signing(self, draft: Act | None, issued: Act | None) -> dict[str, list[Place]]:
        """Where each mechanism signed, as it says or as the issued statement does, in order."""
        places: list[Place] = []
        if issued is not None:
            places += _named_in(issued)
        about = [act.place for act in (draft, issued) if act is not None]
        places += [
            act.place
            for place in about
            for act in self._about.get(place, ())
            if isinstance(act.content, StatementCosigned)
        ]
        signing: dict[str, list[Place]] = {}
        for place in dict.fromkeys(places):
            signing.setdefault(mechanism_of(place[0]), []).append(place)
        return signing

    def _signature(
        self, mechanism: str, told: Sequence[Place], draft: Act | None, issued: Act | None
    ) -> Signature:
        named = frozenset() if issued is None else frozenset(_named_in(issued))
        ended = self._ended(mechanism, told)
        found = [self._one(place, named, draft, issued, ended.get(place)) for place in told]
        standing = [each for each in found if each.state in STANDING]
        withdrawn = [each for each in found if each.state == "withdrawn"]
        # With which it was issued, before what it repeated later.
        return (standing or withdrawn or found)[0]

    def _ended(self, mechanism: str, told: Sequence[Place]) -> dict[Place, Act]:
        """By which withdrawal each of a mechanism's signatures ended: of itself, or of another.

        Whoever signed twice and withdraws one does not stand by the other, unless it came later.
        """
        of_itself = {place: act for place in told if (act := self._withdrawal(mechanism, place))}
        by_index = sorted(of_itself.values(), key=lambda each: each.index)
        last = {act.origin: act for act in by_index}
        of_another = {p: last[p[0]] for p in told if p[0] in last and p[1] < last[p[0]].index}
        return of_another | of_itself

    def _one(
        self,
        place: Place,
        named: frozenset[Place],
        draft: Act | None,
        issued: Act | None,
        ended: Act | None,
    ) -> Signature:
        act = self._at.get(place)
        state: SignatureState = "named"
        if act is not None:
            state = self._state(act, draft, issued, is_named=place in named)
        if ended is not None and state != "not_counted":
            state = "withdrawn"
        return Signature(
            place,
            mechanism_of(place[0]),
            state,
            date="" if act is None else _date(act),
            withdrawal=None if ended is None else ended.place,
            withdrawn_date="" if ended is None else _date(ended),
        )

    def _state(
        self, act: Act, draft: Act | None, issued: Act | None, *, is_named: bool
    ) -> SignatureState:
        about = place_of(act.content.about)
        is_about = about in {each.place for each in (draft, issued) if each is not None}
        if issued is not None and draft is None and is_named and about not in self._at:
            # Of an issued statement whose draft is for others, the draft cannot be looked at.
            is_about = is_about or about == place_of(issued.content.about)
        signed = said(act.content, "text_hash", "")
        of = draft or issued
        assert of is not None  # noqa: S101 - it is of one or the other
        is_right = (
            isinstance(act.content, StatementCosigned)
            and is_about
            and signed == self._hash_of(of)
            and (_is_own(act) or not signed)
        )
        if not is_right:
            return "not_counted"
        if issued is not None:
            return "signed" if is_named else "late"
        invited = said(of.content, "invited", ())
        return "signed" if not texts_of(of) or act.mechanism in invited else "not_counted"

    def _withdrawal(self, mechanism: str, place: Place) -> Act | None:
        return next(
            (a for a in self._by(mechanism, place) if isinstance(a.content, StatementWithdrawn)),
            None,
        )


def _status(
    issued: Act | None, withdrawal: Act | None, superseded_by: Place | None, *, is_ready: bool
) -> Status:
    if withdrawal is not None:
        return "withdrawn"
    if superseded_by is not None:
        return "superseded"
    if issued is not None:
        return "issued"
    return "ready" if is_ready else "draft"


def _is_ready(draft: Act, signatures: Iterable[Signature]) -> bool:
    needed = said(draft.content, "needed_signatures", 0)
    count = sum(each.state == "signed" for each in signatures)
    return bool(texts_of(draft)) and count >= needed


def _is_own(act: Act) -> bool:
    return act.content.basis == "own_act"


def _named_in(issued: Act) -> list[Place]:
    """The signatures that an issued statement names."""
    content = issued.content
    assert isinstance(content, StatementIssued)  # noqa: S101 - nothing else issues
    return [(each.origin, each.index) for each in content.cosignatures]


def _date(act: Act) -> str:
    found = act.content.act_date()
    return "" if found is None else found.value
