"""`create`: a Modelfile and the files it names become a model."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from modelwright.cli.client import Client
from modelwright.cli.console import note, progress
from modelwright.cli.local_files import LocalFiles
from modelwright.cli.server import HostOption, connect
from modelwright.cli.transfer import send_files
from modelwright.core import modelfile
from modelwright.core.create_request import plan_create
from modelwright.core.errors import Invalid, ModelwrightError, NotFound
from modelwright.core.names import Name
from modelwright.core.prompt_template.faults import TemplateError
from modelwright.core.prompt_template.prompt import PromptTemplate

DEFAULT: Final = "Modelfile"


def create(
    name: Annotated[str, typer.Argument(help="What to call the model.", show_default=False)],
    file: Annotated[
        str,
        typer.Option(
            "--file",
            "-f",
            help="The Modelfile; - is standard input. Without one, ./Modelfile or the weights that are here.",
            show_default=False,
        ),
    ] = "",
    quantize: Annotated[
        str,
        typer.Option(
            "--quantize", "-q", help="Quantize the weights, for example to q4_K_M.", show_default=False
        ),
    ] = "",
    warm: Annotated[
        bool,
        typer.Option("--warm", help="Have its prompt computed, so that the first answer is quick."),
    ] = False,
    host: HostOption = "",
) -> None:
    """Make a model, or a new revision of the one that has the name."""
    text = read_modelfile(file or DEFAULT) if file or Path(DEFAULT).exists() else _of_this_folder()
    with connect(host) as client, _naming(name):
        create_model(client, name, text, folder=_folder(file), quantize=quantize, warm=warm)
    note(f"created {name}")


def _of_this_folder() -> str:
    """What a folder without a Modelfile means: its weights."""
    try:
        LocalFiles("").find(".", "model")
    except Invalid as error:
        error.hint = error.hint or "Write a Modelfile, or name one with -f"
        raise
    return "FROM ."


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Say what is wrong with a name where the server, as Ollama, says only that it is."""
    try:
        yield
    except ModelwrightError as error:
        if error.message == "invalid model name":
            Name.parse(name)
        raise


def read_modelfile(file: str) -> str:
    """The text of a Modelfile that parses, its templates too.

    Raises ModelfileError with its place.
    """
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except FileNotFoundError as error:
        raise NotFound("file", file, hint="Name a Modelfile that is there with -f") from error
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}") from error
    if content.startswith(b"GGUF") or file.endswith(".safetensors"):
        line = f"FROM {file if '/' in file else f'./{file}'}"
        raise Invalid(f"{file} has weights and is no Modelfile", hint=f'Write one with the line "{line}"')
    text = modelfile.decode(content)
    for command in modelfile.parse(text):
        _check_template(command)
    return text


def _check_template(command: modelfile.Command) -> None:
    """See that a TEMPLATE can be read; raises ModelfileError at its place in the file."""
    if command.name != "template":
        return
    try:
        PromptTemplate.parse(command.args)
    except TemplateError as error:
        first = error.line <= 1
        raise modelfile.ModelfileError(
            error.fault,
            line=command.line + max(error.line - 1, 0),
            column=error.column + (command.value_column - 1 if first else 0) or command.column,
            hint=error.hint,
        ) from error


def create_model(
    client: Client, name: str, text: str, *, folder: str = "", quantize: str = "", warm: bool = False
) -> None:
    """Send a Modelfile and its files, found from `folder`; show what becomes of it."""
    plan = plan_create(modelfile.parse(text), LocalFiles(folder).find)
    body = {"model": name, **plan.body(send_files(client, plan.paths)), "stream": True}
    if quantize:
        body["quantize"] = quantize
    if warm:
        body["warm"] = True
    with progress() as step:
        for event in client.stream("/api/create", body):
            step(str(event.get("status", "")))


def _folder(file: str) -> str:
    return "" if file in ("", "-") else str(Path(file).parent)
