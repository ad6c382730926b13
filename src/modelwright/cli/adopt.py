"""`adopt`: an Ollama's models become a modelwright's, without a second copy."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from modelwright.cli.client import NATIVE
from modelwright.cli.console import JsonOption, byte_progress, note, print_json, say
from modelwright.cli.figures import size
from modelwright.cli.server import HostOption, connect
from modelwright.cli.transfer import pass_of
from modelwright.core.errors import ModelwrightError, Unsupported

_PLACES: Final = ("~/.ollama/models", "/usr/share/ollama/.ollama/models", "/var/lib/ollama/models")
"""Where Ollama keeps its models: for a user, and as a service of a system."""


def adopt(
    folder: Annotated[
        str,
        typer.Argument(help="The models folder; else OLLAMA_MODELS, or Ollama's own.", show_default=False),
    ] = "",
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Take over the models of an Ollama; nothing of it is changed. Can be done again."""
    place = Path(folder).expanduser().absolute() if folder else _default(os.environ)
    with connect(host) as client:
        token = pass_of(client)
        if not token:
            raise Unsupported(
                f"the server at {client.url} is not this user's on this machine",
                hint="Adopt beside the server, as the user it runs as",
            )
        events = client.stream(f"{NATIVE}/adopt", {"path": str(place), "token": token})
        results = list(_results(events))
    if as_json:
        print_json({"folder": str(place), "models": results})
    else:
        for result in results:
            say(_line(result))
        if not results:
            note(f"there are no models in {place}")
    if skipped := sum(result["status"] == "skipped" for result in results):
        raise ModelwrightError(f"{skipped} of {len(results)} were not adopted")


def _default(environ: Mapping[str, str]) -> Path:
    named = environ.get("OLLAMA_MODELS", "").strip().strip("\"'").strip()
    if named:
        return Path(named).expanduser().absolute()
    places = [Path(place).expanduser() for place in _PLACES]
    return next((place for place in places if (place / "manifests").is_dir()), places[0])


def _results(events: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The events that say what became of something; the others move a bar."""
    shown = ""
    with ExitStack() as bars:
        for event in events:
            if event["status"] != "reading":
                yield event
                continue
            if event["digest"] != shown:
                shown = event["digest"]
                bars.close()
                text = f"reading {shown[:19]} of {event['model']} ({size(event['total'])})"
                move = bars.enter_context(byte_progress(text, event["total"]))
            move(event["completed"])


def _line(result: Mapping[str, Any]) -> str:
    if result["status"] == "skipped":
        return f"skipped    {result['place']}: {result['reason']}"
    notices = "".join(f"\n           {notice}" for notice in result.get("notices", ()))
    return f"{result['status']:<10} {result['model'].removesuffix(':latest')}{notices}"
