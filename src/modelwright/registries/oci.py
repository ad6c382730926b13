"""OCI: a registry's repository, as the OCI distribution specification has it.

Ollama's own registry and Hugging Face's speak the same (Ollama, server/images.go,
server/download.go). What comes is checked against what was asked for before
anybody sees it; whether the bytes are right, their digest tells.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Denied, Invalid, NotFound, Unavailable, Unsupported
from modelwright.core.layers import LARGEST_MANIFEST
from modelwright.core.manifest import MANIFEST_TYPE
from modelwright.core.transfer_ports import Repository
from modelwright.registries.credentials import CredentialFile, Credentials
from modelwright.registries.exchange import STALL, Exchange
from modelwright.registries.key_proof import is_key, read_public
from modelwright.registries.traffic import Traffic, plain_host
from modelwright.registries.uploads import Uploads

OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_MOST_ATTACHED: Final = 1000


class OciRegistries:
    """Implements core.transfer_ports.Registries."""

    def __init__(self, traffic: Traffic, credentials: CredentialFile, *, stall: float = STALL) -> None:
        self._traffic = traffic
        self._credentials = credentials
        self._stall = stall

    def check(self, repository: Repository) -> None:
        self._traffic.check(repository.host)

    @asynccontextmanager
    async def open(self, repository: Repository) -> AsyncIterator["OciRepository"]:
        known = await asyncio.to_thread(
            self._credentials.find, repository.account, plain_host(repository.host)
        )
        exchange = Exchange(repository, self._traffic, known, stall=self._stall)
        try:
            yield OciRepository(exchange, repository)
        finally:
            await exchange.aclose()

    async def login(self, host: str, account: str, user: str, password: str, *, insecure: bool) -> None:
        found = Credentials(user, password)
        if is_key(password):
            read_public(password)
        exchange = Exchange(Repository(host.lower(), "", insecure), self._traffic, found, stall=self._stall)
        try:
            async with exchange.send("GET", "/v2/"):
                pass
        except NotFound as error:
            if not is_key(password):  # where keys count, nothing need be at that path
                raise Unsupported(f"{host} does not speak the registry protocol") from error
        finally:
            await exchange.aclose()
        await asyncio.to_thread(self._credentials.keep, account, plain_host(host), found)

    async def logout(self, host: str, account: str) -> bool:
        return await asyncio.to_thread(self._credentials.forget, account, plain_host(host))


class OciRepository(Uploads):
    """Implements core.transfer_ports.RemoteRepository."""

    def __init__(self, exchange: Exchange, repository: Repository) -> None:
        super().__init__(exchange, repository.path)
        self._host = repository.host

    async def manifest(self, reference: str) -> bytes:
        headers = {"Accept": ", ".join((MANIFEST_TYPE, OCI_MANIFEST, OCI_INDEX))}
        try:
            async with self._exchange.send(
                "GET", self._place("manifests", reference), headers=headers
            ) as answer:
                content = await self._exchange.read(answer, LARGEST_MANIFEST)
        except NotFound as error:
            error.message = "pull model manifest: file does not exist"
            error.hint = f"There is no {self._path}:{reference} at {self._host}"
            raise
        if reference.startswith("sha256:") and str(Digest.of(content)) != reference:
            raise Corrupt(f"{self._host} gave another manifest than {reference}")
        return content

    async def read(self, digest: Digest, start: int, stop: int, size: int) -> AsyncGenerator[bytes, None]:
        headers = {} if (start, stop) == (0, size) else {"Range": f"bytes={start}-{stop - 1}"}
        wanted = stop - start
        async with self._exchange.send("GET", self._place("blobs", str(digest)), headers=headers) as answer:
            self._check_range(answer, digest, start, stop, size)
            async with aclosing(self._exchange.chunks(answer)) as chunks:
                async for chunk in chunks:
                    wanted -= len(chunk)
                    if wanted < 0:
                        raise Corrupt(f"{self._host} sent more bytes of {digest} than it has")
                    yield chunk
        if wanted:
            raise Unavailable(f"{self._host} broke off {wanted} bytes before the end of what was asked for")

    async def holds(self, digest: Digest) -> bool:
        try:
            async with self._exchange.send("HEAD", self._place("blobs", str(digest))):
                return True
        except NotFound:
            return False

    async def attached(self, subject: Digest, kind: str) -> Sequence[Digest]:
        found = await self._index(self._place("referrers", str(subject)))
        if found is None:
            found = await self._index(self._place("manifests", _tag(subject))) or []
        return [
            Digest.parse(str(each["digest"]))
            for each in found[:_MOST_ATTACHED]
            if isinstance(each, dict) and each.get("artifactType") == kind and "digest" in each
        ]

    async def attach(self, content: bytes, subject: Digest) -> None:
        tree = json.loads(content)
        digest = Digest.of(content)
        listed = await self._put_manifest(content, str(digest), OCI_MANIFEST)
        if listed or await self._index(self._place("referrers", str(subject))) is not None:
            return
        others = await self._index(self._place("manifests", _tag(subject))) or []
        entry = {
            "mediaType": OCI_MANIFEST,
            "digest": str(digest),
            "size": len(content),
            "artifactType": tree["artifactType"],
        }
        kept = [each for each in others if isinstance(each, dict) and each.get("digest") != str(digest)]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*kept, entry]}
        await self._put_manifest(json.dumps(index).encode(), _tag(subject), OCI_INDEX)

    async def publish(self, content: bytes, reference: str) -> None:
        await self._put_manifest(content, reference, MANIFEST_TYPE)

    async def _index(self, place: str) -> list[Any] | None:
        """What an index lists; None when there is none, or nobody knows of such."""
        try:
            async with self._exchange.send("GET", place, headers={"Accept": OCI_INDEX}) as answer:
                content = await self._exchange.read(answer, LARGEST_MANIFEST)
        except (NotFound, Invalid, Denied):
            return None
        try:
            found = json.loads(content)["manifests"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return None
        return found if isinstance(found, list) else None

    def _check_range(self, answer: Any, digest: Digest, start: int, stop: int, size: int) -> None:
        """See that the answer is the bytes that were asked for, and not a page about them."""
        whole = (start, stop) == (0, size)
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            raise Corrupt(f"{self._host} compressed a blob, so its size cannot be told")
        length = answer.headers.get("content-length", "")
        if answer.status_code == 200 and not whole:
            raise Unsupported(f"{self._host} does not give parts of blobs, so a pull could not be resumed")
        if answer.status_code not in (200, 206):
            raise Corrupt(f"{self._host} answered with status {answer.status_code} instead of blob {digest}")
        if answer.status_code == 206:
            match = _RANGE.fullmatch(answer.headers.get("content-range", ""))
            given = match and (int(match[1]), int(match[2]) + 1)
            if match is None or given != (start, stop) or match[3] not in ("*", str(size)):
                raise Corrupt(
                    f"{self._host} gave another range of {digest} than bytes {start} to {stop - 1} of {size}"
                )
        if length and length != str(stop - start):
            raise Corrupt(f"{self._host} has {length[:20]} bytes of {digest} where {stop - start} were to be")


def _tag(subject: Digest) -> str:
    """Where artifacts are listed at a registry without the referrers API."""
    return f"sha256-{subject.hex}"
