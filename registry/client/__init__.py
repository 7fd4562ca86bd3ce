"""The typed async client of a node."""
