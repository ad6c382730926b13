"""Checkpoints: all that a run needs to go on as if it had never stopped.

Written beside and renamed, so that a half-written one is never taken for whole;
the last two are kept. Beside them, where that is wanted, adapters as they were at
the ends of epochs, to be used as they are.
"""

import io
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch

KEPT: Final = 2
ADAPTERS: Final = "epoch-*"
"""Folders of adapters that are kept; their names sort and end with the step."""
_NAME: Final = "checkpoint-{:09d}.pt"


def save(folder: Path, step: int, content: dict[str, Any]) -> None:
    """Write the state after `step` steps, durably."""
    write(folder / _NAME.format(step), {**content, "step": step})
    for old in _found(folder)[:-KEPT]:
        old.unlink()


def keep(folder: Path, step: int, most: int, save_adapter: Callable[[Path], None]) -> None:
    """Keep the adapter as it is after `step` steps, and the last `most` of such."""
    place = folder / ADAPTERS.replace("*", f"{step:09d}")
    beside = folder / "part-of-epoch"
    for old in (beside, place):
        shutil.rmtree(old, ignore_errors=True)
    save_adapter(beside)
    beside.rename(place)
    for old in sorted(folder.glob(ADAPTERS))[:-most]:
        shutil.rmtree(old)


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a file, whole or not at all; raises OSError with the system's reason.

    By way of memory: torch hides why a file could not be written.
    """
    held = io.BytesIO()
    torch.save(content, held)
    beside = path.with_suffix(".part")
    try:
        with beside.open("wb") as file:
            file.write(held.getbuffer())
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    beside.rename(path)


def load(folder: Path) -> dict[str, Any] | None:
    """The last whole one."""
    for path in reversed(_found(folder)):
        try:
            content: dict[str, Any] = torch.load(path, weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
            path.unlink()  # cut off by a crash of the machine
        else:
            return content
    return None


def _found(folder: Path) -> list[Path]:
    return sorted(folder.glob(_NAME.replace("{:09d}", "*")))
