"""The names that a mechanism may match with another: its own persons and organisations.

Own means: of events of the own log that this node can read, in cases that the officer may know of.
A person takes part only where a consent to share with that mechanism covers it, since a match tells
that the person is known here. What is under an embargo takes no part until it ends.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from registry.application.consents import ConsentDesk
from registry.application.stored_content import require_open
from registry.domain.content import ActContent, decode_content
from registry.domain.embargo import is_embargoed
from registry.domain.identifiers import CaseId, LogId
from registry.domain.matching import MatchedName, normal_form
from registry.errors import InvalidContent
from registry.log.entry import Header
from registry.store.entries import EntryStore
from registry.store.values import HeldPart, read_header

_AT_ONCE: Final = 500
_FIELDS: Final = (b'"persons"', b'"parties"', b"\\")
"""Content without any of these names nobody: most of a log, and not read further."""


class OwnNames:
    """Reads them from the own log; for any thread."""

    def __init__(
        self,
        store: EntryStore,
        consents: ConsentDesk,
        own_log: LogId,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._store, self._now_ms = store, now_ms
        self._consents = consents
        self._own_log = own_log

    def for_peer(self, peer: str, may_use: Callable[[CaseId], bool]) -> tuple[MatchedName, ...]:
        """The names that may be matched with a mechanism, each form once, sorted.

        Args:
            peer: slug of the mechanism.
            may_use: whether the names of a case are to take part.

        Raises:
            TryLater: content is closed.
        """
        size = self._store.log_state(self._own_log).valid_size
        slices = (
            [
                read_header(entry)
                for entry in self._store.entries(self._own_log, start, min(start + _AT_ONCE, size))
            ]
            for start in range(0, size, _AT_ONCE)
        )
        return self._found(peer, slices, may_use)

    def of_case(self, peer: str, case_id: CaseId) -> tuple[MatchedName, ...]:
        """The same of one case alone; the rest of the log is not read.

        Raises:
            TryLater: content is closed.
        """
        size = self._store.log_state(self._own_log).valid_size
        headers = [
            read_header(each.entry)
            for each in self._store.case_entries(case_id)
            if each.log_id == self._own_log and each.index < size
        ]
        slices = (headers[at : at + _AT_ONCE] for at in range(0, len(headers), _AT_ONCE))
        return self._found(peer, slices, case_id.__eq__)

    def _found(
        self, peer: str, slices: Iterable[list[Header]], may_use: Callable[[CaseId], bool]
    ) -> tuple[MatchedName, ...]:
        require_open(self._store)
        found = {
            (name.kind, normal_form(name.name)): name
            for headers in slices
            for case_id, content in self._contents(headers, may_use)
            for name in self._names_in(case_id, content, peer)
            if normal_form(name.name)
        }
        return tuple(sorted(found.values()))

    def _contents(
        self, headers: list[Header], may_use: Callable[[CaseId], bool]
    ) -> Iterator[tuple[CaseId, ActContent]]:
        now_ms = self._now_ms()
        cases = {
            header.index: header.case_id
            for header in headers
            if header.parts
            and not is_embargoed(header.parts[0].not_before_ms, now_ms=now_ms)
            and header.case_id
            and may_use(header.case_id)
        }
        for part in self._store.parts_of([(self._own_log, index, 0) for index in cases]):
            content = _read(part)
            if content is not None:
                yield cases[part.index], content

    def _names_in(self, case_id: CaseId, content: ActContent, peer: str) -> Iterator[MatchedName]:
        for party in content.parties:
            if party.kind == "organisation":
                yield MatchedName("organisation", party.name)
        if not content.persons:
            return
        consents = self._consents.of_case(case_id).known.consents
        for person in content.persons:
            use = ("share_with_mechanisms", self._own_log, (peer,))
            if not consents.why_not(person.person_id, *use):  # type: ignore[arg-type]
                yield MatchedName("person", person.name)


def write_names(names: Iterable[MatchedName]) -> str:
    """Writes names for the office database."""
    return json.dumps([[each.kind, each.name] for each in names], ensure_ascii=False)


def names_of(text: str) -> tuple[MatchedName, ...]:
    """Reads what `write_names` wrote."""
    return tuple(MatchedName(kind, name) for kind, name in json.loads(text))


def _read(part: HeldPart) -> ActContent | None:
    if not any(field in part.content for field in _FIELDS):
        return None
    try:
        return decode_content(part.media_type, part.content)
    except InvalidContent:
        return None
