"""A client profile: the folder that `registry client add` writes, one per client and node."""

import stat
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from registry.errors import FolderError, KeyFileError


class ProfileDescription(BaseModel):
    """What profile.json says."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    name: str
    address: str
    server_name: str
    mechanism: str


class ClientProfile(BaseModel):
    """A profile with its certificates and key, PEM."""

    model_config = ConfigDict(frozen=True)

    description: ProfileDescription
    key: bytes = Field(repr=False)
    certificate: bytes = Field(repr=False)
    node_certificate: bytes = Field(repr=False)


def load_profile(folder: Path) -> ClientProfile:
    """Reads a profile folder.

    Raises:
        FolderError: it is no profile.
        KeyFileError: others may read the key.
    """
    try:
        mode = (folder / "client.key").stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            msg = f"{folder / 'client.key'} must have mode 0600: chmod 600"
            raise KeyFileError(msg)
        return ClientProfile(
            description=ProfileDescription.model_validate_json(
                (folder / "profile.json").read_bytes()
            ),
            key=(folder / "client.key").read_bytes(),
            certificate=(folder / "client.crt").read_bytes(),
            node_certificate=(folder / "node.crt").read_bytes(),
        )
    except OSError as error:
        msg = f"{folder} is no client profile ({error.strerror}); see `registry client add`"
        raise FolderError(msg) from error
    except ValidationError as error:
        msg = f"{folder / 'profile.json'} is damaged; make the profile anew"
        raise FolderError(msg) from error
