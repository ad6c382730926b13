"""OllamaFolder: the models of an Ollama's store, read and never written.

    folder/manifests/<host>/<namespace>/<model>/<tag>     JSON
    folder/blobs/sha256-<64 hex>

Everything in it may be anything: sizes are bounded, links are not followed, and
a blob's path is made of its digest alone. Facts: Ollama, manifest/paths.go.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from anyio import to_thread

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Invalid, ModelwrightError, NotFound, TooLarge
from modelwright.core.layers import LARGEST_MANIFEST, LARGEST_SMALL_LAYER
from modelwright.core.names import Name
from modelwright.core.ports import FoundManifest
from modelwright.store.failures import explain_os
from modelwright.store.files import opened

_DEPTH: Final = 4
_MOST_ENTRIES: Final = 100_000


class OllamaFolders:
    """Implements core.ports.ModelFolders."""

    async def manifests(self, folder: str) -> tuple[FoundManifest, ...]:
        """All manifests, sorted by place. Raises NotFound when there is no such store."""
        return await to_thread.run_sync(_manifests, folder)

    async def content(self, folder: str, digest: Digest) -> bytes:
        """A small blob, verified; raises NotFound, TooLarge, Corrupt."""
        return await to_thread.run_sync(_content, self.place(folder, digest), digest)

    def place(self, folder: str, digest: Digest) -> str:
        """The path of a blob."""
        return str(Path(folder) / "blobs" / f"sha256-{digest.hex}")


def _manifests(folder: str) -> tuple[FoundManifest, ...]:
    root = Path(folder) / "manifests"
    usable = "\0" not in folder and root.is_absolute() and not root.is_symlink()
    if not usable or not os.access(root, os.R_OK | os.X_OK):
        raise NotFound("folder", folder, hint='Name the folder that holds "manifests" and "blobs"')
    found: list[FoundManifest] = []
    for path in _walk(root, 1):
        if len(found) == _MOST_ENTRIES:
            raise TooLarge(f"{root} has more than {_MOST_ENTRIES} manifests")
        found.append(_found(root, path))
    return tuple(sorted(found, key=lambda each: each.place))


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """What is not a folder, and folders where manifests should be."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        yield folder
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and depth < _DEPTH:
            yield from _walk(Path(entry.path), depth + 1)
        else:
            yield Path(entry.path)


def _found(root: Path, path: Path) -> FoundManifest:
    parts = path.relative_to(root).parts
    place = "/".join(parts).encode("utf-8", "replace").decode("utf-8")
    try:
        if len(parts) != _DEPTH:
            raise Invalid("a manifest stands at host/namespace/model/tag")
        return FoundManifest(place, Name(*parts), _read(path, LARGEST_MANIFEST))
    except ModelwrightError as error:
        return FoundManifest(place, fault=error.message)


def _content(place: str, digest: Digest) -> bytes:
    content = _read(Path(place), LARGEST_SMALL_LAYER)
    if Digest.of(content) != digest:
        raise Corrupt(f"blob {digest} is damaged")
    return content


def _read(path: Path, limit: int) -> bytes:
    try:
        with opened(path) as file, os.fdopen(os.dup(file), "rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise explain_os(error, path) from error
    if len(content) > limit:
        raise TooLarge(f"{path.name} has more than {limit} bytes")
    return content
