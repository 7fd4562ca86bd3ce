"""Commands and queries; joins store, replication rules and views."""
