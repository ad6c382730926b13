"""Local paths: what a path in a Modelfile means, and its name in a request.

Text only; whether something is there is asked elsewhere. Facts: Ollama,
parser/parser.go (expandPath) and cmd/cmd.go (createRequestFileNames).
"""

import posixpath
import re
from collections.abc import Callable, Sequence

from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt

_PATH = re.compile(r"(\.{1,2}|~[^/]*)(/|$)|/|.*\.(gguf|safetensors|bin)$", re.IGNORECASE)
_SHARD = re.compile(r"(.*-)([0-9]{5})-of-([0-9]{5})(\.gguf)", re.DOTALL)


def looks_like_path(text: str) -> bool:
    """Whether a text is meant as a path even if nothing is there."""
    return _PATH.match(text) is not None


def expand_path(path: str, folder: str, *, working: str, home_of: Callable[[str], str | None]) -> str:
    """Make a path absolute: `~` and `~user` are homes, the rest stands in `folder`.

    `folder` may be relative to `working`. `home_of` gives a user's home, "" being
    the one who asks. Raises Invalid for a user who is not known.
    """
    if path.startswith("~"):
        user, slash, rest = path[1:].partition("/")
        home = home_of(user)
        if home is None:
            raise Invalid(f"user {excerpt(user)} of the path {excerpt(path)} is unknown")
        return posixpath.normpath(posixpath.join(home, rest)) if slash else home
    return posixpath.normpath(posixpath.join(working, folder, path))


def shards_of(path: str) -> tuple[str, ...]:
    """All files of a split GGUF, when the path is one of them; else the path alone."""
    match = _SHARD.fullmatch(path)
    if match is None or not 1 <= int(match[3]) <= 1024:
        return (path,)
    return tuple(f"{match[1]}{at:05}-of-{match[3]}{match[4]}" for at in range(1, int(match[3]) + 1))


def file_names(paths: Sequence[str]) -> tuple[str, ...]:
    """What files are called in a request.

    One file by its name, several by their paths below the folder that they share.
    """
    if len(paths) == 1:
        return (posixpath.basename(paths[0]),)
    shared = posixpath.commonpath([posixpath.dirname(path) or "." for path in paths]) if paths else ""
    return tuple(posixpath.relpath(path, shared or ".") for path in paths)
