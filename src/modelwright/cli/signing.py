"""`sign` and `verify`: whether a model is what somebody vouches for."""

from pathlib import Path
from typing import Annotated

import typer

from modelwright import signatures
from modelwright.cli.client import NATIVE
from modelwright.cli.console import JsonOption, note, print_json
from modelwright.cli.models import NameArgument
from modelwright.cli.server import HostOption, connect


def sign(
    name: NameArgument,
    key: Annotated[
        str, typer.Option("--key", "-k", help="Your private key, elliptic, in PEM.", show_default=False)
    ],
    host: HostOption = "",
) -> None:
    """Sign a model; the key stays here, the signature goes along with pushes."""
    with connect(host) as client:
        manifest = client.ask("GET", f"{NATIVE}/manifest", query={"model": name})["manifest"]
        signature = signatures.sign(manifest.encode(), Path(key))
        client.ask("POST", f"{NATIVE}/sign", {"model": name, "signature": signature.decode()})
    note(f"signed {name}")


def verify(name: NameArgument, as_json: JsonOption = False, host: HostOption = "") -> None:
    """See that a key that the server trusts signed the model, and read all of it."""
    with connect(host) as client:
        found = client.ask("POST", f"{NATIVE}/verify", {"model": name})
    if as_json:
        print_json(found)
    note(f"{name} is signed, and whole: {found['digest']}")
