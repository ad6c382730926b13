"""Makes a weight file a model of a data folder that no server holds yet."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from modelwright.core.draft import SpecDraft
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.revision import BlobRecord
from modelwright.core.weight_files import NamedBlob
from modelwright.service.models import Models
from modelwright.service.resolver import Resolver
from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue
from modelwright.store.links import Links
from modelwright.weights.files import WeightBlobs
from modelwright.weights.gguf import read_facts


class Now:
    """The time of day."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def import_weights(home: Path, weights: Path, name: str) -> None:
    """Link the file into the folder's blobs and name a model for it."""
    asyncio.run(_import(home, weights, name))


async def _import(home: Path, weights: Path, name: str) -> None:
    catalogue, blobs = await Catalogue.open(f"sqlite:///{home / 'catalogue.db'}"), BlobStore(home)
    digest, size = await blobs.adopt(weights, link=True)
    await catalogue.add_blob(BlobRecord(digest, size, read_facts(weights)))
    files = WeightBlobs(Links(blobs, catalogue).locate, blobs.adopt, home / "workshop")
    models = Models(catalogue, blobs, files, Resolver(catalogue), Now())
    async for _ in models.create(LOCAL_ADMIN, name, SpecDraft(files=(NamedBlob("", digest),))):
        pass
    await catalogue.close()
