"""Bundle: the starter model that comes with the package, made known once.

`FROM starter` works at once on a fresh data folder; a starter that the user
deleted or replaced is left as the user wants it.
"""

import logging
from typing import Final

from anyio import to_thread

from modelwright import __version__
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Corrupt, Invalid
from modelwright.core.grants import EVERYONE, MAKER, Level
from modelwright.core.names import Name
from modelwright.core.parameters import Parameters
from modelwright.core.ports import Catalogue
from modelwright.core.revision import BlobRecord
from modelwright.core.spec import ModelSpec, WeightLayer
from modelwright.core.weight_files import NamedBlob
from modelwright.service.models import Models
from modelwright.service.sharing import Sharing
from modelwright.starter import NAME, WEIGHTS, published_digest
from modelwright.store.blobs import BlobStore
from modelwright.weights.gguf import read_facts

KIND: Final = "bundled"
"""Kind of the revisions that are made here."""

_PARAMETERS: Final = Parameters.of({"temperature": 0, "num_predict": 128})
_LICENCE: Final = "The starter model is licensed under the Apache License, Version 2.0."

_LOG = logging.getLogger(__name__)


async def import_starter(models: Models, sharing: Sharing, catalogue: Catalogue, blobs: BlobStore) -> None:
    """Create the starter, unless this data folder ever had this very one.

    Raises Corrupt when the packaged file is not the one that was published.
    """
    digest = published_digest()
    if digest is None:
        _LOG.warning("this installation has no starter model: %s is missing", WEIGHTS)
        return
    name = Name.parse(NAME)
    weights = WeightLayer("model", digest, WEIGHTS.stat().st_size)
    spec = ModelSpec(weights=(weights,), parameters=_PARAMETERS, licences=(_LICENCE,))
    created = await catalogue.was_created(name, spec.digest)
    if created and await blobs.has(digest):
        return
    await _adopt(digest, blobs)
    current = await catalogue.find(name.key)
    if created or (current is not None and current.revision.kind != KIND):
        return
    await catalogue.add_blob(BlobRecord(digest, weights.size, await to_thread.run_sync(read_facts, WEIGHTS)))
    draft = SpecDraft(files=(NamedBlob(WEIGHTS.name, digest),), parameters=_PARAMETERS, licences=(_LICENCE,))
    async for _ in models.create(MAKER, NAME, draft, message=f"modelwright {__version__}", kind=KIND):
        pass
    await sharing.grant(MAKER, NAME, EVERYONE, Level.DERIVE.word)


async def _adopt(digest: Digest, blobs: BlobStore) -> None:
    try:
        await blobs.adopt(WEIGHTS, expected=digest)
    except Invalid as error:
        raise Corrupt(
            f"the packaged starter model is damaged: {error}", hint="Install modelwright anew"
        ) from error
