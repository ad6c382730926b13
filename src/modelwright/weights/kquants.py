"""K-quants: files of mixed K types, made by llama.cpp's own code in a child.

`python -m modelwright.weights.kquants SOURCE TARGET NAME` is the child; the
library may abort its process, and it must not be ours. It comes with the extra
`[quantize]` (llama-cpp-python), which compiles for minutes.
"""

import ctypes
import importlib.util
import os
import re
import subprocess
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

from modelwright.core.errors import Unavailable, Unsupported
from modelwright.weights.ggml import FILE_TYPE_NUMBERS
from modelwright.weights.gguf_writer import Progress, silent

LIBRARY: Final = "llama_cpp"
TAIL: Final = 20
"""Lines of the child's output that an error shows."""
_STEP: Final = re.compile(r"^\[\s*(\d+)/\s*(\d+)\]")


def is_installed() -> bool:
    """Say whether the extra `[quantize]` is there."""
    return importlib.util.find_spec(LIBRARY) is not None


def quantize_mixture(source: Path, target: Path, name: str, progress: Progress = silent) -> None:
    """Write `target` of file type `name` ("Q4_K_M").

    `progress` counts bytes of the source. Raises Unsupported without the extra,
    Unavailable when the child fails.
    """
    if not is_installed():
        raise Unsupported(
            f"quantizing to {name} needs the extra [quantize], which is not installed",
            field="quantize",
            hint="pip install 'modelwright[quantize]' adds it. Q8_0, Q5_0, Q5_1, Q4_0, Q4_1 need none",
        )
    command = [sys.executable, "-m", __name__, str(source), str(target), name]
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "GGML_NO_BACKTRACE": "1"}
    lines: deque[str] = deque(maxlen=TAIL)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", env=environment,
    ) as child:  # fmt: skip
        try:
            _follow(child, source.stat().st_size, lines, progress)
        except BaseException:
            child.kill()
            _remove(target)
            raise
    if child.returncode:
        _remove(target)
        raise Unavailable(f"quantizing to {name} failed: {' / '.join(lines)[-500:]}")


def _follow(child: "subprocess.Popen[str]", size: int, lines: deque[str], progress: Progress) -> None:
    for line in child.stdout or ():
        lines.append(line.strip())
        if step := _STEP.match(line):
            progress(size * int(step[1]) // int(step[2]), size)
    child.wait()


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def main(source: str, target: str, name: str) -> int:
    """Quantize in this process; returns llama.cpp's own exit code."""
    library = importlib.import_module(LIBRARY)
    parameters = library.llama_model_quantize_default_params()
    parameters.ftype = FILE_TYPE_NUMBERS[name]
    parameters.nthread = max(1, (os.cpu_count() or 2) - 1)
    return int(library.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(parameters)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
