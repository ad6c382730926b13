"""Parts: what the services are put together from, and how it is opened and closed.

Plain constructor calls, the lower half of the composition root (app.py).
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from modelwright.core.address import Address
from modelwright.core.duration import parse_duration
from modelwright.core.ports import Clock
from modelwright.dialects.body import MEBIBYTE
from modelwright.engines.echo import EchoEngines
from modelwright.engines.pool import EngineOptions, Pool
from modelwright.service.chat import Chat
from modelwright.service.datasets import Datasets
from modelwright.service.models import Models
from modelwright.service.resolver import Resolver
from modelwright.service.rights import Books, Rights, build_rights
from modelwright.settings import Settings
from modelwright.store.audit import AuditBook
from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue
from modelwright.store.grants import GrantBook
from modelwright.store.keys import KeyBook
from modelwright.store.leases import LeaseTable
from modelwright.store.links import Links
from modelwright.store.training import DatasetTable
from modelwright.weights.files import WeightBlobs

PREFIXES: Final = "prefixes"
"""Where engines keep what they computed of constant prompts."""
WORKSHOP: Final = "workshop"
"""Where weight files are made, beside the blobs that they become."""
GIBIBYTE: Final = 1024**3


@dataclass(frozen=True, slots=True)
class Parts:
    """What the other services are put together from."""

    catalogue: Catalogue
    blobs: BlobStore
    links: Links
    files: WeightBlobs
    resolver: Resolver
    models: Models
    chat: Chat
    engines: Pool | EchoEngines
    rights: Rights
    datasets: Datasets


async def build_parts(settings: Settings, clock: Clock, token: str, stack: AsyncExitStack) -> Parts:
    """What everything else stands on; `stack` ends it."""
    catalogue = await Catalogue.open(settings.catalogue_url)
    stack.push_async_callback(catalogue.close)
    blobs = BlobStore(settings.home)
    blobs.clear_leftovers()
    links = Links(blobs, catalogue)
    engines = _engines(settings, links, clock)
    if isinstance(engines, Pool):
        stack.push_async_callback(engines.aclose)
    resolver = Resolver(catalogue)
    files = WeightBlobs(links.locate, partial(blobs.adopt, link=True), settings.home / WORKSHOP)
    rights = _rights(settings, catalogue, resolver, clock, token)
    stack.push_async_callback(rights.audit.close)
    models = Models(catalogue, blobs, files, resolver, clock, rights.quotas)
    ledger = rights.audit.ledger
    chat = Chat(resolver, models, engines, clock, context_length=settings.context_length, ledger=ledger)
    limit = settings.max_blob * GIBIBYTE or None
    datasets = Datasets(DatasetTable(catalogue.database), catalogue, blobs, blobs, clock, limit=limit)
    return Parts(catalogue, blobs, links, files, resolver, models, chat, engines, rights, datasets)


def _engines(settings: Settings, links: Links, clock: Clock) -> Pool | EchoEngines:
    kind, _, pace = settings.engine.partition(":")
    if kind == "echo":
        return EchoEngines(clock, delay=parse_duration(pace or "0"))
    options = EngineOptions(
        parallel=settings.parallel,
        max_queue=settings.max_queue,
        max_engines=settings.max_engines,
        threads=settings.threads,
        keep_alive=settings.keep_alive,
        cache_ram_mib=settings.cache_ram,
        max_adapters=settings.max_adapters,
        prefix_dir=settings.home / PREFIXES,
        prefix_bytes=settings.prefix_cache * MEBIBYTE,
        watchdog_seconds=settings.watchdog,
        load_seconds=settings.load_timeout,
        drain_seconds=settings.drain,
        sleep_seconds=settings.sleep,
        memory_bytes=settings.memory * MEBIBYTE or None,
        cache_type=settings.cache_type,
        tensor_split=settings.tensor_split,
        split_mode=settings.split_mode,
    )
    return Pool(links.locate, clock, options)


def _rights(settings: Settings, catalogue: Catalogue, resolver: Resolver, clock: Clock, token: str) -> Rights:
    database = catalogue.database
    # One process alone can have a SQLite open.
    leases = LeaseTable(database) if database.kind == "postgresql" else None
    return build_rights(
        Books(KeyBook(database), GrantBook(database), AuditBook(database), leases),
        resolver.access,
        clock,
        token=token,
        keyless=is_loopback(settings) or settings.insecure,
        quotas=settings.quotas,
        session=timedelta(seconds=settings.session),
    )


def is_loopback(settings: Settings) -> bool:
    """Whether only this machine can reach any of the addresses."""
    others = (Address.parse(place) for place in settings.listen.values())
    return all(each.is_loopback for each in (Address(settings.host, settings.port, True), *others))
