"""Metrics of a node for Prometheus: counts and sizes, with labels from closed lists alone."""
