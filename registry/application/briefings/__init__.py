"""Briefings of one node: gathered by the export path, composed, and rendered."""
