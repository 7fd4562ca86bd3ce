"""The table of permissions: what has no row is refused, whoever asks."""

from typing import Any

import pytest

from registry.application.roles import Role
from registry.errors import NotAllowed
from registry_node.callers import Caller
from registry_node.permissions import MEMBER, PERMISSIONS, check_permitted

_MEMBER: Any = object()
METHOD = "/registry.api.v1.CaseService/GetCase"


def client(role: Role | None) -> Caller:
    return Caller("somebody", None, role)


@pytest.mark.parametrize(
    "caller",
    [*(client(role) for role in Role), client(None), Caller("beta", _MEMBER)],
    ids=[*Role, "no role", "member"],
)
def test_method_without_a_row_is_refused_for_everybody(caller: Caller) -> None:
    with pytest.raises(NotAllowed):
        check_permitted("/registry.api.v1.CaseService/DropEverything", caller)


@pytest.mark.parametrize("method", ["", "GetCase", METHOD[1:], METHOD + "/", METHOD.lower()])
def test_only_the_full_name_of_a_method_finds_its_row(method: str) -> None:
    check_permitted(METHOD, client(Role.VIEWER))

    with pytest.raises(NotAllowed):
        check_permitted(method, client(Role.VIEWER))


def test_caller_without_a_role_may_call_nothing() -> None:
    for method in PERMISSIONS:
        with pytest.raises(NotAllowed):
            check_permitted(method, client(None))


def test_client_that_is_named_like_a_member_is_still_a_client() -> None:
    table = {METHOD: frozenset({MEMBER})}
    check_permitted(METHOD, Caller("beta", _MEMBER), table)

    with pytest.raises(NotAllowed):
        check_permitted(METHOD, Caller("beta", None, Role.PUBLISHER), table)


def test_refusal_says_who_may_call() -> None:
    with pytest.raises(NotAllowed, match=r"officer, publisher, viewer.*auditor"):
        check_permitted(METHOD, client(Role.AUDITOR))
