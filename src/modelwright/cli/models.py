"""`create`, `ls`, `show`, `cp`, `rm`: the models of a server."""

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from modelwright.cli.client import Client
from modelwright.cli.console import (
    JsonOption,
    note,
    print_json,
    print_section,
    print_table,
    progress,
    say,
)
from modelwright.cli.figures import ago, moment, size
from modelwright.cli.server import HostOption, connect
from modelwright.core import modelfile
from modelwright.core.errors import Invalid, ModelwrightError, NotFound

NameArgument: TypeAlias = Annotated[str, typer.Argument(help="The model.", show_default=False)]


def create(
    name: Annotated[str, typer.Argument(help="What to call the model.", show_default=False)],
    file: Annotated[
        str, typer.Option("--file", "-f", help="The Modelfile; - is standard input.")
    ] = "Modelfile",
    host: HostOption = "",
) -> None:
    """Make a model, or a new revision of the one that has the name."""
    text = read_modelfile(file)
    with connect(host) as client:
        create_model(client, name, text)
    note(f"created {name}")


def read_modelfile(file: str) -> str:
    """The text of a Modelfile that parses; raises ModelfileError with its place."""
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except FileNotFoundError as error:
        raise NotFound("file", file, hint="Name the Modelfile with -f") from error
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}") from error
    text = modelfile.decode(content)
    modelfile.parse(text)
    return text


def create_model(client: Client, name: str, text: str) -> None:
    """Send a Modelfile and show what becomes of it."""
    with progress() as step:
        for event in client.stream("/api/create", {"model": name, "modelfile": text, "stream": True}):
            step(str(event.get("status", "")))


def ls(as_json: JsonOption = False, host: HostOption = "") -> None:
    """List the models, the last changed first."""
    with connect(host) as client:
        models = client.ask("GET", "/api/tags")["models"]
    if as_json:
        print_json(models)
        return
    now = datetime.now(UTC)
    rows = [
        (each["name"], each["digest"][:12], size(each["size"]), ago(moment(each["modified_at"]), now))
        for each in models
    ]
    print_table(("NAME", "ID", "SIZE", "MODIFIED"), rows)


def show(
    name: NameArgument,
    modelfile: Annotated[bool, typer.Option("--modelfile", help="Print its Modelfile.")] = False,
    system: Annotated[bool, typer.Option("--system", help="Print its system prompt.")] = False,
    parameters: Annotated[bool, typer.Option("--parameters", help="Print its parameters.")] = False,
    template: Annotated[bool, typer.Option("--template", help="Print its prompt template.")] = False,
    license: Annotated[bool, typer.Option("--license", help="Print its licences.")] = False,
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Show what a model is made of, or one part of it."""
    asked = [("modelfile", modelfile), ("system", system), ("parameters", parameters), ("template", template)]
    parts = [part for part, wanted in [*asked, ("license", license)] if wanted]
    if len(parts) > 1:
        raise typer.BadParameter(f"choose one of --{' --'.join(parts)}")
    with connect(host) as client:
        shown = client.ask("POST", "/api/show", {"model": name})
    if as_json:
        print_json(shown if not parts else {parts[0]: shown.get(parts[0], "")})
    elif parts:
        say(str(shown.get(parts[0], "")).rstrip("\n"))
    else:
        print_model(shown)


def print_model(shown: Mapping[str, Any]) -> None:
    """Print the answer of /api/show for people."""
    print_section("Model", _columns(_facts(shown)))
    print_section("Capabilities", shown.get("capabilities", []))
    print_section("Parameters", _columns(line.split(maxsplit=1) for line in _lines(shown, "parameters")))
    print_section("System", _lines(shown, "system"))
    print_section("Messages", [f"{each['role']}: {each['content']}" for each in shown.get("messages") or []])
    print_section("License", _lines(shown, "license")[:2])


def cp(
    source: Annotated[
        str, typer.Argument(help="The model, or one of its revisions (mario@2).", show_default=False)
    ],
    destination: Annotated[str, typer.Argument(help="Its second name.", show_default=False)],
    host: HostOption = "",
) -> None:
    """Give a model a second name; the two then go their own ways."""
    with connect(host) as client:
        client.ask("POST", "/api/copy", {"source": source, "destination": destination})
    note(f"copied {source} to {destination}")


def rm(
    names: Annotated[list[str], typer.Argument(help="The models.", show_default=False)], host: HostOption = ""
) -> None:
    """Delete models; those that were made from them go on working."""
    failed: ModelwrightError | None = None
    with connect(host) as client:
        for name in names:
            try:
                client.ask("DELETE", "/api/delete", {"model": name})
            except ModelwrightError as error:
                failed = error if failed is None else failed
            else:
                note(f"deleted {name}")
    if failed is not None:
        raise failed


def _facts(shown: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    details = shown.get("details") or {}
    known = shown.get("model_info") or {}
    architecture = str(known.get("general.architecture") or details.get("family") or "")
    yield "architecture", architecture
    yield "parameters", str(details.get("parameter_size") or "")
    yield "context length", str(known.get(f"{architecture}.context_length") or "")
    yield "embedding length", str(known.get(f"{architecture}.embedding_length") or "")
    yield "quantization", str(details.get("quantization_level") or "")
    yield "parent", str(details.get("parent_model") or "")


def _columns(pairs: Iterator[Any]) -> list[str]:
    """Two columns; a pair without a value is left out."""
    full = [tuple(pair) for pair in pairs if len(pair) == 2 and pair[1]]
    width = max((len(name) for name, _ in full), default=0)
    return [f"{name.ljust(width)}    {value}" for name, value in full]


def _lines(shown: Mapping[str, Any], part: str) -> list[str]:
    return str(shown.get(part) or "").splitlines()
