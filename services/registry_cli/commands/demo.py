"""`registry demo`: four mechanisms on this machine, real public records, one invented case, proof.

Everything goes the way users go: the founding ceremony, client certificates, gRPC, the import with
its mappings. The nodes are processes of their own on loopback and end with the demo.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Final

import typer

from registry.application.verification import VerificationReport, verify_folder
from registry.client import History, NodeDigest, RegistryClient, load_profile
from registry.domain.content import (
    ActContent,
    CaseOpened,
    CommunicationSent,
    EventPointer,
    FollowupAssessed,
    FollowupInformation,
    LegalReviewIssued,
    NativeGrade,
    PartialDate,
    RecommendationMade,
    ReplyReceived,
    StatementIssued,
    SubmissionReceived,
)
from registry.domain.identifiers import CaseId, RegistryId
from registry.domain.register_mapping import load_mapping, sample_register
from registry.errors import NotFound, PeerUnavailable
from registry_cli.federation import LocalNode, Mechanism, found_federation, running
from registry_cli.importing import ImportReport, import_register
from registry_cli.output import Output
from registry_cli.rendering import print_history

REGISTRY_NAME: Final = "demo.registry.example"
UN: Final = Mechanism("un", "United Nations (special procedures, treaty bodies, UPR)")
COE: Final = Mechanism("coe-commissioner", "Council of Europe Commissioner for Human Rights")
ODIHR: Final = Mechanism("osce-odihr", "OSCE Office for Democratic Institutions and Human Rights")
OBSERVATORY: Final = Mechanism("observatory", "The Observatory (FIDH-OMCT)")
REGISTERS: Final = (
    ("un", "un_treaty_bodies"),
    ("un", "upr_defenders"),
    ("coe-commissioner", "coe_commissioner"),
)
_TIMEOUT_S: Final = 120.0
_POLL_S: Final = 0.1
