"""`demo`: a custom model, from its Modelfile to its answers, in a few seconds."""

from itertools import count
from pathlib import Path
from typing import Final

from modelwright.cli.client import Client
from modelwright.cli.console import note, say
from modelwright.cli.conversation import Conversation
from modelwright.cli.models import create_model, read_modelfile
from modelwright.cli.server import HostOption, connect
from modelwright.core.errors import ModelwrightError, NotFound
from modelwright.core.modelfile import parse

MODEL: Final = "mario"
QUESTIONS: Final = ("Who are you?", "What is the capital of France?", "How do I boil an egg?")

_FILE: Final = "examples/mario/Modelfile"
_PLACES: Final = (Path(__file__).parents[3], Path(__file__).parents[1])
"""A checkout that is installed in place, and the package (see pyproject.toml)."""

_AFTERWARDS: Final = """\
Go on with:
  modelwright run {name}       talk to it
  modelwright show {name}      see what it is made of
  modelwright rm {name}        delete it
Make your own from an edited copy of {file}:
  modelwright create NAME -f FILE"""


def demo(host: HostOption = "") -> None:
    """Make a custom model from examples/mario/Modelfile and ask it three questions."""
    file = _modelfile()
    text = read_modelfile(file)
    say(f"This is {file}:\n")
    for line in text.splitlines():
        say(f"    {line}".rstrip())
    with connect(host) as client:
        name = _name(client, text)
        say(f"\nIt makes the model {name}:\n")
        create_model(client, name, text)
        for question in QUESTIONS:
            say(f">>> {question}")
            if not Conversation(client, name).ask(question):
                raise ModelwrightError(f"{name} gave no answer", hint="modelwright doctor may know why")
            say()
    note(_AFTERWARDS.format(name=name, file=file))


def _name(client: Client, text: str) -> str:
    """A name for the demo's model: not that of a model which is somebody's own."""
    [system] = [command.args for command in parse(text) if command.name == "system"]
    taken = {each["name"].removesuffix(":latest") for each in client.ask("GET", "/api/tags")["models"]}
    for number in count(1):
        name = MODEL if number == 1 else f"{MODEL}-{number}"
        if name not in taken or client.ask("POST", "/api/show", {"model": name}).get("system") == system:
            break
    return name


def _modelfile() -> str:
    """The example's path, short where that is possible."""
    found = next((place / _FILE for place in _PLACES if (place / _FILE).exists()), None)
    if found is None:
        raise NotFound("file", _FILE, hint="Install modelwright anew")
    return _FILE if Path(_FILE).resolve() == found.resolve() else str(found)
