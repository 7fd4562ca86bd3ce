"""The sides of matchings in the office database: kept, replaced, forgotten, gone with the log."""

from contextlib import closing
from pathlib import Path

from registry.domain.identifiers import CaseId, LogId
from registry.store.matching_book import MatchingRow
from registry.store.office import Office

KEY = b"o" * 32
ROW = MatchingRow(b"k" * 32, 5, b"s" * 32, "[]", CaseId(b"c" * 16), 0, "confirmed", "{}")
OTHER = ROW._replace(key=b"l" * 32, confirmation="answer x", content="")


def test_side_is_found_by_key_and_confirmation_and_replaced(tmp_path: Path) -> None:
    with closing(Office(tmp_path / "office.db", KEY)) as office:
        office.matching.keep(ROW._replace(names="[1]"))
        office.matching.keep(ROW)
        office.matching.keep(OTHER)

        assert office.matching.of_key(ROW.key) == ROW
        assert office.matching.of_confirmation("answer x") == OTHER
        assert {each.key: each.is_asker for each in office.matching.ages()} == {
            ROW.key: True,
            OTHER.key: False,
        }


def test_what_is_forgotten_is_gone_and_the_rest_stays(tmp_path: Path) -> None:
    with closing(Office(tmp_path / "office.db", KEY)) as office:
        office.matching.keep(ROW)
        office.matching.keep(OTHER)
        office.matching.forget([ROW.key])

        assert office.matching.of_key(ROW.key) is None
        assert office.matching.of_key(OTHER.key) == OTHER


def test_new_epoch_of_the_own_log_forgets_every_side(tmp_path: Path) -> None:
    with closing(Office(tmp_path / "office.db", KEY)) as office:
        office.begin_log(LogId(b"1" * 32))
        office.matching.keep(ROW)
        office.begin_log(LogId(b"1" * 32))
        assert office.matching.of_key(ROW.key) == ROW

        office.begin_log(LogId(b"2" * 32))

        assert office.matching.ages() == []
