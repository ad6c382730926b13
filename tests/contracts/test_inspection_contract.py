"""What is looked for in a catalogue, on each kind of database (core.upkeep.Records)."""

import pytest

from modelwright.core.card import Card
from modelwright.core.lineage import resolve
from modelwright.core.manifest import build_manifest
from modelwright.core.names import Name
from modelwright.core.revision import BlobRecord
from modelwright.core.upkeep import Held
from modelwright.store.catalogue import Catalogue
from modelwright.store.inspection import Inspection
from tests.contracts.making import BASE, CHILD, DATA, FACTS, LORA, WEIGHTS, revision

pytestmark = pytest.mark.anyio


@pytest.fixture
async def whole(catalogue: Catalogue) -> Catalogue:
    """A base, and a model over it with an adapter, a card and two revisions."""
    await catalogue.add_blob(BlobRecord(WEIGHTS, 7, FACTS))
    await catalogue.add_blob(BlobRecord(LORA, 4, None))
    await catalogue.commit(revision("base", BASE))
    await catalogue.commit(revision("mario", BASE))
    card = Card(description="a plumber")
    await catalogue.commit(revision("mario", CHILD, BASE, layers=frozenset({LORA}), card=card))
    return catalogue


async def faults(catalogue: Catalogue) -> list[str]:
    found = await Inspection(catalogue.database).faults()
    return [f"{fault.thing}: {fault.wrong}" for fault in found]


async def test_a_whole_catalogue_has_no_faults(whole: Catalogue) -> None:
    assert await faults(whole) == []
    assert await Inspection(whole.database).counts() == (2, 3)


async def test_blobs_are_told_with_the_models_that_stand_on_them(whole: Catalogue) -> None:
    found = await Inspection(whole.database).blobs()
    base, mario = (Name.parse(name).key for name in ("base", "mario"))
    assert sorted(found, key=lambda held: held.size) == [
        Held(LORA, 4, (mario,)),
        Held(WEIGHTS, 7, (base, mario)),
    ]


DAMAGE = {
    "a spec of other bytes": (
        "UPDATE specs SET canonical = CAST('{}' AS {blob}) WHERE digest = '{child}'",
        "its bytes are damaged",
    ),
    "a card of other bytes": ("UPDATE cards SET canonical = CAST('{}' AS {blob})", "its bytes are damaged"),
    "a small blob of other bytes": (
        "UPDATE small_blobs SET content = CAST('x' AS {blob}) WHERE digest = '{system}'",
        "its bytes are damaged",
    ),
    "a small blob that is gone": ("DELETE FROM small_blobs WHERE digest = '{system}'", "does not hold"),
    "a manifest that is gone": ("DELETE FROM small_blobs WHERE digest = '{manifest}'", "manifest"),
    "a name that points to nothing": ("UPDATE models SET latest = 9, current = 9", "points to revision 9"),
    "lost revisions": ("UPDATE models SET latest = 9", "should have revisions 1 to 9 and has"),
    "a blob of another size": ("UPDATE blobs SET size = 8 WHERE digest = '{lora}'", "says 4 bytes"),
    "a layer of no spec": ("UPDATE layers SET spec_digest = '{data}'", f"its spec {DATA} is missing"),
    "a layer of no blob": ("UPDATE layers SET digest = '{data}'", f"its layer {DATA} is missing"),
    "a dataset without its blob": (
        "INSERT INTO datasets"
        " (id, name, digest, size, owner, created_at, purpose, rows, kind, faults, extras)"
        " VALUES ('d1', 'x', '{data}', 1, 'ann', 0, '', 1, 'chat', 0, '{{}}')",
        f"dataset d1: its blob {DATA}",
    ),
}


@pytest.mark.parametrize("what", DAMAGE)
async def test_damage_is_found_and_named(whole: Catalogue, what: str) -> None:
    manifest, _ = build_manifest(resolve([CHILD, BASE]), FACTS)
    system = next(layer for layer in manifest.layers if layer.media_type.endswith("system"))
    statement, said = DAMAGE[what]
    names = {
        "blob": "BYTEA" if whole.database.kind == "postgresql" else "BLOB",
        "child": CHILD.digest.hex,
        "base": BASE.digest.hex,
        "system": system.digest.hex,
        "manifest": manifest.digest.hex,
        "lora": LORA.hex,
        "data": DATA.hex,
    }
    for name, value in names.items():
        statement = statement.replace(f"{{{name}}}", value)
    await whole.database.write(lambda c: c.exec_driver_sql(statement.replace("{{}}", "{}")))
    assert any(said in fault for fault in await faults(whole)), await faults(whole)
