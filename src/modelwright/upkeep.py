"""Upkeep: a store opened only to be looked after, beside a server if one runs.

The composition root of commands that need no server. Starts and changes nothing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from modelwright.service.maintenance import Maintenance
from modelwright.settings import Settings
from modelwright.store.blobs import BlobStore
from modelwright.store.database import Database
from modelwright.store.inspection import Inspection


@asynccontextmanager
async def open_maintenance(settings: Settings) -> AsyncIterator[Maintenance]:
    """The store of these settings; raises NotFound where there is none yet."""
    database = Database.open(settings.catalogue_url, beside=True)
    try:
        yield Maintenance(Inspection(database), BlobStore(settings.home))
    finally:
        await database.close()
