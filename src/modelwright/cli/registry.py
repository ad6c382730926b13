"""`pull`, `push`, `login`, `logout`: models of registries, and who one is there."""

import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from modelwright.cli.client import NATIVE
from modelwright.cli.console import byte_progress, note
from modelwright.cli.figures import size
from modelwright.cli.server import HostOption, connect
from modelwright.core.errors import Invalid

ModelArgument: TypeAlias = Annotated[
    str, typer.Argument(help="The model, its registry in front (hf.co/user/repo:Q4_K_M).", show_default=False)
]
RegistryArgument: TypeAlias = Annotated[
    str, typer.Argument(help="The registry's host (registry.example.com).", show_default=False)
]
InsecureOption: TypeAlias = Annotated[bool, typer.Option("--insecure", help="Use http.")]


def pull(name: ModelArgument, insecure: InsecureOption = False, host: HostOption = "") -> None:
    """Get a model from a registry; what was begun before is gone on with."""
    with connect(host) as client:
        _show(client.stream("/api/pull", {"model": name, "insecure": insecure, "stream": True}))
    note(f"pulled {name}")


def push(name: ModelArgument, insecure: InsecureOption = False, host: HostOption = "") -> None:
    """Send a model to the registry that its name says; cp gives it such a name."""
    with connect(host) as client:
        _show(client.stream("/api/push", {"model": name, "insecure": insecure, "stream": True}))
    note(f"pushed {name}")


def login(
    registry: RegistryArgument,
    user: Annotated[str, typer.Option("--user", "-u", help="The user's name.", show_default=False)] = "",
    key: Annotated[
        Path | None,
        typer.Option("--key", help="A private key in place of a password (~/.ollama/id_ed25519)."),
    ] = None,
    from_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    insecure: InsecureOption = False,
    host: HostOption = "",
) -> None:
    """Keep a password, a token or a key for a registry; the server tries it first."""
    if key is not None:
        word = _key_text(key)
    else:
        if not from_stdin and not sys.stdin.isatty():
            raise Invalid("nobody is there to be asked for a password", hint="Send it with --password-stdin")
        user = user or typer.prompt("User")
        asked = sys.stdin.readline().rstrip("\r\n") if from_stdin else ""
        word = asked if from_stdin else typer.prompt("Password", hide_input=True)
    if not word:
        raise Invalid("the password is empty")
    body = {"registry": registry, "username": user, "password": word, "insecure": insecure}
    with connect(host) as client:
        client.ask("POST", f"{NATIVE}/login", body)
    note(f"logged in to {registry}" + (f" as {user}" if user else ""))


def logout(registry: RegistryArgument, host: HostOption = "") -> None:
    """Forget the password of a registry."""
    with connect(host) as client:
        client.ask("POST", f"{NATIVE}/logout", {"registry": registry})
    note(f"logged out of {registry}")


def _key_text(path: Path) -> str:
    try:
        return path.expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}", hint="Name the file of a private key") from error


def _show(events: Iterable[Mapping[str, Any]]) -> None:
    """Steps as lines, and a bar for each blob."""
    shown = ""
    with ExitStack() as bars:
        for event in events:
            status, digest = str(event.get("status", "")), str(event.get("digest", ""))
            if (digest or status) != shown:
                shown = digest or status
                bars.close()
                if digest:
                    total = int(event.get("total", 0))
                    move = bars.enter_context(byte_progress(f"{status} ({size(total)})", total))
                else:
                    note(status)
            if digest:
                move(int(event.get("completed", 0)))
