"""`serve`: every setting is a flag; the server itself is the room above `web`."""

import inspect
import os
import sys
from typing import Annotated, Any

import typer

from modelwright.cli.console import note, print_error
from modelwright.cli.server import BUSY
from modelwright.core.errors import Conflict
from modelwright.serving import serve as serve_settings
from modelwright.settings import RULES, Rule, read_settings


def serve(config: str, temporary: bool, **flags: str | bool | None) -> None:
    """Start the server; the flags are the settings, as text."""
    given = {name: str(value).lower() if isinstance(value, bool) else value
             for name, value in flags.items() if value is not None}  # fmt: skip
    settings = read_settings(given, os.environ, config=config)
    try:
        serve_settings(settings, note, temporary=temporary)
    except Conflict as error:
        if not temporary:
            raise
        print_error(error)
        sys.exit(BUSY)


def _signature() -> inspect.Signature:
    """The parameters of the command: one for each setting, then our own two."""
    settings = [_parameter(name, _option(name, rule), None) for name, rule in RULES.items()]
    config = Annotated[str, typer.Option(help="The settings file, else modelwright.toml in the data folder.")]
    return inspect.Signature(
        [
            *settings,
            _parameter("config", config, ""),
            _parameter("temporary", Annotated[bool, typer.Option("--temporary", hidden=True)], False),
        ]
    )


def _option(name: str, rule: Rule) -> Any:
    """A setting as an option; one that is on or off takes no text."""
    if rule.default in ("true", "false"):
        return Annotated[bool | None, typer.Option(f"--{name}", help=rule.doc, show_default=False)]
    return Annotated[str | None, typer.Option(help=rule.doc, show_default=False)]


def _parameter(name: str, annotation: Any, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


serve.__signature__ = _signature()  # type: ignore[attr-defined] # typer reads the options from it
