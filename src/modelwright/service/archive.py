"""Archive: a model leaves and comes as one file, an OCI image layout in a tar.

Members are streamed from blobs and to blobs by their digest; what an archive calls
them is only compared. Rights: an export takes along all there is in the model, as a copy
does, and so needs "derive"; an import is a create, and what it brings is uploaded.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from modelwright.core import provenance, tar
from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Invalid, ModelwrightError, NotFound, TooLarge, Unsupported
from modelwright.core.grants import Principal, Verb
from modelwright.core.layers import LARGEST_MANIFEST, LARGEST_SMALL_LAYER, read_manifest
from modelwright.core.manifest import Layer
from modelwright.core.names import Name
from modelwright.core.oci_layout import (
    INDEX,
    LARGEST_INDEX,
    MARK,
    MARK_CONTENT,
    LayoutIndex,
    digest_at,
    place_of,
    read_index,
    write_index,
)
from modelwright.core.ports import Blobs, Catalogue, Made, WeightFiles
from modelwright.core.provenance import Provenance
from modelwright.core.revision import BlobRecord, Revision, StoredModel
from modelwright.core.spec import ModelSpec
from modelwright.core.wording import excerpt
from modelwright.service.arrivals import Arrival, check_manifest
from modelwright.service.audit import Ledger
from modelwright.service.pulls import Pulls, each_once
from modelwright.service.pushes import history_of
from modelwright.service.resolver import Resolver
from modelwright.service.shelf import Shelf
from modelwright.service.signing import KIND as SIGNATURE
from modelwright.service.signing import LARGEST as LARGEST_SIGNATURE
from modelwright.service.signing import Signing
from modelwright.service.transfer_events import Transferred
from modelwright.service.uploads import Uploads

KIND: Final = "import"
"""Kind of the revisions that are made here."""
_MOST_MEMBERS: Final = 10_000
_IN_HAND: Final = 1024 * 1024
_MOST_IN_HAND: Final = 64 * 1024 * 1024
"""Bytes of small members that are kept until it is known what they are."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file on its way out: what it may be called, its size in bytes, its bytes."""

    name: str
    size: int
    chunks: AsyncGenerator[bytes, None]


class Archive:
    """Exports and imports models."""

    def __init__(
        self,
        catalogue: Catalogue,
        resolver: Resolver,
        blobs: Blobs,
        files: WeightFiles,
        shelf: Shelf,
        pulls: Pulls,
        uploads: Uploads,
        signing: Signing,
        ledger: Ledger,
    ) -> None:
        self._ledger = ledger
        self._uploads = uploads
        self._signing = signing
        self._files = files
        self._catalogue = catalogue
        self._resolver = resolver
        self._blobs = blobs
        self._shelf = shelf
        self._pulls = pulls

    async def export(self, principal: Principal, ref: str) -> Outgoing:
        """A model with its history as one file; raises Corrupt before anything is sent."""
        stored, revision, lineage = await self._found(principal, ref)
        if revision.manifest is None:
            raise Unsupported(
                f"{stored.name.short} follows another model, so there is nothing fixed to export"
            )
        content = await self._shelf.small(revision.manifest)
        card = await self._resolver.card(revision)
        beside = (
            (provenance.KIND, history_of(stored, revision, lineage, card, content)),
            *((SIGNATURE, each) for each in await self._signing.artifacts(content)),
        )
        index = write_index(str(stored.name), content, tuple((kind, each.content) for kind, each in beside))
        parts = [content, provenance.EMPTY]
        parts += [part for _, each in beside for part in (each.content, each.layer)]
        texts = {MARK: MARK_CONTENT, INDEX: index} | {place_of(Digest.of(part)): part for part in parts}
        layers = each_once(read_manifest(content))
        for layer in layers:
            await self._shelf.check(layer.digest)
        sizes = [len(text) for text in texts.values()] + [layer.size for layer in layers]
        size = sum(tar.BLOCK + each + len(tar.padding(each)) for each in sizes) + len(tar.END)
        return Outgoing(f"{stored.name.model}.tar", size, self._written(tuple(texts.items()), layers))

    async def merged(self, principal: Principal, ref: str) -> Outgoing:
        """A model's weights with its adapters in them, as one GGUF."""
        stored, revision, _ = await self._found(principal, ref)
        resolved = await self._resolver.resolve(principal, revision, stored)
        if resolved.base is None:
            raise NotFound("base", stored.name.short)
        name = f"{stored.name.model}.gguf"
        if not resolved.adapters:
            await self._shelf.check(resolved.base)
            size = next(layer.size for layer in resolved.weights if layer.digest == resolved.base)
            return Outgoing(name, size, self._shelf.pieces(resolved.base))
        for digest in (resolved.base, *(adapter.digest for adapter in resolved.adapters)):
            await self._shelf.check(digest)
        async with aclosing(self._files.merge_adapters(resolved.base, resolved.adapters)) as events:
            async for event in events:
                if isinstance(event, Made):
                    await self._catalogue.add_blob(BlobRecord(event.digest, event.size, None))
                    return Outgoing(name, event.size, self._shelf.pieces(event.digest))
        raise Corrupt("the weights were merged, and nothing came of it")

    async def take(
        self, principal: Principal, chunks: AsyncIterator[bytes], *, name: str = ""
    ) -> Transferred:
        """Make a model of an exported file, as `name` or as it was called.

        Raises Corrupt, Invalid, Unsupported or TooLarge, Denied where a signature is
        wanted, Exhausted above what the principal may have; no model is made then.
        """
        if name:
            await self._resolver.access.target(principal, name, field="name")
        found = _Unpacked(principal)
        reader = _Reader(chunks)
        async for member in _members(reader):
            await self._keep(found, reader, member)
        if found.index is None:
            raise Corrupt(f"the archive has no {INDEX}", hint="It must be an OCI image layout")
        target = name or found.index.name
        await self._resolver.access.target(principal, target, field="name")
        content = await self._content(found, found.index.manifest, LARGEST_MANIFEST)
        hosts = {Name.parse(each, field="name").host for each in (target, found.index.name) if each}
        await self._signing.accept(hosts, content, _signatures(found, found.index, content))
        manifest, small = check_manifest(content, limit=self._uploads.limit)
        contents: dict[Digest, bytes] = {}
        for layer in each_once(manifest):
            if layer in small:
                contents[layer.digest] = await self._content(found, layer.digest, LARGEST_SMALL_LAYER)
            else:
                await self._settle(found, layer)
        history = await self._lineage(found, found.index, Digest.of(content))
        arrival = Arrival.of(content, contents, history)
        arriving = self._pulls.arrive(principal, target, arrival, message="imported from a file", kind=KIND)
        async for event in arriving:
            if isinstance(event, Transferred):
                return event
        raise Corrupt("the archive was read, and nothing came of it")

    async def _found(
        self, principal: Principal, ref: str
    ) -> tuple[StoredModel, Revision, tuple[ModelSpec, ...]]:
        """A model that may be taken along whole, with what it stands on."""
        stored, revision = await self._resolver.find(principal, ref, Verb.DERIVE)
        lineage = tuple(await self._resolver.lineage(principal, revision.spec, stored))
        await self._resolver.access.check_whole_legible(principal, lineage)
        await self._ledger.tell_of_leaving(principal, "export", stored, revision, "a file")
        return stored, revision, lineage

    async def _written(
        self, texts: tuple[tuple[str, bytes], ...], layers: tuple[Layer, ...]
    ) -> AsyncGenerator[bytes, None]:
        for name, text in texts:
            yield tar.write_header(name, len(text)) + text + tar.padding(len(text))
        for layer in layers:
            yield tar.write_header(place_of(layer.digest), layer.size)
            async with aclosing(self._shelf.pieces(layer.digest)) as pieces:
                async for piece in pieces:
                    yield piece
            yield tar.padding(layer.size)
        yield tar.END

    async def _keep(self, found: "_Unpacked", reader: "_Reader", member: tar.Member) -> None:
        """Take what a member holds, or pass over what is none of ours."""
        digest, limit = digest_at(member.name), self._uploads.limit
        if member.name.removeprefix("./") == INDEX:
            if member.size > LARGEST_INDEX:
                raise TooLarge(f"the archive's {INDEX} has more than {LARGEST_INDEX} bytes")
            found.index = read_index(await reader.read(member.size))
        elif digest is None:
            await reader.skip(member.size)
        elif member.size <= _IN_HAND and found.in_hand + member.size <= _MOST_IN_HAND:
            content = await reader.read(member.size)
            if Digest.of(content) != digest:
                raise Corrupt(f"the archive's {excerpt(member.name)} is not what it is called")
            found.contents[digest] = content
            found.in_hand += member.size
        elif limit is not None and member.size > limit:
            raise TooLarge(f"the archive's {excerpt(member.name)} has more than {limit} bytes")
        else:
            await self._make_room(found, digest, member.size)
            try:
                async with aclosing(reader.pieces(member.size)) as pieces:
                    await self._blobs.put(pieces, expected=digest)
            except Invalid as error:
                raise Corrupt(f"the archive's {excerpt(member.name)} is not what it is called") from error
            found.stored.add(digest)

    async def _make_room(self, found: "_Unpacked", digest: Digest, size: int) -> None:
        """Raise Exhausted for a member that the principal has no room for."""
        if digest not in await self._uploads.reached(found.principal, (digest,)):
            found.brought += size
            await self._uploads.check_room(found.principal, found.brought)

    async def _settle(self, found: "_Unpacked", layer: Layer) -> None:
        """Make a layer a recorded blob."""
        content = found.contents.get(layer.digest)
        if content is not None and len(content) == layer.size:
            await self._blobs.put(_once(content), expected=layer.digest)
        elif layer.digest not in found.stored:
            known = await self._may_have(found, layer.digest)
            if not known or not await self._shelf.holds(layer.digest, layer.size):
                raise Corrupt(f"the archive lacks layer {layer.digest}")
            return
        await self._uploads.record(found.principal, layer.digest, layer.size)

    async def _may_have(self, found: "_Unpacked", digest: Digest) -> bool:
        """Whether a blob that the archive lacks may be one that is here."""
        return digest in await self._uploads.reached(found.principal, (digest,))

    async def _content(self, found: "_Unpacked", digest: Digest, limit: int) -> bytes:
        content = found.contents.get(digest)
        if content is not None:
            return content
        try:
            if digest in found.stored or await self._may_have(found, digest):
                return await self._shelf.small(digest, limit=limit)
        except NotFound as error:
            raise Corrupt(f"the archive lacks blob {digest}") from error
        raise Corrupt(f"the archive lacks blob {digest}")

    async def _lineage(self, found: "_Unpacked", index: LayoutIndex, subject: Digest) -> Provenance | None:
        try:
            for kind, digest in index.artifacts:
                about = (
                    await self._content(found, digest, LARGEST_MANIFEST) if kind == provenance.KIND else b""
                )
                place = provenance.read_artifact(about, provenance.KIND, subject)
                if place is not None:
                    return Provenance.read(await self._content(found, place[0], provenance.LARGEST))
        except ModelwrightError:
            return None
        return None


class _Unpacked:
    """What an archive has had so far."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.index: LayoutIndex | None = None
        self.contents: dict[Digest, bytes] = {}
        self.in_hand = 0
        self.stored: set[Digest] = set()
        self.brought = 0


class _Reader:
    """A stream of bytes, read by length; one that ends early is Corrupt."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    async def pieces(self, size: int) -> AsyncGenerator[bytes, None]:
        while size:
            if not self._rest:
                chunk = await anext(aiter(self._chunks), None)
                if chunk is None:
                    raise Corrupt("the archive ends before its end")
                self._rest = memoryview(chunk)
            piece, self._rest = self._rest[:size], self._rest[size:]
            size -= len(piece)
            yield bytes(piece)

    async def read(self, size: int) -> bytes:
        return b"".join([piece async for piece in self.pieces(size)])

    async def skip(self, size: int) -> None:
        async for _ in self.pieces(size):
            pass


async def _members(reader: _Reader) -> AsyncGenerator[tar.Member, None]:
    """The files of an archive; each must be read whole before the next."""
    extension = b""
    for _ in range(_MOST_MEMBERS):
        member = tar.read_header(await reader.read(tar.BLOCK))
        if member is None:
            return
        if member.kind == "extension":
            if member.size > tar.LARGEST_EXTENSION:
                raise TooLarge(f"an extended header of the archive has {member.size} bytes")
            extension = await reader.read(member.size)
        else:
            member, extension = tar.read_extension(extension, member), b""
            if member.kind == "file":
                yield member
            else:
                await reader.skip(member.size)
        await reader.skip(-member.size % tar.BLOCK)
    raise TooLarge(f"the archive has more than {_MOST_MEMBERS} members")


def _signatures(found: "_Unpacked", index: LayoutIndex, content: bytes) -> list[bytes]:
    """The signatures that came along, good or not."""
    signatures = []
    for kind, digest in index.artifacts:
        about = found.contents.get(digest, b"") if kind == SIGNATURE else b""
        place = provenance.read_artifact(about, SIGNATURE, Digest.of(content))
        if place is not None and place[1] <= LARGEST_SIGNATURE and place[0] in found.contents:
            signatures.append(found.contents[place[0]])
    return signatures


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
