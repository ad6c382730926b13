"""`help`: what a command does, as its own --help tells it."""

from typing import Annotated

import typer


def explain(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND", help="The command (template new-model).", show_default=False),
    ] = None,
) -> None:
    """Explain a command, or list them all."""
    root = context.find_root()
    root.command.main([*(words or ()), "--help"], prog_name=root.info_name)
