"""Signing: signatures of models are kept, sent along, and wanted by a policy.

Private keys never come here: whoever signs asks for the manifest and gives back
a signature. Rights: to sign is to vouch for what one owns, to verify is to read.
"""

from collections.abc import Collection, Sequence
from typing import Final

from modelwright.core import provenance
from modelwright.core.digest import Digest
from modelwright.core.errors import Denied, Invalid, NotFound, TooLarge, Unavailable, Unsupported
from modelwright.core.grants import Principal, Verb
from modelwright.core.layers import read_manifest
from modelwright.core.provenance import Artifact
from modelwright.core.revision import Revision, StoredModel
from modelwright.core.transfer_ports import RemoteRepository, Signatures, Verifier
from modelwright.service.audit import Ledger
from modelwright.service.resolver import Resolver
from modelwright.service.shelf import Shelf

KIND: Final = "application/vnd.modelwright.signature.v1+json"
"""The type of the artifact that a signature is."""
LARGEST: Final = 64 * 1024
_MOST: Final = 16


class Signing:
    """Signatures of models here."""

    def __init__(
        self, resolver: Resolver, shelf: Shelf, signatures: Signatures, verifier: Verifier, ledger: Ledger
    ) -> None:
        self._ledger = ledger
        self._resolver = resolver
        self._shelf = shelf
        self._signatures = signatures
        self._verifier = verifier

    async def manifest(self, principal: Principal, ref: str, verb: Verb = Verb.READ) -> bytes:
        """The bytes that a signature of the model is over."""
        _, _, content = await self._signable(principal, ref, verb)
        return content

    async def keep(self, principal: Principal, ref: str, signature: bytes) -> None:
        """Keep a signature; pushes send it along."""
        if len(signature) > LARGEST:
            raise TooLarge(f"the signature has {len(signature)} bytes, the limit is {LARGEST}")
        stored, revision, content = await self._signable(principal, ref, Verb.PUSH)
        digest = Digest.of(content)
        if len(await self._signatures.find(digest)) >= _MOST:
            raise Invalid(f"the model has {_MOST} signatures already")
        await self._ledger.tell_of_signing(principal, stored, revision)
        await self._signatures.keep(digest, signature)

    async def verify(self, principal: Principal, ref: str) -> Digest:
        """See that a trusted key signed the model, and that every byte of it is as it was.

        Raises Denied, NotFound or Corrupt; gives the digest that is signed.
        """
        content = await self.manifest(principal, ref)
        digest = Digest.of(content)
        await self._verifier.check(content, await self._signatures.find(digest))
        manifest = read_manifest(content)
        for layer in (manifest.config, *manifest.layers):
            await self._shelf.check(layer.digest)
        return digest

    def wants(self, host: str) -> bool:
        """Whether models of that registry must be signed."""
        return self._verifier.wants(host)

    async def arrived(self, remote: RemoteRepository, host: str, content: bytes) -> None:
        """Keep the signatures that come with a manifest; Denied where one is wanted."""
        await self.accept((host,), content, await self._attached(remote, Digest.of(content)))

    async def accept(self, hosts: Collection[str], content: bytes, found: Sequence[bytes]) -> None:
        """Keep signatures of a manifest; Denied where a registry of these wants one."""
        if any(self.wants(host) for host in hosts):
            await self._verifier.check(content, found)
        digest = Digest.of(content)
        for signature in found[: _MOST - len(await self._signatures.find(digest))]:
            await self._signatures.keep(digest, signature)

    async def artifacts(self, content: bytes) -> Sequence[Artifact]:
        """The signatures of a manifest, as what is sent beside it."""
        digest = Digest.of(content)
        found = await self._signatures.find(digest)
        return [provenance.artifact(KIND, each, digest, len(content)) for each in found]

    async def _signable(
        self, principal: Principal, ref: str, verb: Verb
    ) -> tuple[StoredModel, Revision, bytes]:
        """A model and its manifest; raises Unsupported where it has none."""
        stored, revision = await self._resolver.find(principal, ref, verb)
        if revision.manifest is None:
            raise Unsupported(f"{stored.name.short} follows another model, so there is nothing fixed to sign")
        return stored, revision, await self._shelf.small(revision.manifest)

    async def _attached(self, remote: RemoteRepository, subject: Digest) -> Sequence[bytes]:
        found = []
        try:
            for digest in (await remote.attached(subject, KIND))[:_MOST]:
                place = provenance.read_artifact(await remote.manifest(str(digest)), KIND, subject)
                if place is not None and place[1] <= LARGEST:
                    chunks = remote.read(place[0], 0, place[1], place[1])
                    found.append(b"".join([chunk async for chunk in chunks]))
        except (NotFound, Denied, Invalid, Unavailable):
            return found
        return found
