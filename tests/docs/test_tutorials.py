"""The tutorials do what they say, from empty folders on; see `test_readme_code_blocks`."""

from pathlib import Path

import pytest

from tests.docs.test_readme_code_blocks import ROOT, check_document

TUTORIALS = sorted((ROOT / "docs").glob("tutorial-*.md"))


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_tutorial_does_what_it_says(page: Path, tmp_path: Path) -> None:
    check_document(page.read_text(), tmp_path)


def test_there_is_a_tutorial_and_the_first_page_leads_to_it() -> None:
    readme = (ROOT / "README.md").read_text()

    assert TUTORIALS
    assert all(f"docs/{page.name}" in readme for page in TUTORIALS)
