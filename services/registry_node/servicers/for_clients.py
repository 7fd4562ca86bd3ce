"""What a node offers to its own clients: one servicer for each service, made here.

What it offers to members, and attachments, which work by themselves, are made where the node is.
"""

import os
from contextlib import ExitStack

from registry.application.desk import Desk
from registry.application.matching import Matching
from registry.application.randomness import RandomBytes
from registry.application.registry import Registry
from registry_node.mirror import Mirror
from registry_node.servicers.acting import ActingServicer
from registry_node.servicers.asking import AskingServicer
from registry_node.servicers.cases import CaseServicer
from registry_node.servicers.casework import CaseworkServicer
from registry_node.servicers.confidentiality import ConfidentialityServicer
from registry_node.servicers.desk import DeskServicer
from registry_node.servicers.detention import DetentionServicer
from registry_node.servicers.intents import IntentServicer
from registry_node.servicers.knowledge import KnowledgeServicer
from registry_node.servicers.links import LinkServicer
from registry_node.servicers.meetings import BriefingServicer, MeetingServicer
from registry_node.servicers.practices import PracticeServicer
from registry_node.servicers.reprisals import ReprisalServicer
from registry_node.servicers.statements import StatementServicer
from registry_node.servicers.watch import WatchServicer
from registry_node.settings import NodeSettings, asking_limits


def servicers_for_clients(
    settings: NodeSettings, registry: Registry, desk: Desk, mirror: Mirror, resources: ExitStack
) -> tuple[object, ...]:
    """Makes the servicers; those with threads of their own are closed with `resources`."""
    with_threads = (
        ActingServicer(registry, desk, mirror),
        _asking(settings, registry, desk),
        IntentServicer(registry, desk),
        LinkServicer(registry, desk),
        ReprisalServicer(registry, desk),
        WatchServicer(registry, desk),
    )
    for each in with_threads:
        resources.callback(each.close)
    return (
        *with_threads,
        BriefingServicer(registry, desk),
        CaseServicer(registry, desk),
        CaseworkServicer(registry, desk),
        ConfidentialityServicer(registry, desk, mirror.last_heard_ms),
        DeskServicer(registry, desk),
        DetentionServicer(registry, desk),
        KnowledgeServicer(registry, desk),
        MeetingServicer(registry, desk),
        PracticeServicer(registry, desk),
        StatementServicer(registry, desk),
    )


def _asking(settings: NodeSettings, registry: Registry, desk: Desk) -> AskingServicer:
    """Asking and private matching, as the operator set them."""
    random_bytes = RandomBytes(os.urandom)
    matching = Matching(registry, desk, is_on=settings.private_matching, random_bytes=random_bytes)
    return AskingServicer(registry, desk, matching, asking_limits(settings))
