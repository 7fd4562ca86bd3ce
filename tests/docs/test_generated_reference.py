"""The generated pages are what the data and the models say, and show every participant and kind."""

import subprocess
import sys
from pathlib import Path

from registry.domain.content import CONTENT_BY_KIND
from registry.domain.mechanisms import shipped_profiles
from registry.domain.vocabulary import kind_code

ROOT = Path(__file__).resolve().parents[2]
PARTICIPANTS = (ROOT / "docs" / "participants.md").read_text(encoding="utf-8")
OF_THE_MEETING = (
    "Special Rapporteur on the situation of human rights defenders",
    "African Commission",
    "Inter-American Commission",
    "Council of Europe Commissioner",
    "OSCE Office",
    "European Union",
    "Francophonie",
    "Observatory",
)
"""Who met in November 2014."""


def test_generated_pages_are_current() -> None:
    command = [sys.executable, "docs/generate.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_a_page_that_is_not_current_is_noticed(tmp_path: Path) -> None:
    script = tmp_path / "docs" / "generate.py"
    script.parent.mkdir()
    script.write_text((ROOT / "docs" / "generate.py").read_text())
    done = subprocess.run(
        [sys.executable, str(script), "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "participants.md is not current" in done.stderr


def test_every_participant_of_the_meeting_has_its_instruments_in_the_table() -> None:
    assert all(name in PARTICIPANTS for name in OF_THE_MEETING)
    for profile in shipped_profiles().by_name.values():
        assert f"## {profile.participant}\n" in PARTICIPANTS
        assert all(f"| `{code}` |" in PARTICIPANTS for code in profile.instruments)


def test_every_kind_has_a_schema_with_its_example() -> None:
    for kind in CONTENT_BY_KIND:
        schema = (ROOT / "docs" / "schemas" / f"{kind_code(kind)}.json").read_text(encoding="utf-8")
        assert '"examples"' in schema
