"""Page sizes and tokens: bounded, and good for their own list only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import InvalidRequest
from registry_node.paging import PAGE_SIZE_MAX, page_size, read_place, write_place


def test_page_sizes_have_a_default_and_a_limit() -> None:
    assert page_size(0) == 100
    assert page_size(PAGE_SIZE_MAX) == PAGE_SIZE_MAX
    with pytest.raises(InvalidRequest, match="1001 were asked"):
        page_size(PAGE_SIZE_MAX + 1)


def test_no_token_is_the_first_page() -> None:
    assert read_place("", sealed_by="peers") == 0


@given(st.integers(0, 10**18 - 1), st.text("abcdef0123456789-", max_size=20))
def test_token_leads_back_to_its_place(place: int, seal: str) -> None:
    assert read_place(write_place(place, sealed_by=seal), sealed_by=seal) == place


@given(st.integers(0, 10**18 - 1), st.text("abc", max_size=3), st.text("abc", max_size=3))
def test_token_of_another_list_is_refused(place: int, seal: str, other: str) -> None:
    if seal == other:
        return
    with pytest.raises(InvalidRequest):
        read_place(write_place(place, sealed_by=seal), sealed_by=other)


@given(st.text(min_size=1))
def test_made_up_token_is_refused_or_names_a_place_that_fits_63_bits(token: str) -> None:
    try:
        place = read_place(token, sealed_by="peers")
    except InvalidRequest:
        return
    assert 0 <= place < 2**63
    assert token.endswith(".peers")
