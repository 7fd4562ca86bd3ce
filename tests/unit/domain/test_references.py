"""References meet in whatever spelling, and no wrong ones meet."""

import csv
import random
import re
from importlib.resources import files

import pytest

from registry.domain.references import REFERENCE_MAX, UNKNOWN, parse_reference

SPELLINGS = {
    ("un.communication", "EGY 5/2014"): [
        "UA EGY 5/2014",
        "ua egy 05/2014",
        "UA\u00a0EGY\u00a05/2014",
        "UA EGY 5 / 2014",
        "EGY 5/2014",
    ],
    ("un.communication", "MEX 3/2014"): ["AL MEX 3/2014"],
    ("un.communication", "RUS 4/2019"): ["OL RUS 4/2019"],
    ("un.communication", "TUN 4/2026"): ["TUN 4/2026"],
    ("wgad.opinion", "A/HRC/WGAD/2014/12"): [
        "Opinion No. 12/2014",
        "opinion no 012/2014",
        "Opinion 12/2014",
        "A/HRC/WGAD/2014/12",
        "a / hrc / wgad / 2014 / 12",
    ],
    ("tb.document", "CAT/C/51/D/426/2010"): ["CAT/C/51/D/426/2010", "cat/c/51/d/426/2010"],
    ("tb.document", "CCPR/C/128/3/Add.1"): ["CCPR/C/128/3/Add.1", "CCPR/C/128/3/ADD. 01"],
    ("upr.recommendation", "A/HRC/30/10 para. 140.175"): [
        "A/HRC/30/10 para. 140.175",
        "A/HRC/30/10, paragraph 140.175",
        "A/HRC/30/10 § 140.175",
    ],
    ("upr.paragraph", "140.175"): ["140.175"],
    ("un.document", "A/HRC/27/38"): ["A/HRC/27/38", "A/HRC/27/038"],
    ("iachr.precautionary_measure", "PM 967-19"): [
        "MC 967-19",
        "PM 967-19",
        "MC-967-19",
        "PM 967\u201319",
        "MC 967-2019",
    ],
    ("iachr.precautionary_measure", "PM 30-14"): ["PM 30/14", "MC 30-14"],
    ("iachr.petition", "P-107-14"): ["P-107-14", "P 107-14", "Petition 107/14"],
    ("iachr.case", "Case 10.455"): ["10.455", "Case 10.455", "Caso 10.455"],
    ("iachr.resolution", "Resolution 66/19"): ["Resolution 66/19", "RESOLUCIÓN 66/2019"],
    ("iachr.press_release", "No. 185/16"): [
        "No. 185/16",
        "press release No. 185/16",
        "Comunicado de prensa 185/2016",
    ],
    ("achpr.resolution", "ACHPR/Res.273 (LV) 2014"): [
        "ACHPR/Res.273 (LV) 2014",
        "ACHPR/Res.273(LV)2014",
        "ACHPR/Res.273(LV)14",
        "ACHPR/Res. 273 (lv) 14",
    ],
    ("achpr.communication", "Communication 323/06"): [
        "Communication 323/06",
        "communication no. 323/06",
    ],
    ("coe.document", "0900001680b5d28d"): ["0900001680b5d28d", "0900001680B5D28D"],
    ("coe.commdh", "CommDH(2014)22"): ["CommDH(2014)22", "CommDH (2014) 22"],
    ("coe.application", "application 36559/19"): ["36559/19", "application no. 36559/19"],
    ("coe.resolution", "CM/ResDH(2017)429"): ["CM/ResDH(2017)429", "cm/resdh (2017) 429"],
    ("osce.opinion", "NGO-POL/303/2017"): ["NGO-POL/303/2017", "NGO\u2013POL/303/2017"],
    ("obs.appeal", "TUN 001 / 0517 / OBS 052.1"): [
        "TUN 001 / 0517 / OBS 052.1",
        "TUN 001/0517/OBS 052.1",
        "TUN 1 / 0517 / OBS 52.1",
    ],
}
PAIRS = [(key, text) for key, texts in SPELLINGS.items() for text in texts]
MUTATIONS = 10_000
ANY = "\u00b9\u2075\u24600123456789ABCDVXLabcdxn/-.()& ,\u00a0\u2013\u0660\U0001f600"


def symbols() -> list[str]:
    """Every symbol of the shipped register of treaty-body decisions."""
    sample = files("registry.domain") / "samples" / "un_treaty_body_decisions.csv"
    rows = csv.DictReader(sample.read_text(encoding="utf-8").splitlines())
    return [row["symbol"] for row in rows]


@pytest.mark.parametrize(("expected", "text"), PAIRS)
def test_spellings_meet_in_the_normal_form(expected: tuple[str, str], text: str) -> None:
    found = parse_reference(text)

    assert (found.scheme, found.normal) == expected
    assert found.meets(parse_reference(found.normal))
    assert parse_reference(found.normal).normal == found.normal


def test_different_references_do_not_meet() -> None:
    found = [parse_reference(key[1]) for key in SPELLINGS]

    assert sum(a.meets(b) for a in found for b in found) == len(found)


def test_every_symbol_of_the_shipped_register_round_trips() -> None:
    written = symbols()
    found = [parse_reference(symbol) for symbol in written]

    assert len(written) > 1_000
    assert {each.scheme for each in found} == {"tb.document"}
    assert [parse_reference(each.normal) for each in found] == found
    # Spelt the same but for letters and spaces: nothing else was read into them.
    assert [each.normal.lower() for each in found] == [
        symbol.replace(" ", "").lower() for symbol in written
    ]


@pytest.mark.parametrize(
    ("text", "updated"),
    [
        ("CCPR/C/128/3/Add.1", "CCPR/C/128/3"),
        ("CCPR/C/95/D/1051/2002/Rev.2", "CCPR/C/95/D/1051/2002"),
        ("A/HRC/27/38/Add.1/Corr.01", "A/HRC/27/38"),
        ("TUN 001 / 0517 / OBS 052.12", "TUN 001 / 0517 / OBS 052"),
        ("TUN 001 / 0517 / OBS 052", ""),
    ],
)
def test_updates_point_to_what_they_update(text: str, updated: str) -> None:
    found = parse_reference(text)

    assert found.updates == updated
    assert not updated or parse_reference(updated).scheme == found.scheme


def test_the_type_of_a_communication_is_an_attribute() -> None:
    urgent, plain = parse_reference("UA EGY 5/2014"), parse_reference("EGY 5/2014")

    assert (urgent.attribute, plain.attribute) == ("UA", "")
    assert urgent.meets(plain)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "66/19",
        "No. 12/2014",
        "A/HRC/27/38\u00b9",
        "UA EGY \u2460/2014",
        "UA ABC 5/2014",
        "ACHPR/Res.273 (IIX) 2014",
        "TUN 001 / 1317 / OBS 052",
        "letter 3",
    ],
)
def test_what_no_format_fits_is_kept_as_written(text: str) -> None:
    found = parse_reference(f" {text}\u2013 ")

    assert found[:2] == (UNKNOWN, f"{text}\u2013")
    assert parse_reference(text)[:2] == (UNKNOWN, text)


def test_unknown_references_meet_nothing() -> None:
    assert not parse_reference("letter 3").meets(parse_reference("letter 3"))


@pytest.mark.parametrize("text", ["application no. 936/12", "application 0936/12"])
def test_application_with_few_digits_round_trips(text: str) -> None:
    found = parse_reference(text)

    assert found.normal == "application 936/12"
    assert parse_reference(found.normal) == found


def test_a_decimal_in_a_symbol_keeps_its_zero() -> None:
    assert not parse_reference("A/HRC/27/3.08").meets(parse_reference("A/HRC/27/3.8"))


def test_a_text_without_end_is_not_looked_at() -> None:
    long = "CCPR/C/" + "1/" * REFERENCE_MAX

    assert parse_reference(long).normal == long
    assert parse_reference("CCPR/C/" + "1" * (REFERENCE_MAX - 7)).scheme == "tb.document"
    assert parse_reference("A/HRC" + "/1." * 160).scheme == UNKNOWN


def test_ten_thousand_changed_references_never_meet_a_wrong_one() -> None:
    rng = random.Random(20141125)
    texts = [text for _, text in PAIRS] + rng.sample(symbols(), 200)
    met = 0
    for _ in range(MUTATIONS):
        text = rng.choice(texts)
        changed = _changed(rng, text)
        before, after = parse_reference(text), parse_reference(changed)
        assert parse_reference(after.normal)[:3] == after[:3]
        if after.meets(before):
            met += 1
            assert _numbers(changed) == _numbers(text), (text, changed)
    assert 0 < met < MUTATIONS // 2


def _changed(rng: random.Random, text: str) -> str:
    """One character put in, taken out, or another one in its place."""
    at = rng.randrange(len(text))
    put, taken = rng.choice([(1, 0), (0, 1), (1, 1)])
    return text[:at] + (rng.choice(ANY) if put else "") + text[at + taken :]


def _numbers(text: str) -> list[int]:
    """The numbers in a text, years with or without their century alike."""
    return [int(digits) % 2000 for digits in re.findall("[0-9]+", text)]
