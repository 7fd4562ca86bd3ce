"""Preview and export: what would leave, and what may be used; each lie by its name."""

import pytest

from registry.application.exporting import Export, Exporting, ExportPurpose
from registry.application.recording import RecordCommand
from registry.domain.audience import EVERYONE, OWN_ONLY, AudienceChoice, named
from registry.domain.content import ActContent
from registry.domain.identifiers import CaseId
from registry.errors import InvalidRequest, NotFound, RegistryError
from registry.views.case_file import Reader
from tests.unit.application.federation_in_process import (
    START_MS,
    Node,
    Nodes,
    opening,
    statement,
    with_gone,
)
from tests.unit.application.persons_world import AYO, BEA, consent, naming, withdrawn


def opened(node: Node) -> CaseId:
    return node.record(opening()).case_id


def titles(export: Export) -> list[str]:
    return [event.content.title for event in export.events if event.content is not None]


# --- export ---------------------------------------------------------------------------------


def test_content_for_some_is_in_no_export_for_the_public_or_a_state(node: Node) -> None:
    case_id = opened(node)
    node.record(statement("open"), case_id)
    node.record(statement("sealed"), case_id, audience=named("beta"))

    purposes: tuple[ExportPurpose, ...] = ("public", "state")
    for purpose in purposes:
        export = node.registry.export(case_id, purpose)
        assert titles(export) == ["An invented matter", "open"]
        assert export.left_out == 1


def test_mechanisms_are_given_what_each_of_them_may_hold(node: Node) -> None:
    case_id = opened(node)
    node.record(statement("for beta"), case_id, audience=named("beta"))
    node.record(statement("for both"), case_id, audience=named("beta", "gamma"))

    assert titles(node.registry.export(case_id, "mechanisms", ("beta",)))[1:] == [
        "for beta",
        "for both",
    ]
    both = node.registry.export(case_id, "mechanisms", ("beta", "gamma"))
    assert titles(both)[1:] == ["for both"]


@pytest.mark.parametrize("is_removed", [True, False])
def test_nothing_is_exported_for_a_member_that_takes_part_no_more(
    node: Node, *, is_removed: bool
) -> None:
    case_id = opened(node)
    node.record(statement("for beta"), case_id, audience=named("beta", "gamma"))
    registry = node.registry
    roster = with_gone(registry.roster, "beta", is_removed=is_removed)
    reader = Reader(registry.store, roster, registry.own.id, registry.clock_ms)
    exporting = Exporting(reader, registry.consents)
    history = registry.history(case_id)

    for recipients in (("beta",), ("gamma", "beta")):
        with pytest.raises(InvalidRequest, match="beta takes part no more"):
            exporting.export(history, "mechanisms", recipients)
    assert titles(exporting.export(history, "mechanisms", ("gamma",)))[1:] == ["for beta"]


def test_names_without_consent_for_the_purpose_are_taken_out_and_counted(node: Node) -> None:
    case_id = opened(node)
    node.record(consent("names_in_public"), case_id)
    node.record(consent("names_in_public", person=BEA), case_id)
    node.record(consent("names_to_state", person=BEA), case_id)
    node.record(naming(AYO, BEA), case_id)

    public = node.registry.export(case_id, "public")
    state = node.registry.export(case_id, "state")

    assert public.events[-1].content is not None
    assert state.events[-1].content is not None
    assert public.events[-1].content.persons == (AYO, BEA)
    assert state.events[-1].content.persons == (BEA,)
    assert (public.names_taken_out, state.names_taken_out) == (0, 1)
    assert (public.left_out, state.left_out) == (3, 3)


def test_withdrawn_name_is_in_no_export_from_then_on(node: Node) -> None:
    case_id = opened(node)
    node.record(consent("names_in_public"), case_id)
    node.record(naming(AYO, title="named"), case_id)
    node.record(naming(title="in text: Zemlinski"), case_id)
    node.record(withdrawn("names_in_public"), case_id)

    export = node.registry.export(case_id, "public")

    assert titles(export) == ["An invented matter", "named"]
    assert AYO.name not in repr(export.events)
    assert export.names_taken_out == 1


def test_consent_shared_with_a_mechanism_is_exported_whole_or_not_at_all(node: Node) -> None:
    case_id = opened(node)
    node.record(consent("share_with_mechanisms", "beta"), case_id, audience=named("beta"))

    assert len(node.registry.export(case_id, "mechanisms", ("beta",)).events) == 2
    node.record(withdrawn(), case_id)
    again = node.registry.export(case_id, "mechanisms", ("beta",))
    assert AYO.name not in repr(again.events)


def test_consent_to_be_named_in_public_permits_no_name_in_what_is_for_some(node: Node) -> None:
    case_id = opened(node)
    node.record(consent("names_in_public"), case_id)
    node.record(consent("share_with_mechanisms", "beta"), case_id)
    node.record(naming(AYO, title="for all"), case_id)
    node.record(naming(AYO, title="for beta"), case_id, audience=named("beta"))

    both = node.registry.export(case_id, "mechanisms", ("beta",))
    assert both.names_taken_out == 0
    node.record(withdrawn("share_with_mechanisms"), case_id)

    after = node.registry.export(case_id, "mechanisms", ("beta",))
    told = {e.content.title: e.content.persons for e in after.events if e.content is not None}
    assert (told["for all"], told["for beta"]) == ((AYO,), ())


def test_own_content_under_embargo_is_exported_only_after_its_time(node: Node) -> None:
    case_id = opened(node)
    node.record(statement("later"), case_id, not_before_ms=START_MS + 1000)

    assert titles(node.registry.export(case_id, "public")) == ["An invented matter"]
    node.clock.time_ms += 1000
    assert "later" in titles(node.registry.export(case_id, "public"))


def test_content_that_is_not_readable_here_is_left_out_and_counted(nodes: Nodes) -> None:
    case_id = opened(nodes["alpha"])
    nodes["alpha"].record(statement("sealed"), case_id, audience=OWN_ONLY)
    nodes.carry_all()

    export = nodes["beta"].registry.export(case_id, "public")

    assert (titles(export), export.left_out) == (["An invented matter"], 1)


def test_recipients_are_named_for_mechanisms_and_for_nothing_else(node: Node) -> None:
    case_id = opened(node)

    with pytest.raises(InvalidRequest, match="recipients"):
        node.registry.export(case_id, "public", ("beta",))
    with pytest.raises(InvalidRequest, match="recipients"):
        node.registry.export(case_id, "mechanisms")
    with pytest.raises(NotFound):
        node.registry.export(case_id, "mechanisms", ("nobody",))


# --- preview --------------------------------------------------------------------------------


def command(case_id: CaseId | None, content: ActContent, audience: AudienceChoice) -> RecordCommand:
    return RecordCommand("preview", "", case_id, content, audience)


def test_preview_tells_who_gets_what_and_records_nothing(node: Node) -> None:
    case_id = opened(node)

    sealed = node.registry.preview(command(case_id, statement(), named("gamma")))
    public = node.registry.preview(command(case_id, statement(), EVERYONE))

    assert (sealed.visible_kind, sealed.recipients) == ("sealed", ("alpha", "gamma"))
    assert (sealed.is_for_everyone, sealed.is_publishing) == (False, False)
    assert (public.visible_kind, public.recipients) == ("statement_issued", tuple(node_names()))
    assert (public.is_for_everyone, public.is_publishing) == (True, True)
    assert sealed.refusals == public.refusals == ()
    assert node.registry.store.log_state(node.log_id).size == 1


def node_names() -> list[str]:
    return ["alpha", "beta", "gamma"]


def test_preview_of_a_withdrawal_shows_everyone_who_may_hold_the_name(node: Node) -> None:
    case_id = opened(node)
    node.record(consent("share_with_mechanisms", "beta"), case_id)
    node.record(naming(AYO), case_id, audience=named("beta"))

    preview = node.registry.preview(command(case_id, withdrawn(), OWN_ONLY))

    assert preview.recipients == ("alpha", "beta")


@pytest.mark.parametrize(
    ("content", "audience"),
    [
        (naming(AYO), EVERYONE),
        (naming(AYO), named("beta")),
        (naming(BEA), named("beta", "gamma")),
        (naming(AYO, title="Quintavalle"), EVERYONE),
        (naming(title="Zemlinski"), named("beta")),
        (naming(AYO), OWN_ONLY),
        (opening(), EVERYONE),
        (statement(), EVERYONE),
    ],
)
def test_preview_refuses_exactly_what_recording_refuses(
    node: Node, content: ActContent, audience: AudienceChoice
) -> None:
    case_id = opened(node)
    node.record(consent("share_with_mechanisms", "beta"), case_id)
    node.record(naming(BEA), case_id, audience=OWN_ONLY)
    asked = command(case_id, content, audience)

    refusals = node.registry.preview(asked).refusals

    try:
        node.registry.record(asked).result()
        told = ""
    except RegistryError as error:
        told = str(error)
    assert told == (refusals[0] if refusals else "")


def test_case_that_is_not_known_is_refused_in_the_preview_too(node: Node) -> None:
    preview = node.registry.preview(command(CaseId(b"c" * 16), statement(), EVERYONE))

    assert preview.refusals
    assert "no such case" in preview.refusals[0]
