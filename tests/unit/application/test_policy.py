"""Which acts need two people: both, unless the operator said otherwise in so many words."""

from pathlib import Path

import pytest

from registry.application.folder import NodeFolder
from registry.application.policy import Policy, read_policy, write_policy
from registry.errors import FolderError


def test_node_without_a_policy_asks_for_two_people(tmp_path: Path) -> None:
    assert read_policy(NodeFolder(tmp_path)) == Policy(
        two_people_to_publish=True, two_people_to_erase=True
    )


def test_what_the_policy_does_not_name_needs_two_people(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text('{"two_people_to_publish": false}')

    assert read_policy(NodeFolder(tmp_path)).two_people_to_erase


def test_policy_that_was_written_is_read(tmp_path: Path) -> None:
    policy = Policy(two_people_to_publish=False, two_people_to_erase=True)

    write_policy(NodeFolder(tmp_path), policy)

    assert read_policy(NodeFolder(tmp_path)) == policy


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"two_people_to_publish": "no"}', '{"two_people": false}', '{"x": 0}'],
)
def test_policy_that_is_not_understood_is_not_guessed_at(tmp_path: Path, text: str) -> None:
    (tmp_path / "policy.json").write_text(text)

    with pytest.raises(FolderError, match="damaged"):
        read_policy(NodeFolder(tmp_path))
