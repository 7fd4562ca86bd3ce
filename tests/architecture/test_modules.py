"""Every module says what it is on its first line and stays short."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 400
GENERATED = (ROOT / "registry" / "api", ROOT / "registry" / "format")
MODULES = [
    path
    for folder in ("registry", "services", "tests", "protos")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not any(path.is_relative_to(generated) for generated in GENERATED)
]


def opens_with_a_docstring(text: str) -> bool:
    """Whether the first line of a module's text holds the first words of its docstring."""
    first_line = text.partition("\n")[0].removeprefix("r")
    summary = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    return first_line.startswith('"""') and summary != "" and summary in first_line


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_opens_with_what_it_is(module: Path) -> None:
    assert opens_with_a_docstring(module.read_text())


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_at_most_400_lines(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= MAX_LINES


def test_a_module_without_words_on_its_first_line_is_noticed() -> None:
    assert opens_with_a_docstring('"""Says it."""\n')
    assert not opens_with_a_docstring('"""\nSays it late."""\n')
    assert not opens_with_a_docstring('import ast\n\n"""Not a docstring."""\n')
    assert not opens_with_a_docstring("")


def test_every_package_folder_is_a_package() -> None:
    folders = {module.parent for module in MODULES if not module.is_relative_to(ROOT / "tests")}
    folders -= {ROOT / "protos"}

    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []
