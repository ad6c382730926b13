"""What a person reads: text to stdout, progress and errors to stderr.

Plain on a pipe; colours only where a terminal wants them. Knows no command.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, TypeAlias

import typer

from modelwright.core.errors import ModelwrightError

JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def say(text: str = "") -> None:
    """Print a line of the result."""
    typer.echo(text)


def note(text: str) -> None:
    """Print a line beside the result."""
    typer.echo(text, err=True)


def write(text: str) -> None:
    """Print a piece of an answer at once, to a terminal without control characters."""
    shown = printable(text) if sys.stdout.isatty() else text
    sys.stdout.write(shown)
    sys.stdout.flush()


def printable(text: str) -> str:
    """Drop what could steer the terminal: a model's text is not ours."""
    return "".join(char for char in text if (char >= " " and not "\x7f" <= char <= "\x9f") or char in "\n\t")


def print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_error(error: ModelwrightError) -> None:
    """Print one line, and the next step on a second."""
    message = error.message.rstrip(".")
    plain = bool(os.environ.get("NO_COLOR"))
    typer.echo(f"{'Error:' if plain else typer.style('Error:', fg='red')} {message}", err=True)
    if error.hint:
        typer.echo(error.hint, err=True)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns, each as wide as its widest cell; no blanks at a line's end."""
    lines = [tuple(headings), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        say("    ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_section(heading: str, lines: Iterable[str]) -> None:
    """Print a heading and what stands below it, indented; nothing when it is empty."""
    below = list(lines)
    if below:
        say(f"  {heading}")
        for line in below:
            say(f"    {line}".rstrip())
        say()


@contextmanager
def progress() -> Iterator[Callable[[str], object]]:
    """Show the steps of a task on stderr: a spinner on a terminal, else lines."""
    if not sys.stderr.isatty():
        yield note
        return
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield status.update


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show on a terminal that something takes its time; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


@contextmanager
def byte_progress(text: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how many of `total` bytes are done; a bar on a terminal, else one line."""
    if not sys.stderr.isatty():
        note(text)
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task(text, total=total)
        yield lambda done: bars.update(bar, completed=done)
