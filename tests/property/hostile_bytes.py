"""Bytes as a hostile peer would send them: noise, and sound bytes with something changed."""

from hypothesis import settings
from hypothesis import strategies as st

EXAMPLES = max(settings.default.max_examples if settings.default else 0, 300)
"""Per decoder and kind of bytes."""


@st.composite
def _mutated(draw: st.DrawFn, samples: tuple[bytes, ...]) -> bytes:
    data = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        end = draw(st.integers(at, min(at + 40, len(data))))
        change = draw(st.sampled_from(("flip", "cut", "repeat", "insert", "replace", "truncate")))
        if change == "flip" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif change == "cut":
            del data[at:end]
        elif change == "repeat":
            data[at:at] = data[at:end]
        elif change == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=12))
        elif change == "replace":
            data[at:end] = draw(st.binary(max_size=40))
        else:
            del data[at:]
    return bytes(data)


def hostile(*samples: bytes) -> st.SearchStrategy[bytes]:
    """Noise, and mutations of the samples."""
    return st.one_of(_mutated(samples), _mutated(samples), st.binary(max_size=200))
