"""Commands and queries; joins store, replication rules and views."""

from registry.application.registry import NodeDigest, Receipt, RecordCommand, Registry

__all__ = ["NodeDigest", "Receipt", "RecordCommand", "Registry"]
