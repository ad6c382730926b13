"""`modelfile check`: what a Modelfile says, without any server."""

import sys
from typing import Annotated

import typer

from modelwright.cli.console import JsonOption, print_error, print_json, print_table
from modelwright.cli.create import read_modelfile
from modelwright.core.modelfile import Command, ModelfileError, parse
from modelwright.core.prompt_template.faults import TemplateError
from modelwright.core.prompt_template.prompt import PromptTemplate


def check(
    file: Annotated[str, typer.Argument(help="The Modelfile; - is standard input.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Print the commands of a Modelfile, or where it goes wrong."""
    try:
        commands = parse(read_modelfile(file))
        for command in commands:
            _check_template(command)
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


def _check_template(command: Command) -> None:
    """See that a TEMPLATE can be read; raises ModelfileError at its place in the file."""
    if command.name != "template":
        return
    try:
        PromptTemplate.parse(command.args)
    except TemplateError as error:
        first = error.line <= 1
        raise ModelfileError(
            error.fault,
            line=command.line + max(error.line - 1, 0),
            column=error.column + (command.value_column - 1 if first else 0) or command.column,
            hint=error.hint,
        ) from error


def _first_line(text: str) -> str:
    lines = text.splitlines()
    return f"{lines[0]} ..." if len(lines) > 1 else text
