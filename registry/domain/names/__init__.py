"""Names of persons and organisations: compared across spelling, order and script."""

from registry.domain.names.folding import FoldedName, KnownWords, Token, fold_name
from registry.domain.names.keys import keys_of
from registry.domain.names.matching import LIKELY, NameMatch, Way, match_names

__all__ = [
    "LIKELY",
    "FoldedName",
    "KnownWords",
    "NameMatch",
    "Token",
    "Way",
    "fold_name",
    "keys_of",
    "match_names",
]
