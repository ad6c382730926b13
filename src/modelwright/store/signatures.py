"""SignatureFiles: signatures of manifests, kept beside the blobs.

root/signatures/<64 hex of the manifest>/<64 hex of the signature>.json
"""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path

from modelwright.core.digest import Digest
from modelwright.store.files import explained


class SignatureFiles:
    """Implements core.transfer_ports.Signatures."""

    def __init__(self, root: Path) -> None:
        self._root = root / "signatures"

    async def find(self, manifest: Digest) -> Sequence[bytes]:
        return await asyncio.to_thread(self._find, self._root / manifest.hex)

    async def keep(self, manifest: Digest, signature: bytes) -> None:
        await asyncio.to_thread(self._keep, self._root / manifest.hex, signature)

    def _find(self, folder: Path) -> Sequence[bytes]:
        with explained(folder):
            return [path.read_bytes() for path in sorted(folder.glob("*.json"))]

    def _keep(self, folder: Path, signature: bytes) -> None:
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            draft = folder / secrets.token_hex(16)
            draft.write_bytes(signature)
            draft.rename(folder / f"{Digest.of(signature).hex}.json")
