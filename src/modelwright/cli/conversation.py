"""`run`: ask a model one thing, or talk to it.

The conversation lives here, in the client: each question carries all that was
said before, as in any chat over HTTP.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from modelwright.cli.client import Client
from modelwright.cli.console import note, print_error, say, write
from modelwright.cli.models import NameArgument, print_model
from modelwright.cli.server import HostOption, connect, home
from modelwright.core.errors import Invalid, ModelwrightError
from modelwright.core.parameters import Parameters

_QUOTES: Final = '"""'
_HISTORY_LINES: Final = 1000
_HELP: Final = """\
/set system TEXT         answer under another system prompt
/set parameter NAME VALUE
                         change a parameter
/show [system|parameters|modelfile|license]
                         show the model, or a part of it
/clear                   forget what was said
/bye                     leave, as Ctrl-D does
\"\"\"                      begin and end a text of several lines
Ctrl-C                   stop an answer"""


def run(
    name: NameArgument,
    prompt: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to ask; - is standard input. Without it, a conversation.", show_default=False
        ),
    ] = None,
    host: HostOption = "",
) -> None:
    """Ask one thing when there is a prompt or a pipe, else hold a conversation."""
    question = _question(prompt or [])
    with connect(host) as client:
        talk = Conversation(client, name)
        if question is not None:
            talk.ask(question)
            return
        talk.load()
        with _line_history(home() / "history"):
            _converse(talk)


@dataclass(slots=True)
class Conversation:
    """What was said, and what the next question is asked with."""

    client: Client
    model: str
    messages: list[dict[str, str]] = field(default_factory=list)
    system: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def load(self) -> None:
        """Make the model ready to answer."""
        self.client.ask("POST", "/api/chat", {"model": self.model, "messages": [], "stream": False})

    def ask(self, question: str) -> str:
        """Print the answer as it comes; Ctrl-C stops it and keeps what was said so far."""
        if not question.strip():
            self.load()
            return ""
        asked = [*self.messages, {"role": "user", "content": question}]
        pieces: list[str] = []
        try:
            for piece in self._answer(asked):
                pieces.append(piece)
                write(piece)
        finally:
            if not pieces or not pieces[-1].endswith("\n"):
                write("\n")
            answer = "".join(pieces)
            if answer:
                self.messages = [*asked, {"role": "assistant", "content": answer}]
        return answer

    def _answer(self, messages: list[dict[str, str]]) -> Iterator[str]:
        head = [] if self.system is None else [{"role": "system", "content": self.system}]
        body = {"model": self.model, "messages": [*head, *messages], "options": self.options}
        for event in self.client.stream("/api/chat", body):
            piece = event.get("message", {}).get("content", "")
            if piece:
                yield piece


def _question(words: list[str]) -> str | None:
    """What is asked once; None for a conversation."""
    if words:
        return " ".join(sys.stdin.read() if word == "-" else word for word in words)
    return None if sys.stdin.isatty() else sys.stdin.read()


def _converse(talk: Conversation) -> None:
    """Take turns until /bye or Ctrl-D."""
    note(f"{talk.model}: ask, or type /? for help")
    while True:
        try:
            text = _read_input(input).strip()
            if text in ("/bye", "/exit"):
                return
            with suppress(KeyboardInterrupt):  # stops an answer, not the conversation
                _take_turn(talk, text)
        except EOFError:
            say()
            return
        except KeyboardInterrupt:
            note("\nType /bye or press Ctrl-D to leave.")


def _take_turn(talk: Conversation, text: str) -> None:
    try:
        if text.startswith("/"):
            _command(talk, text)
        elif text:
            talk.ask(text)
    except ModelwrightError as error:
        print_error(error)


def _read_input(read: Callable[[str], str]) -> str:
    """Read a line, or the lines between triple double quotes."""
    line = read(">>> ")
    if not line.lstrip().startswith(_QUOTES):
        return line
    text = line.lstrip().removeprefix(_QUOTES)
    while not text.rstrip().endswith(_QUOTES):
        text += "\n" + read("... ")
    return text.rstrip().removesuffix(_QUOTES)


def _command(talk: Conversation, text: str) -> None:
    match text.split(maxsplit=3):
        case ["/clear"]:
            talk.messages = []
            note("forgotten")
        case ["/?" | "/help", *_]:
            say(_HELP)
        case ["/set", "system", *_]:
            talk.system = text.split(maxsplit=2)[2].strip('"') if len(text.split()) > 2 else ""
            note("system prompt set")
        case ["/set", "parameter", name, value]:
            talk.options |= Parameters.of_texts([(name, value)]).as_dict()
            note(f"{name} is {value}")
        case ["/show", *parts]:
            _show(talk, parts)
        case _:
            raise Invalid(f"{text.split()[0]} is not understood so", hint="Type /? for what is")


def _show(talk: Conversation, parts: list[str]) -> None:
    shown = talk.client.ask("POST", "/api/show", {"model": talk.model})
    if not parts or parts == ["info"]:
        print_model(shown)
    elif parts[0] in ("system", "parameters", "modelfile", "license"):
        say(str(shown.get(parts[0]) or "").rstrip("\n"))
    else:
        raise Invalid(f"there is no {parts[0]} to show", hint="Type /? for what there is")


@contextmanager
def _line_history(path: Path) -> Iterator[None]:
    """Keep what is typed, so that the arrow keys find it the next time too."""
    try:
        import readline
    except ImportError:  # a Python that was built without it
        yield
        return
    with suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(_HISTORY_LINES)
    try:
        yield
    finally:
        with suppress(OSError):
            path.touch(mode=0o600)
            readline.write_history_file(path)
