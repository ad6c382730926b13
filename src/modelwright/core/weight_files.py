"""Weight files as a request names them, before anything is known of their bytes.

Names come from outside and are never a path of this machine: they only say what
a file is and where it stood in its folder. Rules and words are Ollama's
(server/create.go, and its pull request 14969 for what is checked first).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid, TooLarge

MOST_FILES: Final = 1_024
LONGEST_NAME: Final = 1_024
LARGEST_SCALE: Final = 1_000.0
UNKNOWN_TYPE: Final = "unknown type"
MIXED: Final = "mixed model file types: found both gguf and safetensors inputs"

_PART: Final = re.compile(r".+-(\d{5})-of-\d{5}\.gguf", re.IGNORECASE | re.ASCII | re.DOTALL)
"""What llama-gguf-split calls its parts."""

Format = Literal["gguf", "safetensors", ""]


@dataclass(frozen=True, slots=True)
class NamedBlob:
    """A blob and what its file was called; the name may be empty."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class NamedAdapter:
    """Files of one LoRA (one GGUF, or a PEFT folder's) and how strongly it applies."""

    files: tuple[NamedBlob, ...]
    scale: float = 1.0


def check_names(names: Sequence[str], *, field: str) -> None:
    """Raise Invalid unless each is a path below a folder, as Go's fs.ValidPath has it."""
    if len(names) > MOST_FILES:
        raise TooLarge(f"{len(names)} files are named, at most {MOST_FILES} are allowed", field=field)
    for name in names:
        steps = name.split("/")
        unsound = any(step in ("", ".", "..") for step in steps) or set(name) & set("\\:\0")
        if unsound or len(name) > LONGEST_NAME:
            raise Invalid("file path must be relative", field=field)


def format_of(files: Sequence[NamedBlob]) -> Format:
    """What the names say that the files are; empty when they do not say.

    Raises Invalid when some are GGUF and some are safetensors.
    """
    endings = {file.name.lower().rpartition(".")[2] for file in files if "." in file.name}
    if {"gguf", "safetensors"} <= endings:
        raise Invalid(MIXED, field="files")
    if "safetensors" in endings:
        return "safetensors"
    return "gguf" if "gguf" in endings else ""


def split_parts(files: Sequence[NamedBlob]) -> tuple[NamedBlob, ...]:
    """Those that are named as parts of a split GGUF, in order of their number."""
    numbered = [(match[1], file) for file in files if (match := _PART.fullmatch(file.name))]
    return tuple(file for _, file in sorted(numbered, key=lambda pair: pair[0]))


def check_scale(value: object, *, field: str) -> float:
    """Read an adapter's scale; raises Invalid that quotes it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST_SCALE:
        raise Invalid(
            f"the scale of an adapter must be a number from {-LARGEST_SCALE:g} to {LARGEST_SCALE:g}, "
            f"not {str(value)[:40]}",
            field=field,
        )
    return float(value)
