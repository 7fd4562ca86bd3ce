"""References: the numbers that mechanisms give their acts, however they are spelt."""

from registry.domain.references.parsing import parse_reference
from registry.domain.references.value import REFERENCE_MAX, UNKNOWN, Reference

__all__ = ["REFERENCE_MAX", "UNKNOWN", "Reference", "parse_reference"]
