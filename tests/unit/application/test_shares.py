"""Shares of officers: any k give the secret back; fewer, mixed, doubled or miswritten do not."""

import itertools

import pytest

from registry.application.key_care.shares import OfficerShare, join_shares, read_share, split_secret
from registry.errors import InvalidRequest

SECRET = bytes(range(16))


@pytest.mark.parametrize(("threshold", "count"), [(2, 2), (2, 3), (3, 5), (16, 16)])
def test_any_of_enough_shares_give_the_secret_back(threshold: int, count: int) -> None:
    shares = split_secret(SECRET, threshold=threshold, count=count)

    assert [share.number for share in shares] == list(range(1, count + 1))
    for chosen in itertools.islice(itertools.permutations(shares, threshold), 20):
        assert join_shares(chosen) == SECRET
    assert join_shares(shares) == SECRET


def test_fewer_shares_are_refused() -> None:
    shares = split_secret(SECRET, threshold=3, count=5)

    with pytest.raises(InvalidRequest, match="3 shares are needed, 2 given"):
        join_shares(shares[:2])


def test_a_share_given_twice_counts_once() -> None:
    shares = split_secret(SECRET, threshold=2, count=3)

    with pytest.raises(InvalidRequest, match="given twice"):
        join_shares((shares[0], shares[0]))


def test_shares_of_two_secrets_are_not_mixed() -> None:
    first = split_secret(SECRET, threshold=2, count=3)
    other = split_secret(SECRET[::-1], threshold=2, count=3)
    assert first[0].set_id != other[0].set_id  # of 32768 sets; otherwise the cipher notices

    with pytest.raises(InvalidRequest, match="different backups"):
        join_shares((first[0], other[1]))


def test_shares_that_only_pretend_to_fit_are_refused() -> None:
    (first, _), (_, other) = (split_secret(SECRET, threshold=2, count=2) for _ in range(2))
    forged = OfficerShare(other.words, first.set_id, other.number, other.threshold)

    with pytest.raises(InvalidRequest, match="do not fit together"):
        join_shares((first, forged))


@pytest.mark.parametrize("at", range(20))
def test_one_flipped_word_is_noticed_wherever_it_stands(at: int) -> None:
    words = split_secret(SECRET, threshold=2, count=2)[0].words.split()
    words[at] = "academic" if words[at] != "academic" else "zero"

    with pytest.raises(InvalidRequest, match="a share is not right"):
        read_share(" ".join(words))


def test_words_that_changed_places_are_noticed() -> None:
    words = split_secret(SECRET, threshold=2, count=2)[0].words.split()
    words[8], words[9] = "academic", "acid"
    with pytest.raises(InvalidRequest):
        read_share(" ".join(words))


def test_word_that_is_none_of_the_list_is_told_by_its_place_and_not_shown() -> None:
    words = split_secret(SECRET, threshold=2, count=2)[0].words.split()
    words[6] = "quixotic"

    with pytest.raises(InvalidRequest, match="word 7 of a share is none of the list") as caught:
        read_share(" ".join(words))

    assert "quixotic" not in str(caught.value)


@pytest.mark.parametrize("count", [0, 19, 21, 33])
def test_another_number_of_words_is_refused(count: int) -> None:
    with pytest.raises(InvalidRequest, match=f"has 20 words, found {count}"):
        read_share("academic " * count)


def test_share_is_read_however_it_is_typed() -> None:
    share = split_secret(SECRET, threshold=2, count=2)[1]
    words = share.words.split()
    lines = "\n".join(f"{at:>2}. {word.upper()}" for at, word in enumerate(words, 1))

    assert read_share(f"# keys of un, share 2 of 2\n{lines}\r\n") == share
    assert share.words not in repr(share)


@pytest.mark.parametrize(("threshold", "count"), [(1, 1), (1, 3), (0, 2), (3, 2), (2, 17)])
def test_numbers_that_make_no_sense_are_refused(threshold: int, count: int) -> None:
    with pytest.raises(InvalidRequest, match=f"not {threshold} of {count}"):
        split_secret(SECRET, threshold=threshold, count=count)


def test_share_of_the_standards_own_vectors_is_read() -> None:
    share = read_share(
        "shadow pistol academic always adequate wildlife fancy gross oasis cylinder mustang "
        "wrist rescue view short owner flip making coding armed"
    )

    assert (share.number, share.threshold) == (3, 2)
