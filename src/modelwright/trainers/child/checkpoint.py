"""Checkpoints: all that a run needs to go on as if it had never stopped.

Written beside and renamed, so that a half-written one is never taken for whole;
the last two are kept.
"""

import os
import pickle
from pathlib import Path
from typing import Any, Final

import torch

KEPT: Final = 2
_NAME: Final = "checkpoint-{:09d}.pt"


def save(folder: Path, step: int, content: dict[str, Any]) -> None:
    """Write the state after `step` steps, durably."""
    target = folder / _NAME.format(step)
    beside = target.with_suffix(".part")
    with beside.open("wb") as file:
        torch.save({**content, "step": step, "random": torch.get_rng_state()}, file)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(target)
    for old in _found(folder)[:-KEPT]:
        old.unlink()


def load(folder: Path) -> dict[str, Any] | None:
    """The last whole one, with the generator of random numbers set as it was then."""
    for path in reversed(_found(folder)):
        try:
            content: dict[str, Any] = torch.load(path, weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
            path.unlink()  # cut off by a crash of the machine
            continue
        torch.set_rng_state(content["random"])
        return content
    return None


def _found(folder: Path) -> list[Path]:
    return sorted(folder.glob(_NAME.replace("{:09d}", "*")))
