"""Forty events with random audiences, and in every field that may hold something a unique token.

The plan is seeded: the same one each time. A person is named only where consents were recorded for
exactly that audience; they are events of their own, which stay at the author's node.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from registry.client import RegistryClient, case
from registry.domain.audience import EVERYONE, OWN_ONLY, AudienceChoice, named
from registry.domain.content import (
    ActContent,
    ConsentRecorded,
    DefinitionAgreed,
    DetentionRecorded,
    IntentDeclared,
    NamedPerson,
    PracticeShared,
    ReprisalAlleged,
    SourceIdentity,
    StatementIssued,
    SubmissionReceived,
)
from registry.domain.identifiers import CaseId
from registry.store.chunks import CHUNK_BYTES
from tests.integration.federation_world import opened

_OWN: Final[dict[str, Any]] = {
    "acting_body": "test.desk",
    "basis": "own_act",
    "is_invented": True,
}
FILES_EVERY: Final = 4
"""So many events make one with a file; every second of these is large."""
LARGE_FILE_BYTES: Final = 2 * CHUNK_BYTES + 50_000
ACTING_EVERY: Final = 8
_ACTING: Final[dict[int, type[ActContent]]] = {
    1: IntentDeclared,
    2: PracticeShared,
    3: DefinitionAgreed,
}
"""So many events make one detention, and one of each kind of acting together."""
_TEXT_FIELDS: Final = ("title", "summary", "url", "source")


@dataclass(frozen=True)
class PlannedEvent:
    """One event: who records it in whose case, for whom, and what it says."""

    number: int
    author: str
    case_of: str
    audience: frozenset[str]
    content: ActContent
    tokens: tuple[tuple[str, str], ...]
    source: tuple[tuple[str, str], ...]
    choice: AudienceChoice
    file: bytes = b""

    @property
    def of_content(self) -> list[tuple[str, bytes]]:
        """Labelled tokens that the audience may hold, in fields and in the file."""
        return [(f"event {self.number} {name}", token.encode()) for name, token in self.tokens]

    @property
    def of_text(self) -> list[tuple[str, bytes]]:
        """Those that a history tells: all but the bytes of the file."""
        return [each for each in self.of_content if " file bytes " not in each[0]]

    @property
    def of_names(self) -> list[tuple[str, bytes]]:
        """The name and the id of the person, if one is named."""
        return [each for each in self.of_text if each[0].endswith((" name", " person id"))][
            : 2 if self.content.persons else 0
        ]

    @property
    def is_large(self) -> bool:
        """Whether the file is kept and sent in chunks."""
        return len(self.file) > LARGE_FILE_BYTES // 2

    @property
    def of_source(self) -> list[tuple[str, bytes]]:
        """Labelled tokens that leave the author's node in no way."""
        return [(f"source {self.number} {name}", token.encode()) for name, token in self.source]


def plan(slugs: tuple[str, ...], *, count: int, seed: int) -> list[PlannedEvent]:
    """Plans events; each audience that is possible has its chance, the author alone among them."""
    random = Random(seed)
    return [_event(number, slugs, random) for number in range(count)]


def consent_for(event: PlannedEvent) -> ConsentRecorded | None:
    """The consent that lets an event name its person; None = none is needed."""
    others = tuple(sorted(event.audience - {event.author}))
    if not event.content.persons or not others:
        return None
    use: Any = "names_in_public" if event.choice == EVERYONE else "share_with_mechanisms"
    return ConsentRecorded(
        **_OWN,
        persons=event.content.persons,
        use=use,
        mechanisms=() if event.choice == EVERYONE else others,
        is_informed_of_risk=True,
        agrees=True,
    )


async def open_cases(clients: dict[str, RegistryClient]) -> dict[str, CaseId]:
    """Each mechanism opens one case that every member may know of."""
    return {
        slug: (await client.open_case("case", opened(f"A case of {slug} (invented)"))).case_id
        for slug, client in clients.items()
    }


async def record_event(client: RegistryClient, event: PlannedEvent, case_id: CaseId) -> int:
    """Records an event with its source and file; before it, the consent that it needs."""
    consent = consent_for(event)
    if consent is not None:
        await client.record(f"consent {event.number}", case(case_id), consent, audience=OWN_ONLY)
    tokens = dict(event.tokens)
    uploads: tuple[str, ...] = ()
    if event.file:
        sent = await client.attachments.upload(
            f"file {event.number}",
            io.BytesIO(event.file),
            file_name=tokens["file name"],
            media_type=f"text/{tokens['file type']}",
        )
        uploads = (sent.upload_id,)
    receipt = await client.record(
        f"event {event.number}",
        case(case_id),
        event.content,
        audience=event.choice,
        source=SourceIdentity(**dict(event.source)),
        upload_ids=uploads,
    )
    return receipt.index


def token(name: str, random: Random) -> str:
    """A token of its own: random on both sides of a sign that JSON escapes."""
    return f"{name}-{random.randbytes(10).hex()}ø{random.randbytes(14).hex()}"


def _event(number: int, slugs: tuple[str, ...], random: Random) -> PlannedEvent:
    author, case_of = random.choice(slugs), random.choice(slugs)
    others = [slug for slug in slugs if slug != author]
    chosen = random.sample(others, random.choice((0, 1, 1, 2, 2, 3, 4)))
    choice = OWN_ONLY if not chosen else EVERYONE if len(chosen) == 4 else named(*chosen)
    tokens = dict(_tokens(number, random))
    kind: type[ActContent] = random.choice((StatementIssued, SubmissionReceived, ReprisalAlleged))
    if number % ACTING_EVERY == 0:
        kind = DetentionRecorded
    fields: dict[str, Any] = {name: tokens[name] for name in _TEXT_FIELDS}
    if number % ACTING_EVERY in _ACTING:
        kind, own = _ACTING[number % ACTING_EVERY], token("own", Random(f"own {number}"))
        tokens |= {"own words": own}
        fields |= _own_fields(kind, own)
    content = kind(
        **_OWN, **fields, references=(tokens["reference"],), subjects=(tokens["subject"],)
    )
    if number % 2:
        person = NamedPerson(
            person_id=random.randbytes(16).hex(), name=tokens["name"], role=tokens["role"]
        )
        content = content.model_copy(update={"persons": (person,)})
        tokens["person id"] = person.person_id
    else:
        del tokens["name"], tokens["role"]
    file = b""
    if number % FILES_EVERY == 0:
        file = _file(number, random, tokens)
        tokens["file name"] = f"{token('Report', random)}.pdf"
        tokens["file type"] = random.randbytes(20).hex()
    return PlannedEvent(
        number=number,
        author=author,
        case_of=case_of,
        audience=frozenset({author, *chosen}),
        content=content,
        tokens=tuple(tokens.items()),
        source=tuple((name, token(name, random)) for name in ("name", "contact", "note")),
        choice=choice,
        file=file,
    )


def _own_fields(kind: type[ActContent], token: str) -> dict[str, Any]:
    """Fields that the kind has besides those of all, with a token where words may stand."""
    if kind is IntentDeclared:
        return {"parties": ({"kind": "community", "name": token},), "planned_date": "2026-12"}
    if kind is PracticeShared:
        return {"practice": token, "themes": ("reprisals",)}
    return {"term": token, "definition": token}


def _file(number: int, random: Random, tokens: dict[str, str]) -> bytes:
    """A file with tokens at its start, over the border of two chunks, and at its end."""
    is_large = number % (2 * FILES_EVERY) == 0
    size = LARGE_FILE_BYTES if is_large else 3_000
    file = bytearray(random.randbytes(size))
    border = CHUNK_BYTES if is_large else size // 2
    for name, start in (("start", 0), ("border", border - 20), ("end", size - 80)):
        tokens[f"file bytes {name}"] = token("file", random)
        written = tokens[f"file bytes {name}"].encode()
        file[start : start + len(written)] = written
    return bytes(file)


def _tokens(number: int, random: Random) -> Iterator[tuple[str, str]]:
    for name in (*_TEXT_FIELDS, "reference", "subject", "name", "role"):
        yield name, token(f"{name.title()}{number}", random)
