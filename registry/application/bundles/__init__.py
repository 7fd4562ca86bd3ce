"""Bundles: exchange between members by a data carrier; export, import, and what a file holds."""
