"""A group of commands of which only the module is loaded that a call needs.

All of them together take twice as long to start as one, and an officer calls one at a time.
"""

import gc
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperGroup


class Verb(NamedTuple):
    """Where a command is found: the panel of the help, its module below `commands`, its name."""

    panel: str
    module: str
    attribute: str


class LoadingGroup(TyperGroup):
    """The commands of `verbs`, in their order."""

    verbs: ClassVar[Mapping[str, Verb]] = {}

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of typer
        super().__init__(**options)
        self.commands = _Loaded(self.verbs)  # type: ignore[assignment] # nobody adds to them

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - typer's own click
        """Their names; loads nothing."""
        del ctx
        return list(self.commands)


class _Loaded(Mapping[str, Any]):
    """Commands by name, each loaded when it is looked at."""

    def __init__(self, verbs: Mapping[str, Verb]) -> None:
        self._verbs = verbs
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - a command of typer's own click
        if name not in self._loaded:
            self._loaded[name] = _load(name, self._verbs[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._verbs)

    def __len__(self) -> int:
        return len(self._verbs)


def _load(name: str, verb: Verb) -> Any:  # noqa: ANN401 - a command of typer's own click
    gc.disable()  # as while the program itself is loaded
    try:
        module = import_module(f"registry_cli.commands.{verb.module}")
    finally:
        gc.enable()
    found = getattr(module, verb.attribute)
    alone = typer.Typer()
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name, rich_help_panel=verb.panel)
    else:
        alone.command(name, rich_help_panel=verb.panel)(found)
    return typer.main.get_group(alone).commands[name]
