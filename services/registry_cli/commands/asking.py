"""`registry ask`, `asked`, `answer`: questions to other mechanisms, seen before they are sent."""

from collections import Counter
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from registry.client import RegistryClient
from registry.client.asking import AnswerPreview, Question, QuestionAnswer, QuestionPreview
from registry.client.values import Receipt
from registry.domain.content import MatchingReturned, PeerAnswered, PeersAsked, read_content
from registry.domain.identifiers import parse_case_id
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidRequest
from registry_cli.commands.online import CaseArgument, Json, Profile, select_case, with_client
from registry_cli.fields import read_fields, read_place
from registry_cli.output import Output
from registry_cli.release_output import print_preview, tell_preview
from registry_cli.rendering import time_text
from registry_cli.surroundings import surroundings_of


class Matter(StrEnum):
    """What is asked."""

    ACTED = "acted"
    HOLDS = "holds"
    OTHER = "other"


class Reply(StrEnum):
    """What is answered."""

    YES = "yes"
    NO = "no"
    CONTACT_US = "contact-us"


_READ_MAX: Final = 1000
_IN_WORDS: Final = {
    "acted": "have you acted on this?",
    "holds": "do you hold this?",
    "other": "",
    "": "",
}
Body = Annotated[
    str, typer.Option("--acting-body", help="code of your body; empty = your mechanism's slug")
]
Invented = Annotated[bool, typer.Option("--invented", help="an invented example, not a fact")]
Match = Annotated[
    bool,
    typer.Option(
        "--match", help="private matching: names are compared and not shown, if both agree"
    ),
]
ConfirmPerson = Annotated[
    list[str] | None,
    typer.Option(help="id of a person whom a word of the text does not mean; repeat it"),
]
Preview = Annotated[
    bool, typer.Option("--preview", help="show exactly what would be sent and to whom, no more")
]
RequestId = Annotated[
    str, typer.Option(help="any text of yours; the same text records nothing twice")
]


def ask(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    context: typer.Context,
    case: CaseArgument,
    to: Annotated[list[str], typer.Option(help="slug of a mechanism that is asked; repeat it")],
    profile: Profile,
    question: Annotated[Matter, typer.Option(help="what is asked")] = Matter.ACTED,
    words: Annotated[str, typer.Option(help="what you ask, in words that name no person")] = "",
    reference: Annotated[list[str] | None, typer.Option(help="a reference; repeat it")] = None,
    party: Annotated[
        list[str] | None,
        typer.Option(help="KIND:NAME, such as organisation:Invented Centre; repeat it"),
    ] = None,
    person: Annotated[
        list[str] | None,
        typer.Option(help="ID:NAME of a person of the case, with consent alone; repeat it"),
    ] = None,
    event: Annotated[str, typer.Option(help="the event it is about, ORIGIN#INDEX")] = "",
    acting_body: Body = "",
    match: Match = False,
    invented: Invented = False,
    confirm_person: ConfirmPerson = None,
    confirm: Annotated[
        str, typer.Option(help="send it: what the preview of exactly this showed")
    ] = "",
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Ask mechanisms of your choice whether they have acted, or hold something.

    Without --confirm nothing is sent: it shows exactly what would be. A person there answers.
    """
    typed = [f"question={question}", *(f"mechanisms={slug}" for slug in to)]
    typed += [f"references={each}" for each in reference or ()]
    typed += [f"parties={each}" for each in party or ()]
    typed += [f"about={event}"] if event else []
    persons = [_person(each) for each in person or ()]
    request = request_id or surroundings_of(context).new_request_id()
    confirmed = tuple(confirm_person or ())

    async def run(client: RegistryClient) -> QuestionPreview | Receipt:
        # Words are taken as they are: a comma in them makes no list, whatever the field's form.
        shared = await _shared(client, acting_body, words, is_invented=invented)
        fields = read_fields(
            EventKind.PEERS_ASKED, ["acting_body=x", "basis=own_act", *typed], None
        ).model_dump(mode="json", exclude_defaults=True)
        content = read_content(EventKind.PEERS_ASKED, fields | shared | {"persons": persons})
        assert isinstance(content, PeersAsked)  # noqa: S101 - the kind says so
        selector = await select_case(client, case)
        if not confirm:
            return await client.asking.preview(
                selector, content, confirmed_person_ids=confirmed, matches=match
            )
        return await client.asking.ask(
            request,
            selector,
            content,
            confirmation=confirm,
            confirmed_person_ids=confirmed,
            matches=match,
        )

    output = Output(is_json=json)
    done = with_client(profile, run)
    if isinstance(done, Receipt):
        _tell_receipt(output, "asked", done)
        return
    output.say("exactly this would be sent:")
    output.say(f"  {done.text}")
    for each in done.matching_names:
        output.say(f"takes part as a point, and is not sent: the {each.kind} {each.name}")
    if json:
        output.result(done)
        return
    print_preview(output, done.preview)
    if not done.preview.refusals:
        output.say(f"to send it: the same command with --confirm {done.confirmation}")


def asked(
    profile: Profile,
    sent: Annotated[bool, typer.Option("--sent", help="what this mechanism asked others")] = False,
    open_only: Annotated[bool, typer.Option("--open", help="only what is not answered")] = False,
    case: Annotated[str, typer.Option(help="only in this case: its id")] = "",
    limit: Annotated[int, typer.Option(min=1, help="at most so many")] = 50,
    json: Json = False,
) -> None:
    """List what other mechanisms asked this one, and what was answered; or with --sent its own."""
    case_id = parse_case_id(case) if case else None

    async def read(client: RegistryClient) -> list[Question]:
        found: list[Question] = []
        shown = 0
        async for each in client.asking.questions(sent=sent, open_only=open_only, case_id=case_id):
            found.append(each)
            # What waits takes nobody's place; who asks without end is not listed without end.
            shown += not each.is_held_back
            if shown == limit or len(found) == _READ_MAX:
                break
        return found

    output = Output(is_json=json)
    questions = with_client(profile, read)
    for each in questions:
        if not each.is_held_back:
            _print_question(output, each)
    waiting = Counter(each.mechanism for each in questions if each.is_held_back)
    for mechanism, count in sorted(waiting.items()):
        output.say(f"{count} more of {mechanism} wait behind its older open questions")
    if not questions:
        output.say("no question fits")
    output.result(questions)


def answer(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="ORIGIN#INDEX, as `registry asked` shows it")],
    reply: Annotated[Reply, typer.Argument(help="what you answer")],
    profile: Profile,
    words: Annotated[str, typer.Option(help="a few words, naming no person")] = "",
    acting_body: Body = "",
    match: Match = False,
    invented: Invented = False,
    confirm_person: ConfirmPerson = None,
    preview: Preview = False,
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Answer another mechanism's question; only that mechanism reads it."""
    request = request_id or surroundings_of(context).new_request_id()
    place = read_place("question", question)

    async def write(client: RegistryClient) -> AnswerPreview | Receipt:
        shared = await _shared(client, acting_body, words, is_invented=invented)
        about = {"origin": place.origin, "index": place.index}
        said = {"answer": reply.value.replace("-", "_"), "about": about}
        content = read_content(EventKind.PEER_ANSWERED, shared | said)
        assert isinstance(content, PeerAnswered)  # noqa: S101 - the kind says so
        confirmed = tuple(confirm_person or ())
        if preview:
            return await client.asking.preview_answer(
                content, confirmed_person_ids=confirmed, matches=match
            )
        return await client.asking.answer(
            request, content, confirmed_person_ids=confirmed, matches=match
        )

    _tell_done(
        Output(is_json=json),
        "answered",
        with_client(profile, write),
        "takes part as a point, and is not sent",
    )


def matching(  # noqa: PLR0913, PLR0917 - typer declares each option as a parameter
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="ORIGIN#INDEX of the question that began it")],
    profile: Profile,
    tell: Annotated[
        bool, typer.Option("--tell", help="let the other side learn the result too")
    ] = False,
    acting_body: Body = "",
    invented: Invented = False,
    preview: Preview = False,
    request_id: RequestId = "",
    json: Json = False,
) -> None:
    """Show what came of a private matching: the names that both mechanisms hold."""
    request = request_id or surroundings_of(context).new_request_id()
    place = read_place("question", question)
    output = Output(is_json=json)

    async def write(client: RegistryClient) -> AnswerPreview | Receipt:
        shared = await _shared(client, acting_body, "", is_invented=invented)
        content = read_content(EventKind.MATCHING_RETURNED, shared)
        assert isinstance(content, MatchingReturned)  # noqa: S101 - the kind says so
        if preview:
            return await client.asking.preview_telling(place, content)
        return await client.asking.tell_matching(request, place, content)

    if tell:
        _tell_done(output, "told", with_client(profile, write), "they would learn that you hold")
        return
    found = with_client(profile, lambda client: client.asking.matching(place))
    output.say(f"{found.names_sent} names of this mechanism, with {found.peer}: {found.state}")
    for each in found.held_by_both or ():
        output.say(f"  both hold the {each.kind} {each.name}")
    if found.held_by_both == ():
        output.say("  none known to be held by both, in these spellings")
    output.result(found)


async def _shared(
    client: RegistryClient, acting_body: str, words: str, *, is_invented: bool
) -> dict[str, Any]:
    """The fields of both kinds."""
    body = acting_body or (await client.node_status()).mechanism
    shared: dict[str, Any] = {"acting_body": body, "basis": "own_act", "summary": words}
    return shared | ({"is_invented": True} if is_invented else {})


def _person(text: str) -> dict[str, str]:
    person_id, colon, name = text.partition(":")
    if not colon:
        msg = "--person: a person is written ID:NAME, as the case names it"
        raise InvalidRequest(msg)
    return {"person_id": person_id.strip(), "name": name.strip()}


def _tell_done(output: Output, what: str, done: AnswerPreview | Receipt, of_names: str) -> None:
    if isinstance(done, Receipt):
        _tell_receipt(output, what, done)
        return
    output.say("exactly this would be sent:")
    output.say(f"  {done.text}")
    for each in done.names:
        output.say(f"{of_names}: the {each.kind} {each.name}")
    tell_preview(output, done.preview)
    output.result(done)


def _tell_receipt(output: Output, what: str, receipt: Receipt) -> None:
    output.say(f"{what} as event {receipt.index} of {receipt.origin}")
    output.say(f"  case  {receipt.case_id.hex()}")
    output.result({"receipt": receipt})


def _print_question(output: Output, question: Question) -> None:
    by = f" ({question.officer})" if question.officer else ""
    output.say(
        f"{question.event.origin}#{question.event.index}  {question.mechanism}{by} asked, "
        f"{time_text(question.recorded_ms)}, in case {question.case_id.hex()}"
    )
    for line in _said_by(question):
        output.say(f"  {line}")
    for each in question.answers:
        output.say(f"  {_answer_line(each)}")
    if question.open_at:
        output.say(f"  not answered by {', '.join(question.open_at)}")


def _said_by(question: Question) -> list[str]:
    content = question.content
    if content is None:
        return []
    lines = [_IN_WORDS[content.question], content.summary]
    lines += [f"reference {each}" for each in content.references]
    lines += [f"{each.kind} {each.name}" for each in content.parties]
    lines += [f"person {each.name}" for each in content.persons]
    if content.about is not None:
        lines.append(f"about event {content.about.index} of {content.about.origin}")
    return [line for line in lines if line]


def _answer_line(answer: QuestionAnswer) -> str:
    by = f" ({answer.officer})" if answer.officer else ""
    head = f"{answer.mechanism}{by} answered, {time_text(answer.recorded_ms)}"
    if answer.content is None:
        return head
    words = f": {answer.content.summary}" if answer.content.summary else ""
    return f"{head}: {answer.content.answer.replace('_', ' ')}{words}"
