"""Pages of a history: they belong together by its digest, or the reader starts again."""

from registry.errors import HistoryChanged, InvalidRequest
from registry.views.case_file import CaseHistory
from registry_node.paging import page_size, read_place, write_place


def slice_of(history: CaseHistory, asked: int, token: str) -> tuple[int, int, str]:
    """Returns where a page starts and ends and the next token, which holds for this digest only.

    Raises:
        InvalidRequest: more items than a page can have were asked.
        HistoryChanged: the token is of another digest.
    """
    size = page_size(asked)
    seal = history.digest.hex()[:16]
    try:
        start = read_place(token, sealed_by=seal)
    except InvalidRequest as error:
        msg = "the history changed since the first page was read; start again"
        raise HistoryChanged(msg) from error
    end = min(start + size, len(history.events))
    return start, end, write_place(end, sealed_by=seal) if end < len(history.events) else ""
