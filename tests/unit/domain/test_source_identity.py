"""The identity of a source: a type that no path can write, hold in content, or show by accident."""

import copy
import json
import pickle
from typing import Any, Final, cast

import pytest
from pydantic import ValidationError

from registry.api.v1 import content_pb2, replication_pb2
from registry.domain.content import (
    CONTENT_BY_KIND,
    ActContent,
    SourceIdentity,
    StatementIssued,
    encode_content,
)
from registry.format.v1 import control_pb2, event_pb2

CANARY: Final = "canary-7f3a"


def source() -> SourceIdentity:
    return SourceIdentity(name=CANARY, contact=CANARY, note=CANARY)


def test_source_is_readable_by_whoever_holds_it_and_shown_to_nobody() -> None:
    held = source()

    assert (held.name, held.contact, held.note) == (CANARY, CANARY, CANARY)
    assert CANARY not in f"{held!r} {held!s} {held} {[held]}"
    assert not hasattr(held, "__dict__")


@pytest.mark.parametrize(
    "write",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        lambda held: held.model_dump(),
        lambda held: held.model_dump_json(),
        lambda held: encode_content(cast("ActContent", held)),
    ],
    ids=["pickle", "copy", "deepcopy", "json", "dump", "dump json", "content"],
)
def test_source_is_written_into_nothing(write: Any) -> None:
    with pytest.raises(TypeError) as caught:
        write(source())

    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("field", StatementIssued.model_fields)
def test_no_field_of_content_takes_a_source(field: str) -> None:
    fields = {"acting_body": "a", "basis": "own_act", field: source()}

    with pytest.raises(ValidationError) as caught:
        StatementIssued.model_validate(fields)

    assert CANARY not in str(caught.value)


def test_no_message_between_nodes_and_no_content_has_a_place_for_a_source() -> None:
    files = (content_pb2, replication_pb2, event_pb2, control_pb2)
    messages = {name for file in files for name in file.DESCRIPTOR.message_types_by_name}
    fields = {name for model in CONTENT_BY_KIND.values() for name in model.model_fields}

    assert "Content" in messages
    assert not [name for name in messages if "source" in name.casefold()]
    assert [name for name in fields if "source" in name] == ["source"]
