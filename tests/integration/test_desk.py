"""Inside one mechanism, over gRPC: hidden cases, two people, and who read what."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from typer.testing import CliRunner

from registry.api.v1 import (
    attachments_pb2,
    attachments_pb2_grpc,
    cases_pb2,
    cases_pb2_grpc,
    confidentiality_pb2,
    confidentiality_pb2_grpc,
    desk_pb2,
    desk_pb2_grpc,
)
from registry.application.clients import add_client, read_clients
from registry.application.folder import NodeFolder
from registry.application.policy import Policy, write_policy
from registry.application.roles import Role
from registry.client import RegistryClient, case, load_profile
from registry.client.confidentiality import PartToErase
from registry.client.content_conversion import content_to_proto
from registry.domain.audience import OWN_ONLY
from registry.domain.content import SourceIdentity
from registry.domain.identifiers import CaseId
from registry.errors import NeedsApproval, NotAllowed, NotFound
from registry_cli.federation import LocalNode
from registry_cli.main import app
from tests.integration.federation_world import (
    channel_as_client,
    found,
    opened,
    start_all,
    statement,
    stop_all,
    until,
)

PEOPLE: Final = {
    "ada": Role.OFFICER,
    "ben": Role.PUBLISHER,
    "cleo": Role.PUBLISHER,
    "vic": Role.VIEWER,
    "audit": Role.AUDITOR,
    "admin": Role.ADMINISTRATOR,
}


@dataclass
class Mechanism:
    """A node where two people are needed, and those who work there."""

    node: LocalNode
    folder: Path

    def profile(self, name: str) -> Path:
        return self.folder / name

    def client(self, name: str) -> RegistryClient:
        return RegistryClient(load_profile(self.profile(name)))

    def channel(self, name: str) -> grpc.aio.Channel:
        return channel_as_client(self.node, self.profile(name))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mechanism]:
    folder = tmp_path_factory.mktemp("office")
    nodes = found(folder, "alpha", "beta")
    write_policy(NodeFolder(nodes[0].folder), Policy())
    for name, role in PEOPLE.items():
        add_client(nodes[0].folder, name, folder / "people" / name, role)
    try:
        start_all(nodes)
        yield Mechanism(nodes[0], folder / "people")
    finally:
        stop_all(nodes)


@pytest.fixture
async def ada(office: Mechanism) -> AsyncIterator[RegistryClient]:
    async with office.client("ada") as client:
        yield client


@pytest.fixture
async def ben(office: Mechanism) -> AsyncIterator[RegistryClient]:
    async with office.client("ben") as client:
        yield client


# --- hidden cases -------------------------------------------------------------------------------

Call = Callable[[grpc.aio.Channel, bytes, int], Any]
ABSENT: Final = bytes(range(16))
PLACE_PAST_THE_END: Final = 1_000_000
TO_BETA: Final = cases_pb2.AudienceSelector(mechanisms=["beta"])


def _cases(channel: grpc.aio.Channel) -> Any:
    return cases_pb2_grpc.CaseServiceStub(channel)


def _sharing(channel: grpc.aio.Channel) -> Any:
    return confidentiality_pb2_grpc.ConfidentialityServiceStub(channel)


def _desk(channel: grpc.aio.Channel) -> Any:
    return desk_pb2_grpc.DeskServiceStub(channel)


def _event(case_id: bytes) -> cases_pb2.RecordEventRequest:
    return cases_pb2.RecordEventRequest(
        request_id="probe",
        case=case(CaseId(case_id)),
        content=content_to_proto(statement("Probe (invented)")),
    )


async def _download(channel: grpc.aio.Channel, index: int) -> None:
    stub: Any = attachments_pb2_grpc.AttachmentServiceStub(channel)
    request = attachments_pb2.DownloadAttachmentRequest(index=index, ordinal=1)
    async for _ in stub.DownloadAttachment(request, timeout=60):
        pass


CALLS: Final[dict[str, Call]] = {
    "GetCase": lambda c, i, _: _cases(c).GetCase(
        cases_pb2.GetCaseRequest(case=case(CaseId(i))), timeout=5
    ),
    "GetHistory": lambda c, i, _: _cases(c).GetHistory(
        cases_pb2.GetHistoryRequest(case=case(CaseId(i))), timeout=5
    ),
    "GetTimeline": lambda c, i, _: _cases(c).GetTimeline(
        cases_pb2.GetTimelineRequest(case=case(CaseId(i))), timeout=5
    ),
    "RecordEvent": lambda c, i, _: _cases(c).RecordEvent(_event(i), timeout=60),
    "PreviewEvent": lambda c, i, _: _sharing(c).PreviewEvent(
        confidentiality_pb2.PreviewEventRequest(event=_event(i)), timeout=5
    ),
    "ExportCase": lambda c, i, _: _sharing(c).ExportCase(
        confidentiality_pb2.ExportCaseRequest(
            case=case(CaseId(i)), purpose=confidentiality_pb2.EXPORT_PURPOSE_PUBLIC
        ),
        timeout=60,
    ),
    "PreviewWidening": lambda c, _, n: _sharing(c).PreviewWidening(
        confidentiality_pb2.PreviewWideningRequest(index=n, audience=TO_BETA), timeout=60
    ),
    "WidenAudience": lambda c, _, n: _sharing(c).WidenAudience(
        confidentiality_pb2.WidenAudienceRequest(request_id="probe", index=n, audience=TO_BETA),
        timeout=60,
    ),
    "EraseContent": lambda c, _, n: _sharing(c).EraseContent(
        confidentiality_pb2.EraseContentRequest(
            request_id="probe", targets=[confidentiality_pb2.ErasureTarget(index=n)]
        ),
        timeout=60,
    ),
    "GetErasureStatus": lambda c, _, n: _sharing(c).GetErasureStatus(
        confidentiality_pb2.GetErasureStatusRequest(index=n), timeout=5
    ),
    "GetAct": lambda c, _, n: _desk(c).GetAct(desk_pb2.GetActRequest(index=n), timeout=60),
    "GetSource": lambda c, _, n: _desk(c).GetSource(desk_pb2.GetSourceRequest(index=n), timeout=60),
    "DownloadAttachment": lambda c, _, n: _download(c, n),
}


async def whole_status(call: Any, hidden: dict[str, str]) -> tuple[Any, ...]:
    """All that a refused caller is told; what it named itself and the error's id left out."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    error = refused.value
    keys = [key for key, _ in error.trailing_metadata() or ()]
    (details,) = [
        status_pb2.Status.FromString(value)
        for key, value in error.trailing_metadata() or ()
        if key == "grpc-status-details-bin" and isinstance(value, bytes)
    ]
    info = error_details_pb2.ErrorInfo()
    (packed,) = details.details
    assert packed.Unpack(info)
    assert len(info.metadata.pop("error_id")) == 8
    text = error.details() or ""
    assert details.message == text
    for named, word in hidden.items():
        text = text.replace(named, word)
    rest = (details.code, info.reason, info.domain, dict(info.metadata))
    return (error.code(), text, keys, *rest, list(error.initial_metadata() or ()))


@pytest.mark.parametrize("name", list(CALLS))
async def test_hidden_case_is_answered_exactly_as_one_that_does_not_exist(
    office: Mechanism, ada: RegistryClient, name: str
) -> None:
    receipt = await ada.open_case(f"hidden-{name}", opened("Hidden (invented)"))
    async with office.client("admin") as admin:
        await admin.desk.restrict(case(receipt.case_id), ["ada"])

    index, case_id = receipt.index, receipt.case_id
    async with office.channel("ben") as channel:
        hidden = await whole_status(
            CALLS[name](channel, case_id, index), {case_id.hex(): "ID", f"event {index} ": "it "}
        )
        absent = await whole_status(
            CALLS[name](channel, ABSENT, PLACE_PAST_THE_END),
            {ABSENT.hex(): "ID", f"event {PLACE_PAST_THE_END} ": "it "},
        )

    assert hidden == absent
    assert hidden[0] is grpc.StatusCode.NOT_FOUND


async def test_hidden_case_is_in_no_list_and_is_there_for_who_is_named(
    office: Mechanism, ada: RegistryClient, ben: RegistryClient
) -> None:
    shown = await ada.open_case("listed-1", opened("Shown (invented)"))
    hidden = await ada.open_case("listed-2", opened("Hidden (invented)"))
    waiting = statement("Waits (invented)")
    with pytest.raises(NeedsApproval) as asked:
        await ada.record("listed-3", case(hidden.case_id), waiting)
    async with office.client("admin") as admin:
        await admin.desk.restrict(case(hidden.case_id), ["ada"])

    async def both_are_listed() -> bool:
        listed = {summary.case_id async for summary in ada.list_cases()}
        return {shown.case_id, hidden.case_id} <= listed

    await until(both_are_listed, "who is named finds the hidden case in the list")
    ids = {summary.case_id async for summary in ben.list_cases()}
    assert shown.case_id in ids
    assert hidden.case_id not in ids
    assert asked.value.act_id not in {act.act_id async for act in ben.desk.pending()}
    with pytest.raises(NotFound):
        await ben.desk.approve(asked.value.act_id)
    assert (await ada.history(case(hidden.case_id))).events[0].content is not None


async def test_administrator_limits_a_case_and_reads_nothing_of_it(
    office: Mechanism, ada: RegistryClient
) -> None:
    receipt = await ada.open_case("admin-1", opened("Not for administrators (invented)"))
    async with office.client("admin") as admin:
        await admin.desk.restrict(case(receipt.case_id), ["admin"])
        with pytest.raises(NotAllowed):
            await admin.get_case(case(receipt.case_id))
        with pytest.raises(NotFound):
            await admin.desk.restrict(case(CaseId(ABSENT)), ["ada"])


# --- two people ---------------------------------------------------------------------------------


async def test_published_act_waits_for_another_person_and_is_kept_with_both(
    ada: RegistryClient, ben: RegistryClient
) -> None:
    receipt = await ada.open_case("two-1", opened("Two people (invented)"))
    preview = await ada.confidentiality.preview(case(receipt.case_id), statement("x"))
    assert preview.needs_approval
    with pytest.raises(NeedsApproval) as asked:
        await ada.record("two-2", case(receipt.case_id), statement("For all (invented)"))
    with pytest.raises(NeedsApproval) as again:
        await ada.record("two-2", case(receipt.case_id), statement("For all (invented)"))
    assert again.value.act_id == asked.value.act_id

    acts = {act.act_id: act async for act in ben.desk.pending()}
    content = acts[asked.value.act_id].content
    assert content is not None
    assert getattr(content, "title", "") == "For all (invented)"
    done = await ben.desk.approve(asked.value.act_id)

    act = await ada.desk.act(done.index)
    assert (act.officer, act.approver) == ("ada", "ben")
    repeated = await ada.record("two-2", case(receipt.case_id), statement("For all (invented)"))
    assert (repeated.index, repeated.was_recorded_before) == (done.index, True)


async def test_second_certificate_of_the_same_person_is_no_second_person(
    office: Mechanism, ben: RegistryClient
) -> None:
    folder = NodeFolder(office.node.folder)
    other = office.profile("ben-too")
    fingerprint = add_client(office.node.folder, "ben-too", other, Role.PUBLISHER)
    lines = json.loads(folder.clients_file.read_bytes())
    lines[fingerprint]["name"] = "ben"
    folder.clients_file.write_text(json.dumps(lines))
    assert [client.name for client in read_clients(folder).values()].count("ben") == 2
    receipt = await ben.open_case("self-1", opened("Alone (invented)"))
    with pytest.raises(NeedsApproval) as asked:
        await ben.record("self-2", case(receipt.case_id), statement("Alone (invented)"))

    async with RegistryClient(load_profile(other)) as second, office.client("cleo") as cleo:
        with pytest.raises(NotAllowed):
            await second.desk.approve(asked.value.act_id)
        with pytest.raises(NotAllowed):
            await ben.desk.approve(asked.value.act_id)
        done = await cleo.desk.approve(asked.value.act_id)
        act = await cleo.desk.act(done.index)
        assert (act.officer, act.approver) == ("ben", "cleo")


async def test_erasure_waits_and_a_declined_one_erases_nothing(
    ada: RegistryClient, ben: RegistryClient
) -> None:
    receipt = await ada.open_case("erase-1", opened("To be erased (invented)"))
    waiting = await ada.confidentiality.erase("erase-2", [PartToErase(receipt.index, 0)])
    assert waiting.receipt is None
    await ben.desk.decline(waiting.pending_act_id)
    assert (await ada.history(case(receipt.case_id))).events[0].content is not None

    waiting = await ada.confidentiality.erase("erase-3", [PartToErase(receipt.index, 0)])
    await ben.desk.approve(waiting.pending_act_id)
    assert (await ada.history(case(receipt.case_id))).events[0].content_state == "erased"


# --- reads and sources --------------------------------------------------------------------------


async def test_reads_of_confidential_content_are_kept_for_the_auditor(
    office: Mechanism, ada: RegistryClient
) -> None:
    receipt = await ada.open_case("reads-1", opened("Read by many (invented)"), audience=OWN_ONLY)
    async with office.client("vic") as vic:
        await vic.history(case(receipt.case_id))
        await vic.timeline(case(receipt.case_id))
        await vic.get_case(case(receipt.case_id))
    await ada.confidentiality.export(case(receipt.case_id), "mechanisms", ["beta"])

    async with office.client("audit") as auditor:
        reads = [read async for read in auditor.desk.reads(receipt.case_id)]
        with pytest.raises(NotAllowed):
            await auditor.history(case(receipt.case_id))
    assert [(read.client, read.method) for read in reversed(reads)][:3] == [
        ("vic", "GetHistory"),
        ("vic", "GetTimeline"),
        ("vic", "GetCase"),
    ]
    assert {read.case_id for read in reads} == {receipt.case_id}


async def test_source_stays_at_the_node_and_is_told_to_its_officers(
    office: Mechanism, ada: RegistryClient
) -> None:
    receipt = await ada.open_case("source-1", opened("Sourced (invented)"))
    source = SourceIdentity(name="A source (invented)", contact="by letter")
    done = await ada.record(
        "source-2", case(receipt.case_id), statement("S"), audience=OWN_ONLY, source=source
    )

    found_source = await ada.desk.source(done.index)

    assert (found_source.name, found_source.contact) == (source.name, source.contact)
    with pytest.raises(NotFound):
        await ada.desk.source(receipt.index)
    async with office.client("vic") as vic:
        with pytest.raises(NotAllowed):
            await vic.desk.source(done.index)


# --- the command line ---------------------------------------------------------------------------


def run(office: Mechanism, name: str, *arguments: str) -> Any:
    """Runs a verb as one of the people; returns the document."""
    line = [*arguments, "--profile", str(office.profile(name)), "--json"]
    result = CliRunner().invoke(app, line, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_two_people_work_with_the_verbs(office: Mechanism) -> None:
    fields = ("--field", "acting_body=test.desk", "--field", "basis=own_act")
    invented = (*fields, "--field", "is_invented=yes", "--field", "title=By hand (invented)")
    opened_case = run(office, "ada", "record", "case_opened", *invented)
    case_id = opened_case["receipt"]["case_id"]
    which = ("--case", case_id)

    asked = run(
        office, "ada", "record", "statement_issued", *which, *invented, *("--audience", "all")
    )
    (act,) = [a for a in run(office, "ben", "desk", "pending") if a["case_id"] == case_id]
    assert (act["act_id"], act["officer"]) == (asked["pending_act_id"], "ada")
    done = run(office, "ben", "desk", "approve", act["act_id"])

    shown = run(office, "audit", "desk", "act", str(done["index"]))
    assert (shown["officer"], shown["approver"]) == ("ada", "ben")
    run(office, "admin", "desk", "restrict", case_id, "--client", "ada", "--client", "audit")
    with pytest.raises(NotFound):
        run(office, "ben", "case", "history", case_id)
    run(office, "admin", "desk", "restrict", case_id)
    assert len(run(office, "ben", "case", "history", case_id)["events"]) == 2
    assert isinstance(run(office, "audit", "desk", "reads", *which), list)
