"""RFC 6962 proofs against vectors from outside: which are accepted, which are refused."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from registry.domain.identifiers import LeafHash
from registry.errors import BadProof
from registry.log.merkle import verify_consistency, verify_inclusion

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "rfc6962-merkle"
Vectors = dict[str, dict[str, Any]]
INCLUSION: Vectors = json.loads((FOLDER / "inclusion.json").read_text())
CONSISTENCY: Vectors = json.loads((FOLDER / "consistency.json").read_text())


def hashes(texts: list[str] | None) -> list[bytes]:
    return [b64decode(text) for text in texts or ()]


def check_inclusion(vector: dict[str, Any]) -> None:
    verify_inclusion(
        leaf=LeafHash(b64decode(vector["leafHash"])),
        index=vector["leafIdx"],
        size=vector["treeSize"],
        path=hashes(vector["proof"]),
        root=b64decode(vector["root"]),
    )


def check_consistency(vector: dict[str, Any]) -> None:
    verify_consistency(
        first_size=vector["size1"],
        first_root=b64decode(vector["root1"]),
        second_size=vector["size2"],
        second_root=b64decode(vector["root2"]),
        path=hashes(vector["proof"]),
    )


@pytest.mark.parametrize("name", [n for n, v in INCLUSION.items() if not v["wantErr"]])
def test_inclusion_proof_is_accepted(name: str) -> None:
    check_inclusion(INCLUSION[name])


@pytest.mark.parametrize("name", [n for n, v in INCLUSION.items() if v["wantErr"]])
def test_inclusion_proof_is_refused(name: str) -> None:
    with pytest.raises(BadProof):
        check_inclusion(INCLUSION[name])


@pytest.mark.parametrize("name", [n for n, v in CONSISTENCY.items() if not v["wantErr"]])
def test_consistency_proof_is_accepted(name: str) -> None:
    check_consistency(CONSISTENCY[name])


@pytest.mark.parametrize("name", [n for n, v in CONSISTENCY.items() if v["wantErr"]])
def test_consistency_proof_is_refused(name: str) -> None:
    with pytest.raises(BadProof):
        check_consistency(CONSISTENCY[name])


def test_no_vector_was_lost() -> None:
    assert [len(INCLUSION), len(CONSISTENCY)] == [98, 98]
