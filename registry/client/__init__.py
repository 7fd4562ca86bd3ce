"""The typed async client of a node."""

from registry.client.client import RegistryClient, case, situation
from registry.client.profile import ClientProfile, load_profile
from registry.client.standing import LogStatus, LogWitness, NodeStatus, PeerStatus
from registry.client.values import (
    CaseSummary,
    Disagreement,
    History,
    HistoryEvent,
    LogPlace,
    NodeDigest,
    Receipt,
    TimelineItem,
)

__all__ = [
    "CaseSummary",
    "ClientProfile",
    "Disagreement",
    "History",
    "HistoryEvent",
    "LogPlace",
    "LogStatus",
    "LogWitness",
    "NodeDigest",
    "NodeStatus",
    "PeerStatus",
    "Receipt",
    "RegistryClient",
    "TimelineItem",
    "case",
    "load_profile",
    "situation",
]
