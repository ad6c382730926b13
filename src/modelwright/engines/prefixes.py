"""PrefixFiles: what engines computed of constant prompts, kept on disk.

A file is named by what it was computed from, so it can never be stale: the key
is the caller's business. It is used only when its checksum, which stands in a
file beside it, is right; a damaged one is removed. Nothing here is precious:
what is missing is computed again, so nothing is synced.
"""

import asyncio
import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

STATE: Final = ".kv"
CHECKSUM: Final = ".sha256"
UNFINISHED: Final = ".part"


class PrefixFiles:
    """Files in a folder of their own, at most `limit` bytes, least recently used out."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self._limit = limit
        self._verified: dict[str, tuple[int, int, int]] = {}
        self._changing = asyncio.Lock()
        self._is_open = False

    def unfinished(self) -> str:
        """A new name in the folder, for an engine to write to."""
        if not self._is_open:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in self.folder.glob(f"*{UNFINISHED}"):
                path.unlink(missing_ok=True)  # a killed server left it
            self._is_open = True
        return secrets.token_hex(16) + UNFINISHED

    def state(self, key: str) -> str:
        """The name in the folder of the file with this key."""
        return key + STATE

    async def find(self, key: str) -> int:
        """The tokens in a good file, 0 without one; a file that is not good is removed."""
        return await asyncio.to_thread(self._find, key)

    async def keep(self, name: str, key: str, tokens: int) -> bool:
        """Take over what an engine wrote under `name`; False when it is too large."""
        async with self._changing:
            return await asyncio.to_thread(self._keep, name, key, tokens)

    async def remove(self, key: str) -> None:
        """Forget a file that turned out to be of no use."""
        await asyncio.to_thread(self._remove, key)

    def _find(self, key: str) -> int:
        path = self.folder / (key + STATE)
        try:
            mark = _mark(path)
            checksum, tokens = path.with_suffix(CHECKSUM).read_text("ascii").split()
            if self._verified.get(key) != mark and _sha256(path) != checksum:
                raise ValueError(key)
            self._verified[key] = mark
            os.utime(path.with_suffix(CHECKSUM))  # remembers the last use, and leaves the state's mark alone
            return int(tokens)
        except (OSError, ValueError):
            self._remove(key)
            return 0

    def _keep(self, name: str, key: str, tokens: int) -> bool:
        part, path = self.folder / name, self.folder / (key + STATE)
        if part.stat().st_size > self._limit:
            part.unlink()
            return False
        part.chmod(0o600)
        checksum = self.folder / (name + CHECKSUM + UNFINISHED)
        checksum.write_text(f"{_sha256(part)} {tokens}", "ascii")
        part.replace(path)
        checksum.replace(path.with_suffix(CHECKSUM))
        self._verified[key] = _mark(path)
        self._make_room()
        return True

    def _make_room(self) -> None:
        found = sorted((_last_use(path), path) for path in self.folder.glob(f"*{STATE}"))
        size = sum(path.stat().st_size for _, path in found)
        for _, path in found:
            if size <= self._limit:
                return
            size -= path.stat().st_size
            self._remove(path.stem)

    def _remove(self, key: str) -> None:
        self._verified.pop(key, None)
        for suffix in (STATE, CHECKSUM):
            with suppress(OSError):
                (self.folder / (key + suffix)).unlink()


def _mark(path: Path) -> tuple[int, int, int]:
    """What changes when a file's bytes are changed by ordinary means."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _last_use(path: Path) -> int:
    try:
        return path.with_suffix(CHECKSUM).stat().st_mtime_ns
    except OSError:
        return 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
