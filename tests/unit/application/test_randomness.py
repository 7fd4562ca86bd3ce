"""Random bytes are given out once, whoever asks and however much."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count

from registry.application.randomness import RandomBytes


class Source:
    """Bytes that all differ in groups of eight."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self._numbers = count()

    def __call__(self, size: int) -> bytes:
        self.asked.append(size)
        blocks = (next(self._numbers).to_bytes(8, "big") for _ in range(-(-size // 8)))
        return b"".join(blocks)[:size]


def test_bytes_come_in_the_order_of_their_source_and_never_again() -> None:
    random_bytes = RandomBytes(Source())
    given = b"".join(random_bytes(32) for _ in range(1000))

    assert given == Source()(32_000)


def test_what_is_left_of_a_block_is_not_used_for_more_than_it_holds() -> None:
    source = Source()
    random_bytes = RandomBytes(source)
    sizes = [4000, 200, 4096, 1, 4095, 5000]

    assert [len(random_bytes(size)) for size in sizes] == sizes
    assert source.asked == [4096, 4096, 4096, 4096, 5000]


def test_no_two_threads_get_the_same() -> None:
    random_bytes = RandomBytes(Source())
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: random_bytes(16), range(5000)))

    assert len(set(given)) == 5000
