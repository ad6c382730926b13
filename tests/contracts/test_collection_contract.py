"""What is removed when nothing needs it, and what never is, on each kind of database."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Invalid, NotFound
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.names import Name
from modelwright.core.revision import BlobRecord
from modelwright.core.runs import DatasetRecord, Run, TrainingPlan
from modelwright.core.spec import AdapterLayer, ModelSpec, PinnedParent, WeightLayer
from modelwright.core.upkeep import Collected
from modelwright.service.collection import Collection
from modelwright.store.audit import AuditBook
from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue
from modelwright.store.garbage import Garbage
from modelwright.store.inspection import Inspection
from modelwright.store.training import DatasetTable, RunBook
from tests.contracts.making import FACTS, NOON, revision

pytestmark = pytest.mark.anyio
HOUR = timedelta(hours=1)


class Later:
    """A clock that is ahead of the files' times by some days."""

    def __init__(self) -> None:
        self.ahead = timedelta(days=2)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class House:
    """A store, and what its tests put into it."""

    def __init__(self, catalogue: Catalogue, folder: Path) -> None:
        self.catalogue = catalogue
        self.blobs = BlobStore(folder)
        self.folder = folder
        self.clock = Later()
        database = catalogue.database
        self.records = Inspection(database)
        self.collection = Collection(
            Garbage(database), self.records, self.blobs, self.clock, AuditBook(database)
        )

    async def blob(self, text: str) -> Digest:
        async def chunks() -> AsyncIterator[bytes]:
            yield text.encode()

        digest, size = await self.blobs.put(chunks())
        await self.catalogue.add_blob(BlobRecord(digest, size, FACTS))
        return digest

    async def base(self, name: str, text: str) -> ModelSpec:
        spec = ModelSpec(weights=(WeightLayer("model", await self.blob(text), len(text)),))
        await self.make(name, spec)
        return spec

    async def child(self, name: str, parent: ModelSpec, adapter: str) -> ModelSpec:
        layer = AdapterLayer(await self.blob(adapter), len(adapter), 1.0)
        spec = ModelSpec(parent=PinnedParent(parent.digest, "base"), adapters=(layer,))
        await self.make(name, spec, parent, layers=frozenset({layer.digest}))
        return spec

    async def make(self, name: str, spec: ModelSpec, *ancestors: ModelSpec, **fields: Any) -> None:
        new = revision(name, spec, *ancestors, **fields)
        base = (ancestors[-1] if ancestors else spec).weights[0].digest
        await self.catalogue.commit(replace(new, base=base))

    async def delete(self, name: str) -> None:
        assert await self.catalogue.delete(Name.parse(name).key)

    async def collect(self, **options: Any) -> Collected:
        return await self.collection.collect(LOCAL_ADMIN, **options)

    def files(self) -> set[Digest]:
        return {Digest.parse(path.name) for path in (self.folder / "blobs").iterdir()}

    async def check(self, *kept: Digest) -> None:
        """See that exactly these are there, and that the catalogue is whole."""
        assert self.files() == set(kept)
        assert {held.digest for held in await self.records.blobs()} == set(kept)
        assert await self.records.faults() == []


@pytest.fixture
def house(catalogue: Catalogue, tmp_path: Path) -> House:
    return House(catalogue, tmp_path)


def digests(*texts: str) -> Iterable[Digest]:
    return [Digest.of(text.encode()) for text in texts]


async def test_what_a_deleted_model_alone_stood_on_goes(house: House) -> None:
    base = await house.base("base", "weights")
    await house.child("mario", base, "hat")
    await house.child("luigi", base, "cap")
    await house.base("other", "more weights")
    assert await house.collect() == Collected(0, 0, 0)
    await house.delete("mario")
    await house.delete("other")
    assert await house.collect(dry=True) == Collected(2, 0, len("hat") + len("more weights"))
    assert await house.collect() == Collected(2, 0, len("hat") + len("more weights"))
    await house.check(*digests("weights", "cap"))
    assert await house.collect() == Collected(0, 0, 0)
    (line,) = [e for e in await AuditBook(house.catalogue.database).entries(limit=9) if e.action == "collect"]
    assert line.detail == {"blobs": 2, "strays": 0, "bytes": len("hat") + len("more weights")}


async def test_a_parent_and_former_revisions_keep_what_they_stand_on(house: House) -> None:
    base = await house.base("base", "weights")
    await house.child("mario", base, "hat")
    await house.child("mario", base, "crown")
    await house.delete("base")
    assert await house.collect() == Collected(0, 0, 0)
    await house.check(*digests("weights", "hat", "crown"))


async def test_datasets_and_plans_of_runs_keep_their_blobs(house: House) -> None:
    await house.base("base", "weights")
    data, plan, lost = [await house.blob(text) for text in ("data", "plan", "lost")]
    book = DatasetTable(house.catalogue.database)
    await book.add(DatasetRecord("file-1", "a", data, 4, "ann", NOON))
    run = Run("run-1", TrainingPlan("base", lost, "base", "sft", plan), "failed", "ann", NOON)
    await RunBook(house.catalogue.database).add(run)
    assert (await house.collect()).blobs == 0, "a plan spells both"
    await house.check(data, plan, lost, *digests("weights"))
    await book.delete("file-1")
    assert (await house.collect()).blobs == 1
    await house.check(plan, lost, *digests("weights"))


async def test_a_table_that_nobody_told_of_keeps_what_it_spells(house: House) -> None:
    named = await house.blob("named")

    def add_table(connection: Any) -> None:
        connection.exec_driver_sql("CREATE TABLE later (id TEXT, said TEXT)")
        connection.exec_driver_sql(f"INSERT INTO later VALUES ('1', '[\"{named}\"]')")

    await house.catalogue.database.write(add_table)
    assert (await house.collect()).blobs == 0
    assert house.files() == {named}


async def test_what_came_of_late_stays_and_so_does_what_is_put_again(house: House) -> None:
    await house.blob("first")
    assert (await house.collect(grace=timedelta(days=3))).blobs == 0
    house.clock.ahead = timedelta(0)
    assert (await house.collect(grace=HOUR)).blobs == 0
    house.clock.ahead = timedelta(days=2)
    await house.blob("first")
    house.clock.ahead = timedelta(minutes=30)
    assert (await house.collect(grace=HOUR)).blobs == 0
    await house.check(*digests("first"))


async def test_what_an_unfinished_run_may_have_made_stays(house: House) -> None:
    before = datetime.now(UTC) - HOUR
    rows = await house.blob("token rows")
    runs = RunBook(house.catalogue.database)
    run = Run("run-1", TrainingPlan("base", rows, "base", "sft", Digest.of(b"x")), "queued", "ann", before)
    stray = Digest.of(b"stray")
    house.blobs.path(stray).write_bytes(b"stray")
    await runs.add(replace(run, plan=replace(run.plan, spec=Digest.of(b"y"))))
    assert await house.collect() == Collected(0, 0, 0)
    await runs.save(replace(run, state="cancelled", plan=replace(run.plan, spec=Digest.of(b"y"))), at=before)
    assert await house.collect() == Collected(1, 1, len("token rows") + len("stray"))


async def test_files_that_belong_to_nothing_go(house: House) -> None:
    await house.base("base", "weights")
    for text in ("one", "three"):
        house.blobs.path(Digest.of(text.encode())).write_text(text)
    assert await house.collect(dry=True) == Collected(0, 2, 8)
    assert await house.collect(grace=timedelta(days=3)) == Collected(0, 0, 0)
    assert await house.collect() == Collected(0, 2, 8)
    await house.check(*digests("weights"))


async def test_a_file_that_a_run_keeps_for_the_next_stays(house: House) -> None:
    """The optimizer's state is recorded as no blob: the run that made it names it."""
    kept = Digest.of(b"momentum")
    house.blobs.path(kept).write_bytes(b"momentum")
    house.blobs.path(Digest.of(b"stray")).write_bytes(b"stray")
    plan = TrainingPlan("base", Digest.of(b"x"), "base", "reward", Digest.of(b"y"))
    run = Run("run-1", plan, "succeeded", "ann", NOON, metrics={"momentum": str(kept)})
    await RunBook(house.catalogue.database).add(run)
    assert await house.collect() == Collected(0, 1, len("stray"))
    assert house.files() == {kept}


async def test_an_upload_that_was_never_used_gives_its_room_back(house: House) -> None:
    digest = await house.blob("upload")
    await house.catalogue.add_upload(BlobRecord(digest, 6, None), "ann")
    assert await house.catalogue.uploaded_bytes("ann") == 6
    await house.collect()
    assert await house.catalogue.uploaded_bytes("ann") == 0


async def test_a_damaged_catalogue_loses_nothing_more(house: House) -> None:
    base = await house.base("base", "weights")
    await house.child("mario", base, "hat")
    await house.blob("unused")
    where = f"digest = '{base.digest.hex}'"
    kind = "BYTEA" if house.catalogue.database.kind == "postgresql" else "BLOB"
    await house.catalogue.database.write(
        lambda c: c.exec_driver_sql(f"UPDATE specs SET canonical = CAST('{{}}' AS {kind}) WHERE {where}")
    )
    with pytest.raises(Corrupt, match="damaged"):
        await house.collect()
    assert house.files() == set(digests("weights", "hat", "unused"))


async def test_a_grace_too_short_for_an_upload_is_refused(house: House) -> None:
    with pytest.raises(Invalid, match="30 s"):
        await house.collect(grace=timedelta(seconds=30))


async def test_no_model_that_is_made_meanwhile_loses_anything(house: House) -> None:
    """Creates of old blobs beside collections: each is whole, or was refused."""
    draw = random.Random(5)
    base = await house.base("base", "weights")
    hats = [f"hat {number}" for number in range(12)]
    for hat in hats:
        await house.blob(hat)
    ends: list[str] = []

    async def create(number: int) -> None:
        hat = draw.choice(hats)
        layer = AdapterLayer(Digest.of(hat.encode()), len(hat), 1.0)
        spec = ModelSpec(parent=PinnedParent(base.digest, "base"), adapters=(layer,))
        await asyncio.sleep(draw.random() * 0.1)
        try:
            await house.make(f"m{number}", spec, base, layers=frozenset({layer.digest}))
            ends.append("made")
        except NotFound:
            ends.append("refused")
        if draw.random() < 0.5:
            await house.catalogue.delete(Name.parse(f"m{number}").key)

    async def collect() -> None:
        await asyncio.sleep(draw.random() * 0.1)
        await house.collect()

    for start in range(0, 40, 10):
        creates = [create(number) for number in range(start, start + 10)]
        await asyncio.gather(*creates, collect(), collect())
    assert set(ends) == {"made", "refused"}
    assert await house.records.faults() == []
    assert house.files() >= {held.digest for held in await house.records.blobs()}
    await house.collect()
    await house.check(*await needed(house))


async def needed(house: House) -> set[Digest]:
    """What all revisions of all models stand on, found another way: through the catalogue."""
    found: set[Digest] = set()
    for model in await house.catalogue.list_models():
        for each in await house.catalogue.history(model.name.key):
            for spec in await house.catalogue.lineage(each.spec):
                found.update(layer.digest for layer in spec.weights)
                if isinstance(spec.adapters, tuple):
                    found.update(layer.digest for layer in spec.adapters)
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_after_anything_exactly_what_is_needed_is_left(house: House, seed: int) -> None:
    draw = random.Random(seed)
    bases = [await house.base(f"base{number}", f"weights {number}") for number in range(3)]
    for _ in range(40):
        name = f"m{draw.randrange(6)}"
        match draw.randrange(4):
            case 0:
                await house.catalogue.delete(Name.parse(name).key)
            case 1:
                await house.blob(f"upload {draw.randrange(9)}")
            case 2:
                await house.catalogue.delete(Name.parse(f"base{draw.randrange(3)}").key)
            case 3:
                with suppress(NotFound):  # a base that is gone
                    await house.child(name, draw.choice(bases), f"hat {draw.randrange(9)}")
        if draw.random() < 0.2:
            await house.collect()
    await house.collect()
    await house.check(*await needed(house))
