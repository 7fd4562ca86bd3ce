"""Commands and queries; joins store, replication rules and views."""

from registry.application.recording import Receipt, RecordCommand
from registry.application.registry import Registry

__all__ = ["Receipt", "RecordCommand", "Registry"]
