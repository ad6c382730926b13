"""A process that makes, changes and deletes models; it is there to be killed.

    python changing.py HOME

After each step it reports the state that it sees, as one line of JSON. It does
so with writev, which nothing else here uses, so that a killer who counts write
calls counts those of the store alone.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelwright.core.digest import Digest
from modelwright.core.errors import ModelwrightError
from modelwright.core.names import Name
from modelwright.core.revision import BlobRecord, NewRevision
from modelwright.core.spec import ModelSpec, PinnedParent, WeightLayer
from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue
from modelwright.store.files import PIECE

WEIGHTS = b"weights" * 300_000
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


async def weights() -> AsyncIterator[bytes]:
    for start in range(0, len(WEIGHTS), PIECE // 2):
        yield WEIGHTS[start : start + PIECE // 2]


def new(name: str, spec: ModelSpec, **fields: Any) -> NewRevision:
    return NewRevision(Name.parse(name), spec, None, "", None, 0, "ann", "create", NOON, **fields)


async def change(catalogue: Catalogue, blobs: BlobStore) -> AsyncIterator[None]:
    """Take one step at a time."""
    digest, size = await blobs.put(weights(), expected=Digest.of(WEIGHTS))
    yield
    await catalogue.add_blob(BlobRecord(digest, size, None))
    yield
    base = ModelSpec(weights=(WeightLayer("model", digest, size),))
    await catalogue.commit(new("base", base, small_blobs={Digest.of(b"a" * 9000): b"a" * 9000}))
    yield
    await catalogue.commit(new("mario", ModelSpec(parent=PinnedParent(base.digest, "base"), system="one")))
    yield
    await catalogue.commit(new("mario", ModelSpec(parent=PinnedParent(base.digest, "base"), system="two")))
    yield
    await catalogue.move(Name.parse("mario").key, 1, "ann", NOON)
    yield
    await catalogue.delete(Name.parse("base").key)
    yield


async def look(catalogue: Catalogue, blobs: BlobStore) -> list[Any]:
    """The whole state of the store; raises where a model is not whole."""
    blob = await catalogue.blob(Digest.of(WEIGHTS))
    small = await catalogue.small_blob(Digest.of(b"a" * 9000))
    found: list[Any] = [await blobs.verify(Digest.of(WEIGHTS)), blob and blob.size, small and len(small)]
    for model in sorted(await catalogue.list_models(), key=lambda model: model.name.key):
        key = model.name.key
        lineages = [await catalogue.lineage(r.spec) for r in await catalogue.history(key)]
        moves = [(move.before, move.after) for move in await catalogue.moves(key)]
        systems = [str(lineage[0].system) for lineage in lineages]
        found.append([str(model.name), model.revision.number, model.latest, systems, moves])
    return found


async def report(catalogue: Catalogue, blobs: BlobStore) -> None:
    os.writev(1, [json.dumps(await look(catalogue, blobs)).encode() + b"\n"])


async def main(home: Path) -> None:
    catalogue = await Catalogue.open(f"sqlite:///{home / 'modelwright.db'}")
    try:
        blobs = BlobStore(home)
        blobs.clear_leftovers()
        await report(catalogue, blobs)
        async for _ in change(catalogue, blobs):
            await report(catalogue, blobs)
    finally:
        await catalogue.close()


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1])))
    except ModelwrightError as error:
        os.writev(2, [f"{error.kind}: {error}".encode()])
        sys.exit(1)
