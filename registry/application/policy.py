"""Which acts need two people at this node: policy.json in its folder."""

from pydantic import BaseModel, ConfigDict, ValidationError

from registry.application.folder import NodeFolder, replace_file
from registry.errors import FolderError


class Policy(BaseModel):
    """What the operator decided; without a file both need two people."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    two_people_to_publish: bool = True
    two_people_to_erase: bool = True


def read_policy(folder: NodeFolder) -> Policy:
    """Reads the policy of a node; it is read once, when the node starts.

    Raises:
        FolderError: the file is damaged; nothing is guessed about who may publish.
    """
    try:
        return Policy.model_validate_json(folder.policy_file.read_bytes())
    except FileNotFoundError:
        return Policy()
    except ValidationError as error:
        msg = (
            f"{folder.policy_file} is damaged: it holds two_people_to_publish and "
            "two_people_to_erase, each true or false"
        )
        raise FolderError(msg) from error


def write_policy(folder: NodeFolder, policy: Policy) -> None:
    """Replaces the policy of a node, all or nothing."""
    replace_file(folder.policy_file, policy.model_dump_json(indent=2).encode() + b"\n")
