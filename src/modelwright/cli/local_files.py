"""Local files: which files of this machine a Modelfile's text means.

Looks at the file system and reads the first bytes; what is chosen among the
files that are there is decided in the core.
"""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from modelwright.core.create_request import Role
from modelwright.core.errors import Invalid
from modelwright.core.local_paths import expand_path, looks_like_path, shards_of
from modelwright.core.model_folder import (
    HEAD,
    Kind,
    choose_adapter_files,
    choose_model_files,
    kind_of,
    without_company,
)
from modelwright.core.wording import excerpt


class LocalFiles:
    """The files around a Modelfile; `folder` is where it stands, "" for here."""

    def __init__(self, folder: str = "") -> None:
        self._folder = folder

    def find(self, text: str, role: Role) -> tuple[str, ...]:
        """The absolute paths of the files that a text means; none when it is a name.

        What is there decides, as upstream; but a folder without weights is no
        model unless the text is spelled as a path. Raises Invalid for a path
        where nothing is, or nothing of use.
        """
        path = expand_path(text, self._folder, working=str(Path.cwd()), home_of=_home_of)
        is_path = role != "model" or looks_like_path(text)
        if set(Path(path).name) & set("*?[") and not Path(path).exists():
            return _matching(Path(path), text)
        if Path(path).is_dir():
            return _from_folder(Path(path), role, must=is_path)
        if Path(path).exists():
            return _whole(path)
        if is_path and role == "model":
            raise Invalid(
                f"FROM {excerpt(text)}: there is no such file",
                field="from",
                hint=f"It would be {path}. The name of a model does not look like a path",
            )
        return ()


def _matching(pattern: Path, text: str) -> tuple[str, ...]:
    found = tuple(sorted(str(path) for path in pattern.parent.glob(pattern.name) if path.is_file()))
    if not found:
        raise Invalid(f"{excerpt(text)}: no file matches {pattern}", field="from")
    return found


def _whole(path: str) -> tuple[str, ...]:
    """A file, with the others of a split one."""
    paths = shards_of(path)
    for shard in paths:
        if not Path(shard).is_file():
            fault = "is not a regular file" if Path(shard).exists() else "is missing"
            raise Invalid(f"{shard} {fault}", field="from")
    return paths


def _from_folder(folder: Path, role: Role, *, must: bool) -> tuple[str, ...]:
    def kind(path: str) -> Kind:
        return _kind(folder / path)

    try:
        if role == "adapter":
            chosen = choose_adapter_files(_listing(folder), kind)
        else:
            chosen = without_company(choose_model_files(_listing(folder), kind))
    except Invalid as error:
        if not must:
            return ()
        error.message = f"{folder}: {error.message}"
        raise
    return tuple(str(folder / path) for path in chosen)


def _listing(folder: Path) -> Iterator[str]:
    """The files of a folder and of the folders in it, by their relative paths."""
    try:
        for entry in folder.iterdir():
            if entry.is_file():
                yield entry.name
            elif entry.is_dir() and not entry.name.startswith("."):
                yield from (f"{entry.name}/{below.name}" for below in entry.iterdir() if below.is_file())
    except OSError as error:
        raise Invalid(f"{folder} cannot be read: {error.strerror}") from error


def _kind(path: Path) -> Kind:
    try:
        with path.open("rb") as file:
            return kind_of(file.read(HEAD))
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error


def _home_of(user: str) -> str | None:
    """A user's home folder; "" is the one who runs this."""
    try:
        return pwd.getpwnam(user).pw_dir if user else os.environ.get("HOME") or str(Path.home())
    except (KeyError, RuntimeError):
        return None
