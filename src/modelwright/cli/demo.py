"""`demo`: a custom model, from its Modelfile to its answers, in a few seconds."""

from pathlib import Path
from typing import Final

from modelwright.cli.console import note, say
from modelwright.cli.conversation import Conversation
from modelwright.cli.models import create_model, read_modelfile
from modelwright.cli.server import HostOption, connect
from modelwright.core.errors import ModelwrightError, NotFound

MODEL: Final = "mario"
QUESTIONS: Final = ("Who are you?", "What is the capital of France?", "How do I boil an egg?")

_FILE: Final = "examples/mario/Modelfile"
_PLACES: Final = (Path(__file__).parents[3], Path(__file__).parents[1])
"""A checkout that is installed in place, and the package (see pyproject.toml)."""

_AFTERWARDS: Final = f"""\
Go on with:
  modelwright run {MODEL}                    talk to it
  modelwright show {MODEL}                   see what it is made of
  modelwright create me -f {{file}}
                                        make your own from an edited copy
  modelwright rm {MODEL}                     delete it"""


def demo(host: HostOption = "") -> None:
    """Make a custom model from examples/mario/Modelfile and ask it three questions."""
    file = _modelfile()
    text = read_modelfile(file)
    say(f"This is {file}:\n")
    for line in text.splitlines():
        say(f"    {line}".rstrip())
    say(f"\nIt makes the model {MODEL}:\n")
    with connect(host) as client:
        create_model(client, MODEL, text)
        for question in QUESTIONS:
            say(f">>> {question}")
            if not Conversation(client, MODEL).ask(question):
                raise ModelwrightError(f"{MODEL} gave no answer", hint="modelwright doctor may know why")
            say()
    note(_AFTERWARDS.format(file=file))


def _modelfile() -> str:
    """The example's path, short where that is possible."""
    found = next((place / _FILE for place in _PLACES if (place / _FILE).exists()), None)
    if found is None:
        raise NotFound("file", _FILE, hint="Install modelwright anew")
    return _FILE if Path(_FILE).resolve() == found.resolve() else str(found)
