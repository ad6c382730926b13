"""split: the parts that llama-gguf-split makes of one GGUF, and the whole again.

NAME-00001-of-00003.gguf is the first part. It has all metadata; each part has
`split.no` (from 0), `split.count`, `split.tensors.count` and its own tensors.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt
from modelwright.weights.gguf import Header, read_header
from modelwright.weights.gguf_writer import (
    Outgoing,
    Progress,
    copied_metadata,
    copied_tensor,
    silent,
    write_gguf,
)

PARTS: Final = 1_024
NUMBER, COUNT, TENSORS = "split.no", "split.count", "split.tensors.count"
_NAME: Final = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")


def is_part(name: str) -> bool:
    """Say whether a file's name is that of a part."""
    return _NAME.fullmatch(name) is not None


def part_names(name: str) -> list[str]:
    """Return the names of all parts beside the one called `name`.

    Raises Invalid for a name of no part, and for numbers out of range.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise Invalid(f"{excerpt(name)} is not the name of a part; one is model-00001-of-00003.gguf")
    number, count = int(match[2]), int(match[3])
    if not 1 <= number <= count <= PARTS:
        raise Invalid(f"{excerpt(name)}: part {number} of {count}, at most {PARTS} parts are allowed")
    return [f"{match[1]}-{index:05}-of-{count:05}.gguf" for index in range(1, count + 1)]


def find_parts(part: Path) -> list[Path]:
    """Return all parts beside one of them, in order; raises Invalid for a missing one."""
    found = [part.with_name(name) for name in part_names(part.name)]
    if missing := next((path for path in found if not path.exists()), None):
        raise Invalid(f"part {excerpt(missing.name)} is missing")
    return found


def check_parts(parts: Sequence[Path]) -> list[Header]:
    """Read the parts' headers, given in order, and see that they are one model's."""
    if not 1 <= len(parts) <= PARTS:
        raise Invalid(f"{len(parts)} parts, allowed are 1 to {PARTS}")
    headers = [read_header(path, part=index > 0) for index, path in enumerate(parts)]
    for index, (path, header) in enumerate(zip(parts, headers, strict=True)):
        for key, wanted in ((NUMBER, index), (COUNT, len(parts))):
            if header.metadata.get(key) != wanted:
                raise Invalid(
                    f"{path.name}: {excerpt(key)} is {header.metadata.get(key)}, {wanted} is expected"
                )
    names = [tensor.name for header in headers for tensor in header.tensors]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid(f"tensor {excerpt(twice)} is in two parts")
    announced = headers[0].metadata.get(TENSORS, len(names))
    if announced != len(names):
        raise Invalid(f"the parts have {len(names)} tensors, the first announces {announced}")
    return headers


def merge_parts(parts: Sequence[Path], target: Path, progress: Progress = silent) -> None:
    """Write `target`, a new GGUF, from parts in order; a failure leaves no file."""
    headers = check_parts(parts)
    metadata = copied_metadata(parts[0], headers[0])
    for key in (NUMBER, COUNT, TENSORS):
        metadata.pop(key, None)
    tensors: list[Outgoing] = [
        copied_tensor(path, header, tensor)
        for path, header in zip(parts, headers, strict=True)
        for tensor in header.tensors
    ]
    write_gguf(target, metadata, tensors, progress)
