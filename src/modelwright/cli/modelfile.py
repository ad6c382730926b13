"""`modelfile check`: what a Modelfile says, without any server."""

import sys
from typing import Annotated

import typer

from modelwright.cli.console import JsonOption, print_error, print_json, print_table
from modelwright.cli.create import read_modelfile
from modelwright.core.modelfile import ModelfileError, parse


def check(
    file: Annotated[str, typer.Argument(help="The Modelfile; - is standard input.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Print the commands of a Modelfile, or where it goes wrong."""
    try:
        commands = parse(read_modelfile(file))
    except ModelfileError as error:
        if as_json:
            print_json({"error": str(error), "line": error.line, "column": error.column})
        else:
            print_error(error)
        sys.exit(1)
    if as_json:
        print_json([{"name": command.name, "args": command.args} for command in commands])
    else:
        print_table(
            ("LINE", "COMMAND", "VALUE"), [(str(c.line), c.name, _first_line(c.args)) for c in commands]
        )


def _first_line(text: str) -> str:
    lines = text.splitlines()
    return f"{lines[0]} ..." if len(lines) > 1 else text
