"""Plans of acts that may tell a name, drawn at random, and one for each kind of event.

An act is one step of one mechanism in one case: a consent, an event of some kind, a question, an
intent, a step of a joint statement, a widening, an erasure, a withdrawal.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from registry.domain.vocabulary import CURRENT_KINDS, EventKind

SHARE: Final = "share_with_mechanisms"
PUBLIC: Final = "names_in_public"
STATE: Final = "names_to_state"
BETA: Final = frozenset({"beta"})
BOTH: Final = frozenset({"beta", "gamma"})
ALPHA: Final = frozenset({"alpha"})
NOBODY: Final[frozenset[str]] = frozenset()


class Act(NamedTuple):
    """One step of a plan; persons are numbers, audiences are slugs or None for everyone.

    `what` names the call: consent, withdraw, widen, erase; name (any event by RecordEvent, of a
    kind, or of the kinds of its case); ask, answer, tell; intend, reply, retract; draft, cosign,
    issue. Of an answer, a reply and what concerns a draft the audience follows from what it is
    about.
    """

    what: str
    author: str
    audience: frozenset[str] | None
    persons: tuple[int, ...] = ()
    in_text: tuple[int, ...] = ()
    use: str = ""
    mechanisms: tuple[str, ...] = ()
    is_given: bool = True
    uses: tuple[str, ...] = ()
    to_state: bool = False
    kind: EventKind | None = None
    matches: bool = False
    has_file: bool = False


Plan = tuple[Act, ...]
OWN_CALLS: Final = {
    EventKind.CONSENT_RECORDED: "consent",
    EventKind.CONSENT_WITHDRAWN: "withdraw",
    EventKind.PEERS_ASKED: "ask",
    EventKind.PEER_ANSWERED: "answer",
    EventKind.MATCHING_RETURNED: "tell",
}
"""Kinds that are recorded by other acts of a plan alone."""
NAMING_KINDS: Final = tuple(sorted(CURRENT_KINDS - OWN_CALLS.keys() - {EventKind.CASE_OPENED}))
"""Kinds that any officer records by RecordEvent; each case has its opening."""


def _act(**fields: Any) -> Act:
    """Hypothesis would draw the fields that have a default, too."""
    return Act(**fields)


def _audiences() -> st.SearchStrategy[frozenset[str] | None]:
    return st.sampled_from(
        [None, *(frozenset(each) for each in ((), ("beta",), ("gamma",), ("beta", "gamma")))]
    )


_USES: Final = st.sampled_from((PUBLIC, STATE, SHARE))
_PERSON: Final = st.sampled_from((0, 0, 1))
_PERSONS: Final = st.sampled_from(((0,), (0,), (1,), (0, 1), ()))
_TOLD_OF: Final = st.sampled_from(((), (0,), (0,), (1,)))
_IN_TEXT: Final = st.sampled_from(((), (), (0,)))
_AUTHOR: Final = st.sampled_from(("alpha", "alpha", "alpha", "beta"))
_CONSENT: Final = st.builds(
    _act,
    what=st.just("consent"),
    author=_AUTHOR,
    audience=st.sampled_from((NOBODY, NOBODY, NOBODY, BOTH, frozenset({"gamma"}))),
    persons=st.tuples(_PERSON),
    use=_USES,
    mechanisms=st.sampled_from((("beta", "gamma"), ("beta",), ("alpha", "gamma"))),
    is_given=st.sampled_from((True, True, True, False)),
)
_NAMING: Final = st.builds(
    _act,
    what=st.just("name"),
    author=_AUTHOR,
    audience=_audiences(),
    persons=_PERSONS,
    in_text=_IN_TEXT,
    to_state=st.sampled_from((False, False, False, True)),
    kind=st.sampled_from((None, *NAMING_KINDS)) | st.none(),
    has_file=st.sampled_from((False, False, False, True)),
)
_WITHDRAWAL: Final = st.builds(
    _act,
    what=st.just("withdraw"),
    author=st.sampled_from(("alpha", "beta", "gamma")),
    audience=st.just(NOBODY),
    persons=st.tuples(_PERSON),
    in_text=st.sampled_from(((), (), (0,), (1,))),
    uses=st.sampled_from(((), (PUBLIC,), (SHARE,), (STATE, PUBLIC))),
)
_WIDENING: Final = st.builds(
    _act,
    what=st.just("widen"),
    author=_AUTHOR,
    audience=st.sampled_from((None, BETA, BOTH)),
)
_ERASURE: Final = st.builds(_act, what=st.just("erase"), author=_AUTHOR, audience=st.just(NOBODY))


def _said(what: str, author: str, **fields: Any) -> st.SearchStrategy[Act]:
    """An act whose audience follows from another one; it may tell a name in its words."""
    return st.builds(
        _act,
        what=st.just(what),
        author=st.just(author),
        audience=st.just(NOBODY),
        in_text=_IN_TEXT,
        **fields,
    )


def _to_peers(what: str, **fields: Any) -> st.SearchStrategy[Act]:
    return st.builds(
        _act,
        what=st.just(what),
        author=st.just("alpha"),
        audience=st.sampled_from((BETA, BOTH)),
        in_text=_IN_TEXT,
        **fields,
    )


_ASKED: Final = st.tuples(_to_peers("ask", persons=_TOLD_OF), _said("answer", "beta"))
_MATCHED: Final = st.tuples(
    st.just(Act("name", "alpha", NOBODY, persons=(0,))),
    st.just(Act("name", "beta", NOBODY, persons=(0,))),
    st.just(Act("ask", "alpha", BETA, matches=True)),
    st.just(Act("answer", "beta", NOBODY, matches=True)),
    st.just(Act("tell", "alpha", NOBODY)),
)
_INTENDED: Final = st.tuples(
    _to_peers("intend", persons=_TOLD_OF),
    _said("reply", "beta", persons=_TOLD_OF) | _said("retract", "alpha"),
)
_JOINT: Final = st.tuples(
    _to_peers("draft", persons=_TOLD_OF),
    _said("cosign", "beta"),
    _said("issue", "alpha", persons=_TOLD_OF),
)
_SHARED: Final = tuple(
    Act("consent", author, NOBODY, persons=(0,), use=SHARE, mechanisms=(other, "gamma"))
    for author, other in (("alpha", "beta"), ("beta", "alpha"))
)


def _joined(lists: Iterable[Iterable[Act]]) -> Plan:
    return tuple(act for acts in lists for act in acts)


_TALK: Final = st.tuples(
    st.one_of(st.sampled_from((_SHARED, _SHARED[:1])), st.lists(_CONSENT, max_size=1)),
    st.one_of(_ASKED, _INTENDED, _INTENDED, _JOINT, _JOINT, _MATCHED),
).map(_joined)
_TOLD: Final = st.tuples(
    st.lists(_CONSENT, min_size=1, max_size=2),
    st.lists(_NAMING, min_size=1, max_size=2),
).map(_joined)
PLANS: Final = st.tuples(
    st.one_of(_TOLD, _TALK, _TALK),
    st.lists(_WIDENING, max_size=1),
    st.lists(_WITHDRAWAL, max_size=1),
    st.lists(st.one_of(_CONSENT, _NAMING, _ERASURE), max_size=1),
).map(_joined)
_GRANTS: Final = tuple(
    Act("consent", author, NOBODY, persons=(0,), use=use, mechanisms=(other, "gamma"))
    for author, other in (("alpha", "beta"), ("beta", "alpha"))
    for use in (PUBLIC, STATE, SHARE)
)


def plan_of_kind(kind: EventKind) -> Plan:
    """An event of a kind that names somebody as permitted, for everyone; of half, then it is not.

    Another one of that kind names nobody but in its words.
    """
    named = Act("name", "alpha", None, persons=(0,), kind=kind)
    in_words = named._replace(persons=(), in_text=(0,))
    withdrawn = (Act("withdraw", "beta", NOBODY, persons=(0,)),) * (kind % 2)
    return (*_GRANTS[:3], named, in_words, *withdrawn)


WRITTEN: Final[dict[str, Plan]] = {
    "with a file": (
        *_GRANTS,
        Act("name", "alpha", BETA, persons=(0,), has_file=True),
        Act("name", "beta", None, persons=(0,), has_file=True),
        Act("widen", "alpha", BOTH),
        Act("erase", "beta", NOBODY),
    ),
    "asked": (
        *_GRANTS,
        Act("ask", "alpha", BETA, persons=(0,), in_text=(0,)),
        Act("answer", "beta", NOBODY, in_text=(0,)),
        Act("widen", "alpha", BOTH),
        Act("erase", "alpha", NOBODY),
    ),
    "matched": (
        *_GRANTS,
        Act("name", "alpha", NOBODY, persons=(0, 1)),
        Act("name", "beta", NOBODY, persons=(0, 1)),
        Act("ask", "alpha", BETA, matches=True),
        Act("answer", "beta", NOBODY, matches=True),
        Act("tell", "alpha", NOBODY),
    ),
    "intended": (
        *_GRANTS,
        Act("intend", "alpha", BETA, persons=(0,), in_text=(0,)),
        Act("reply", "beta", NOBODY, persons=(0,)),
        Act("retract", "alpha", NOBODY, in_text=(0,)),
        Act("erase", "alpha", NOBODY),
    ),
    "issued jointly": (
        *_GRANTS,
        Act("draft", "alpha", BETA, persons=(0,), in_text=(0,)),
        Act("cosign", "beta", NOBODY),
        Act("issue", "alpha", NOBODY, persons=(0,)),
        Act("withdraw", "gamma", NOBODY, persons=(0,)),
    ),
}
"""Every call that tells something, used as it is meant to be."""
