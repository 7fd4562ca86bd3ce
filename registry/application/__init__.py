"""Commands and queries; joins store, replication rules and views."""

from registry.application.registry import Receipt, RecordCommand, Registry

__all__ = ["Receipt", "RecordCommand", "Registry"]
