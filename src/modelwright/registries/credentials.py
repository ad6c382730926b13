"""Credentials: who we are at registries, in a file that only its owner may read.

Kept apart by principal: what one has logged in with, another does not use.
"""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modelwright.core.errors import Corrupt, Unavailable

FILE: Final = "credentials.json"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user's name and password; never shown."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.user!r}, ***)"


class CredentialFile:
    """The file, read anew each time; its folder must be there."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def find(self, account: str, host: str) -> Credentials | None:
        found = self._read().get(account, {}).get(host)
        return None if found is None else Credentials(found["user"], found["password"])

    def keep(self, account: str, host: str, credentials: Credentials) -> None:
        tree = self._read()
        tree.setdefault(account, {})[host] = {"user": credentials.user, "password": credentials.password}
        self._write(tree)

    def forget(self, account: str, host: str) -> bool:
        tree = self._read()
        if tree.get(account, {}).pop(host, None) is None:
            return False
        self._write(tree)
        return True

    def _read(self) -> dict[str, dict[str, dict[str, str]]]:
        try:
            tree = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise Corrupt(f"{self._path} cannot be read", hint="Remove it and log in again") from error
        return tree if isinstance(tree, dict) else {}

    def _write(self, tree: dict[str, dict[str, dict[str, str]]]) -> None:
        draft = self._path.with_name(f"{FILE}.{secrets.token_hex(8)}")
        try:
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(file, "wb") as target:
                target.write(json.dumps(tree, indent=1).encode())
                target.flush()
                os.fsync(target.fileno())
            draft.replace(self._path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise Unavailable(f"{self._path} cannot be written: {error.strerror}") from error
