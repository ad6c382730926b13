"""Transfer: files of this machine become blobs of a server.

A server of the same user on the same machine takes a file by its path: it reads
it once and copies nothing where the file system can link. Another one is asked
whether it has the bytes, and sent them if not.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

from modelwright.cli.client import NATIVE, Client
from modelwright.cli.console import byte_progress
from modelwright.cli.figures import size
from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid, ModelwrightError
from modelwright.presence import present

_PIECE: Final = 1024 * 1024


def send_files(client: Client, paths: Sequence[str]) -> dict[str, Digest]:
    """Make the server hold these files, one after the other; gives their digests."""
    if not paths:
        return {}
    token = pass_of(client)
    return {path: link_file(client, path, token) or upload_file(client, path) for path in paths}


def pass_of(client: Client) -> str:
    """What proves that we are the server's user: a word in its data folder.

    "" when it is another user's, or on another machine.
    """
    try:
        server: dict[str, Any] = client.ask("GET", f"{NATIVE}/server")
        found = present(Path(str(server["home"])))
    except (ModelwrightError, LookupError, TypeError):
        return ""
    return found.token if found is not None and found.pid == server.get("pid") else ""


def link_file(client: Client, path: str, token: str) -> Digest | None:
    """Let the server take the file by its path; None when it will not."""
    if not token:
        return None
    try:
        total = Path(path).stat().st_size
        with byte_progress(f"reading {Path(path).name} ({size(total)})", total) as show:
            body = {"path": str(Path(path).resolve()), "token": token}
            last: dict[str, Any] = {}
            for last in client.stream(f"{NATIVE}/blobs/link", body):
                show(int(last.get("completed", total)))
        return Digest.parse(str(last.get("digest", "")))
    except OSError as error:
        raise _unreadable(path, error) from error
    except ModelwrightError:
        return None


def upload_file(client: Client, path: str) -> Digest:
    try:
        with Path(path).open("rb") as file:
            digest = _hashed(file)
            place = f"/api/blobs/{digest}"
            if not client.has(place):
                _upload(client, place, file)
    except OSError as error:
        raise _unreadable(path, error) from error
    return digest


def _hashed(file: IO[bytes]) -> Digest:
    found = hashlib.sha256()
    for piece in _read(file, "hashing"):
        found.update(piece)
    return Digest(found.hexdigest())


def _upload(client: Client, place: str, file: IO[bytes]) -> None:
    client.upload(place, _read(file, "sending"), _length(file))


def _read(file: IO[bytes], doing: str) -> Iterator[bytes]:
    """The pieces of a file from its start, with a bar."""
    total = _length(file)
    file.seek(0)
    with byte_progress(f"{doing} {Path(file.name).name} ({size(total)})", total) as show:
        yield from _counted(file, show)


def _counted(file: IO[bytes], show: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    while piece := file.read(_PIECE):
        yield piece
        done += len(piece)
        show(done)


def _length(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _unreadable(path: str, error: OSError) -> Invalid:
    return Invalid(f"{path} cannot be read: {error.strerror}")
