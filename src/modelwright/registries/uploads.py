"""Uploads: blobs and manifests on their way to a registry.

A blob goes in chunks, each of which says where it belongs; when one breaks off,
the registry is asked how far it has got (OCI distribution specification, "Pushing a
blob in chunks").
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final
from urllib.parse import quote

import httpx2

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Invalid, NotFound, Unavailable
from modelwright.core.ports import OnBytes
from modelwright.registries.exchange import Exchange

CHUNK: Final = 32 * 1024 * 1024
"""Bytes of one chunk."""
TRIES: Final = 6
_PAUSE: Final = 0.25
_RECEIVED = re.compile(r"(?:bytes=)?0-(\d{1,18})")

Content = Callable[[int], AsyncGenerator[bytes, None]]


class Uploads:
    """What a repository takes."""

    def __init__(self, exchange: Exchange, path: str) -> None:
        self._exchange = exchange
        self._path = path

    async def mount(self, digest: Digest, origin: str) -> bool:
        query = f"?mount={quote(str(digest))}&from={quote(origin, safe='')}"
        try:
            async with self._exchange.send("POST", self._place("blobs", "uploads") + "/" + query) as answer:
                if answer.status_code == 201:
                    return True
                session = answer.headers.get("location", "")
        except (Invalid, NotFound):
            return False
        await self._cancel(session)
        return False

    async def upload(self, digest: Digest, size: int, content: Content, on_bytes: OnBytes) -> None:
        async with self._exchange.send("POST", self._place("blobs", "uploads") + "/", content=b"") as answer:
            session = _session(answer)
        done, tries = 0, 0
        while done < size:
            stop = min(done + CHUNK, size)
            try:
                session = await self._send_chunk(session, content, done, stop, on_bytes)
                done, tries = stop, 0
            except Unavailable:
                tries += 1
                if tries == TRIES:
                    raise
                await asyncio.sleep(_PAUSE * 2**tries)
                session, done = await self._received(session)
        url = self._exchange.url(session).copy_merge_params({"digest": str(digest)})
        async with self._exchange.send("PUT", str(url), content=b""):
            on_bytes(size)

    def _place(self, kind: str, reference: str) -> str:
        return f"/v2/{self._path}/{kind}/{reference}"

    async def _send_chunk(
        self, session: str, content: Content, start: int, stop: int, on_bytes: OnBytes
    ) -> str:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(stop - start),
            "Content-Range": f"{start}-{stop - 1}",
        }

        async def pieces() -> AsyncGenerator[bytes, None]:
            offset = start
            async with aclosing(content(start)) as found:
                async for piece in found:
                    yield piece[: stop - offset]
                    offset += len(piece)
                    on_bytes(min(offset, stop))
                    if offset >= stop:
                        return
            raise Corrupt("a blob ended before its size")

        async with self._exchange.send("PATCH", session, headers=headers, content=pieces) as answer:
            return _session(answer)

    async def _received(self, session: str) -> tuple[str, int]:
        """Where to go on, and from which byte."""
        async with self._exchange.send("GET", session) as answer:
            match = _RECEIVED.fullmatch(answer.headers.get("range", ""))
            got = int(match[1]) + 1 if match else 0
            return _session(answer), 0 if got == 1 else got  # "0-0" is said for nothing, too

    async def _cancel(self, session: str) -> None:
        """Let go of an upload that a refused mount has begun."""
        try:
            if session:
                async with self._exchange.send("DELETE", session):
                    pass
        except (Invalid, NotFound, Unavailable):
            return

    async def _put_manifest(self, content: bytes, reference: str, media_type: str) -> bool:
        """Publish; tells whether the registry itself lists what it is about."""
        place, headers = self._place("manifests", reference), {"Content-Type": media_type}
        async with self._exchange.send("PUT", place, headers=headers, content=content) as answer:
            return "oci-subject" in answer.headers


def _session(answer: httpx2.Response) -> str:
    location = answer.headers.get("location", "")
    if not location:
        raise Corrupt("the registry does not say where an upload goes on")
    return str(location)
