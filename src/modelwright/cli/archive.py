"""`export` and `import`: a model as one file."""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from modelwright.cli.client import NATIVE
from modelwright.cli.console import byte_progress, note
from modelwright.cli.figures import size
from modelwright.cli.server import HostOption, connect
from modelwright.core.errors import Conflict, Invalid

_PIECE = 1024 * 1024


def export(
    name: Annotated[str, typer.Argument(help="The model, or one of its revisions.", show_default=False)],
    output: Annotated[
        str, typer.Option("--output", "-o", help="The file to write; it must be new.", show_default=False)
    ],
    merge: Annotated[
        bool, typer.Option("--merge", help="Only its weights, adapters merged in, as one GGUF.")
    ] = False,
    host: HostOption = "",
) -> None:
    """Write a model, with its history, to one file."""
    target = Path(output)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    if target.exists():
        raise Conflict(f"{target} is there already", hint="Name a new file")
    query = {"model": name, "merge": "1" if merge else ""}
    try:
        with connect(host) as client, client.download(f"{NATIVE}/export", query) as (total, pieces):
            with byte_progress(f"writing {target.name} ({size(total)})", total) as show:
                _write(draft, pieces, show)
            if draft.stat().st_size != total:
                raise Invalid(f"the server broke off after {draft.stat().st_size} of {total} bytes")
            draft.rename(target)
    except OSError as error:
        raise Invalid(f"{target} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    note(f"exported {name} to {target}")


def take(
    file: Annotated[str, typer.Argument(help="The file that export wrote.", show_default=False)],
    name: Annotated[
        str,
        typer.Option("--name", help="What to call the model, in place of its old name.", show_default=False),
    ] = "",
    host: HostOption = "",
) -> None:
    """Make a model of a file that was exported."""
    source = Path(file)
    try:
        total = source.stat().st_size
        text, query = f"reading {source.name} ({size(total)})", {"name": name}
        with connect(host) as client, source.open("rb") as opened, byte_progress(text, total) as show:
            made = client.send(f"{NATIVE}/import", _read(opened.fileno(), show), total, query=query)
    except OSError as error:
        raise Invalid(f"{source} cannot be read: {error.strerror}") from error
    note(f"imported {made['name']}")


def _write(draft: Path, pieces: Iterator[bytes], show: Callable[[int], None]) -> None:
    done = 0
    with draft.open("xb") as file:
        for piece in pieces:
            file.write(piece)
            done += len(piece)
            show(done)
        file.flush()
        os.fsync(file.fileno())


def _read(file: int, show: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    while piece := os.read(file, _PIECE):
        yield piece
        done += len(piece)
        show(done)
