"""`check`: whether everything in the store is as it was written."""

import asyncio
import os
from contextlib import ExitStack, suppress
from dataclasses import asdict
from typing import Annotated

import typer

from modelwright.cli.console import JsonOption, byte_progress, print_json, say
from modelwright.cli.figures import size
from modelwright.core.errors import Corrupt, NotFound
from modelwright.core.upkeep import Checked, Fault, Plan
from modelwright.settings import Settings, read_settings
from modelwright.upkeep import open_maintenance

SizesOption = Annotated[
    bool, typer.Option("--sizes", help="Compare the sizes of weight files; do not read them.")
]


def check(sizes: SizesOption = False, as_json: JsonOption = False) -> None:
    """Compare everything that is stored with its digest; fail for what is wrong.

    Nothing is changed, and a server may run beside it.
    """
    settings = read_settings({}, os.environ)
    faults, end = asyncio.run(_look(settings, sizes))
    if as_json:
        counts = asdict(end) if end else {}
        print_json({"clean": not faults, **counts, "faults": [asdict(fault) for fault in faults]})
    else:
        for fault in faults:
            say(f"{fault.thing}: {fault.wrong}. {fault.remedy}")
        say(_summary(end, sizes) if end else f"there is no store in {settings.home} yet")
    if faults:
        raise Corrupt(f"{len(faults)} things in {settings.home} are not as they were written")


async def _look(settings: Settings, sizes: bool) -> tuple[list[Fault], Checked | None]:
    faults: list[Fault] = []
    end = None
    with ExitStack() as bars:
        move = None

        def show(done: int) -> None:
            if move is not None:
                move(done)

        with suppress(NotFound):  # there is no store yet
            async with open_maintenance(settings) as maintenance:
                async for event in maintenance.check(read=not sizes, on_bytes=show):
                    match event:
                        case Plan() if not sizes:
                            text = f"reading {event.blobs} blobs ({size(event.size)})"
                            move = bars.enter_context(byte_progress(text, event.size))
                        case Fault():
                            faults.append(event)
                        case Checked():
                            end = event
    return faults, end


def _summary(end: Checked, sizes: bool) -> str:
    how = "their sizes compared" if sizes else f"{size(end.size)} read"
    state = f"faults {end.faults}" if end.faults else "clean"
    strays = f"; files that are no recorded blob: {end.strays}" if end.strays else ""
    return f"{state}: models {end.models}, revisions {end.revisions}, blobs {end.blobs} ({how}){strays}"
