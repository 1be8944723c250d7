"""Commands that are imported when they are called, so that a call loads what it needs and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


@dataclass(frozen=True)
class CommandPlace:
    """Where a command lives: ``module:name`` of its function, or of the ``typer.Typer`` of a group of commands.

    ``help`` is the first line of its help, which the list of commands shows without importing it.
    """

    place: str
    help: str
    hidden: bool = False


class LazyCommand(TyperCommand):
    """A command by name and help; the one it stands for is imported when it is called."""

    def __init__(self, name: str, place: CommandPlace) -> None:
        super().__init__(name, help=place.help, hidden=place.hidden)
        self.place = place

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the command and let it read its arguments: what is invoked then is the command itself."""
        return self.load().make_context(info_name, args, parent, **extra)

    def load(self) -> TyperCommand | TyperGroup:
        """Import the command and return it."""
        module, _, attribute = self.place.place.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            return get_group(found)
        alone = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)
        alone.command(self.name)(found)
        command = get_command(alone)
        assert isinstance(command, TyperCommand), "one function is one command"
        return command


def lazy_group(places: Mapping[str, CommandPlace]) -> type[TyperGroup]:
    """Return the class of a group with these commands, for ``typer.Typer(cls=...)``."""

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands.update({name: LazyCommand(name, place) for name, place in places.items()})

    return LazyGroup
