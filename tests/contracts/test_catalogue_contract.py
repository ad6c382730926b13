"""What every catalogue does, on each kind of database (core.ports.Catalogue)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Invalid, NotFound, TooLarge, Unavailable
from modelwright.core.names import Name
from modelwright.core.revision import BlobRecord, NewRevision, Revision, StoredModel
from modelwright.core.spec import AdapterLayer, FollowedParent, ModelSpec, PinnedParent, WeightLayer
from modelwright.core.weights import WeightFacts
from modelwright.store.catalogue import Catalogue

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
WEIGHTS = Digest.of(b"weights")
FACTS = WeightFacts(
    "model", "gguf", "llama", 7, "F16", 2048, 256, "{{ x }}", True, {"a": 1, "b": None, "c": 0.5}
)


def revision(name: str = "mario", system: str = "hello", **fields: Any) -> NewRevision:
    """A create that stands on nothing."""
    values: dict[str, Any] = {
        "spec": ModelSpec(system=system),
        "base": None,
        "parent": "",
        "manifest": None,
        "size": 0,
        "author": "ann",
        "kind": "create",
        "created_at": NOON,
    }
    return NewRevision(name=Name.parse(name), **values | fields)


def key(name: str) -> str:
    return Name.parse(name).key


async def test_a_created_model_is_found_as_it_was_created(catalogue: Catalogue) -> None:
    manifest = Digest.of(b"{}")
    facts = {"base": WEIGHTS, "parent": "starter", "manifest": manifest, "template": Digest.of(b"x")}
    await catalogue.add_blob(BlobRecord(WEIGHTS, 7, FACTS))
    new = revision("Bob/Mario:V1", **facts, size=2, message="why")
    stored, changed, _ = await catalogue.commit(new)
    assert changed
    state = Revision(
        1, new.spec.digest, WEIGHTS, "starter", manifest, 2, "ann", "why", "create", NOON, Digest.of(b"x")
    )
    assert stored == StoredModel(Name.parse("Bob/Mario:V1"), state, 1, NOON, stored.id, "local")
    assert await catalogue.find(key("bob/mario:v1")) == stored
    assert await catalogue.revision(key("bob/mario:v1"), 1) == stored.revision


async def test_an_unknown_model_is_nothing(catalogue: Catalogue) -> None:
    assert await catalogue.find(key("mario")) is None
    assert await catalogue.revision(key("mario"), 1) is None
    assert await catalogue.history(key("mario")) == []
    assert await catalogue.moves(key("mario")) == []
    assert await catalogue.list_models() == []
    assert not await catalogue.delete(key("mario"))
    with pytest.raises(NotFound, match="mario"):
        await catalogue.move(key("mario"), 1, "ann", NOON)


async def test_times_come_back_exact_and_in_utc(catalogue: Catalogue) -> None:
    there = datetime(2026, 1, 2, 3, 4, 5, 999999, tzinfo=timezone(timedelta(hours=-7)))
    await catalogue.commit(revision(created_at=there))
    found = await catalogue.find(key("mario"))
    assert found is not None
    assert found.updated_at == found.revision.created_at == there
    assert found.updated_at.utcoffset() == timedelta(0)
    with pytest.raises(Invalid, match="no time zone"):
        await catalogue.commit(revision(created_at=NOON.replace(tzinfo=None)))


async def test_the_same_spec_again_writes_nothing(catalogue: Catalogue) -> None:
    first, _, _ = await catalogue.commit(revision())
    again, changed, _ = await catalogue.commit(revision(author="bob", created_at=NOON + timedelta(hours=1)))
    assert not changed
    assert again == first == await catalogue.find(key("mario"))


async def test_a_change_is_a_new_revision_under_the_first_spelling(catalogue: Catalogue) -> None:
    await catalogue.commit(revision("Mario", "one"))
    stored, _, _ = await catalogue.commit(revision("MARIO", "two", created_at=NOON + timedelta(hours=1)))
    assert (str(stored.name), stored.revision.number, stored.latest) == ("Mario:latest", 2, 2)
    assert stored == await catalogue.find(key("mario"))
    assert [r.number for r in await catalogue.history(key("mario"))] == [1, 2]


async def test_moving_back_loses_nothing(catalogue: Catalogue) -> None:
    for system in ("one", "two", "three"):
        await catalogue.commit(revision(system=system))
    later = NOON + timedelta(minutes=5)
    moved = await catalogue.move(key("mario"), 1, "bob", later)
    assert (moved.revision.number, moved.latest, moved.updated_at) == (1, 3, later)
    assert moved == await catalogue.find(key("mario"))
    assert [(m.before, m.after, m.author, m.moved_at) for m in await catalogue.moves(key("mario"))] == [
        (3, 1, "bob", later)
    ]
    again, changed, _ = await catalogue.commit(revision(system="three"))
    assert (again.revision.number, changed) == (4, True)
    assert len(await catalogue.history(key("mario"))) == 4


async def test_moving_to_where_it_stands_is_no_move(catalogue: Catalogue) -> None:
    stored, _, _ = await catalogue.commit(revision())
    assert await catalogue.move(key("mario"), 1, "bob", NOON + timedelta(hours=1)) == stored
    assert await catalogue.moves(key("mario")) == []


async def test_a_move_to_an_unknown_revision_says_which_there_are(catalogue: Catalogue) -> None:
    await catalogue.commit(revision())
    with pytest.raises(NotFound, match=r"'mario:latest@2' not found\. The model has revisions 1 to 1"):
        await catalogue.move(key("mario"), 2, "bob", NOON)


async def test_models_are_listed_last_changed_first(catalogue: Catalogue) -> None:
    for minute, name in enumerate(["a", "b", "c", "d"]):
        await catalogue.commit(revision(name, created_at=NOON + timedelta(minutes=minute)))
    await catalogue.commit(revision("a", "new", created_at=NOON + timedelta(minutes=10)))
    await catalogue.delete(key("c"))
    listed = await catalogue.list_models()
    assert [model.name.short for model in listed] == ["a", "d", "b"]
    assert listed[0] == await catalogue.find(key("a"))


async def test_models_are_counted_without_the_deleted(catalogue: Catalogue) -> None:
    for name in ("one", "two", "three"):
        await catalogue.commit(revision(name))
    await catalogue.delete(key("two"))
    assert await catalogue.count_models() == 2


async def test_a_deleted_name_begins_anew(catalogue: Catalogue) -> None:
    await catalogue.commit(revision("Mario", "one"))
    await catalogue.commit(revision("Mario", "two"))
    assert await catalogue.delete(key("mario"))
    assert not await catalogue.delete(key("mario"))
    assert await catalogue.find(key("mario")) is None
    assert await catalogue.history(key("mario")) == []
    stored, changed, _ = await catalogue.commit(revision("MARIO", "two"))
    assert (str(stored.name), stored.revision.number, changed) == ("MARIO:latest", 1, True)


async def test_what_was_ever_created_is_remembered(catalogue: Catalogue) -> None:
    new, other = revision(system="one"), revision("luigi", "two")
    await catalogue.commit(new)
    await catalogue.commit(other)
    await catalogue.delete(key("mario"))
    assert await catalogue.was_created(new.name, new.spec.digest)
    assert not await catalogue.was_created(new.name, other.spec.digest)


async def test_a_lineage_goes_to_the_first_spec_that_pins_nothing(catalogue: Catalogue) -> None:
    base = ModelSpec(parent=FollowedParent("elsewhere"), system="base")
    middle = ModelSpec(parent=PinnedParent(base.digest, "base"), system="middle")
    child = ModelSpec(parent=PinnedParent(middle.digest, "middle"))
    for name, spec in (("base", base), ("middle", middle), ("child", child)):
        await catalogue.commit(revision(name, spec=spec))
    await catalogue.delete(key("base"))
    for _ in ("read", "remembered"):
        assert await catalogue.lineage(child.digest) == [child, middle, base]
        assert await catalogue.lineage(middle.digest) == [middle, base]


async def test_a_lineage_ends_after_seventeen(catalogue: Catalogue) -> None:
    specs = [ModelSpec(system="base")]
    for _ in range(20):
        specs.append(ModelSpec(parent=PinnedParent(specs[-1].digest, "p")))
    for number, spec in enumerate(specs):
        await catalogue.commit(revision(f"m{number}", spec=spec))
    for _ in ("read", "remembered"):
        assert await catalogue.lineage(specs[20].digest) == specs[20:3:-1]


async def test_an_unknown_spec_is_not_found(catalogue: Catalogue) -> None:
    with pytest.raises(NotFound, match=str(WEIGHTS)):
        await catalogue.lineage(WEIGHTS)


async def test_what_a_spec_stands_on_must_be_there(catalogue: Catalogue) -> None:
    orphan = ModelSpec(parent=PinnedParent(WEIGHTS, "gone"))
    heavy = ModelSpec(weights=(WeightLayer("model", WEIGHTS, 7),))
    tuned = ModelSpec(adapters=(AdapterLayer(WEIGHTS, 7),))
    for spec in (orphan, heavy, tuned):
        with pytest.raises(NotFound, match=str(WEIGHTS)):
            await catalogue.commit(revision(spec=spec))
        assert await catalogue.find(key("mario")) is None
    await catalogue.add_blob(BlobRecord(WEIGHTS, 8, None))
    with pytest.raises(Invalid, match="said to have 7 bytes, its blob has 8"):
        await catalogue.commit(revision(spec=heavy))


async def test_blobs_keep_their_facts(catalogue: Catalogue) -> None:
    assert await catalogue.blob(WEIGHTS) is None
    await catalogue.add_blob(BlobRecord(WEIGHTS, 7, None))
    assert await catalogue.blob(WEIGHTS) == BlobRecord(WEIGHTS, 7, None)
    await catalogue.add_blob(BlobRecord(WEIGHTS, 7, FACTS))
    await catalogue.add_blob(BlobRecord(WEIGHTS, 7, None))
    assert await catalogue.blob(WEIGHTS) == BlobRecord(WEIGHTS, 7, FACTS)


async def test_small_blobs_come_with_their_model(catalogue: Catalogue) -> None:
    contents = {Digest.of(content): content for content in (b"", b"\0\xff" * 10, b"x" * 65536)}
    await catalogue.commit(revision(small_blobs=contents))
    await catalogue.commit(revision("luigi", small_blobs=contents))
    assert {digest: await catalogue.small_blob(digest) for digest in contents} == contents
    assert await catalogue.small_blob(WEIGHTS) is None


async def test_a_commit_says_which_small_blobs_it_added(catalogue: Catalogue) -> None:
    one, two = Digest.of(b"one"), Digest.of(b"two")
    assert (await catalogue.commit(revision(small_blobs={one: b"one"}))).added == {one}
    both = revision(system="two", small_blobs={one: b"one", two: b"two"})
    assert (await catalogue.commit(both)).added == {two}
    assert (await catalogue.commit(both)).added == frozenset()


async def test_a_wrong_small_blob_is_refused_with_everything(catalogue: Catalogue) -> None:
    with pytest.raises(TooLarge, match="65537 bytes, at most 65536"):
        await catalogue.commit(revision(small_blobs={Digest.of(b"x" * 65537): b"x" * 65537}))
    with pytest.raises(Invalid, match="digest mismatch"):
        await catalogue.commit(revision(small_blobs={WEIGHTS: b"other"}))
    assert await catalogue.find(key("mario")) is None


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800b"])
@pytest.mark.parametrize("field", ["author", "message", "kind", "parent"])
async def test_text_that_cannot_be_kept_is_refused(catalogue: Catalogue, field: str, bad: str) -> None:
    with pytest.raises(Invalid, match=field):
        await catalogue.commit(revision(**{field: bad}))


@pytest.mark.parametrize("odd", ["'; DROP TABLE models; --", "%s", ":key", "\n", "ü" * 1000, "\U0001f600"])
async def test_text_is_never_code(catalogue: Catalogue, odd: str) -> None:
    stored, _, _ = await catalogue.commit(revision(author=odd, message=odd))
    assert await catalogue.find(key("mario")) == stored
    assert await catalogue.find(odd) is None


@pytest.mark.parametrize("odd", ["a\0b", "\ud800"])
async def test_an_odd_key_is_an_error_of_ours_or_nothing(catalogue: Catalogue, odd: str) -> None:
    with suppress(Invalid):
        assert await catalogue.find(odd) is None


async def test_a_number_beyond_all_bounds_is_no_revision(catalogue: Catalogue) -> None:
    await catalogue.commit(revision())
    with pytest.raises((NotFound, Invalid)):
        await catalogue.move(key("mario"), 2**70, "ann", NOON)


async def test_sixteen_at_once_get_sixteen_numbers(catalogue: Catalogue) -> None:
    creates = [catalogue.commit(revision(system=f"take {number}")) for number in range(16)]
    done = await asyncio.gather(*creates)
    assert sorted(stored.revision.number for stored, _, _ in done) == list(range(1, 17))
    found = await catalogue.find(key("mario"))
    assert found is not None
    assert (found.revision.number, found.latest) == (16, 16)
    assert [r.number for r in await catalogue.history(key("mario"))] == list(range(1, 17))


@pytest.mark.parametrize("catalogue_url", ["postgresql"], indirect=True)
async def test_two_servers_on_one_postgresql_take_turns(catalogue: Catalogue, catalogue_url: str) -> None:
    other = await Catalogue.open(catalogue_url)
    both = [(catalogue, other)[number % 2] for number in range(16)]
    await asyncio.gather(*(one.commit(revision(system=f"take {n}")) for n, one in enumerate(both)))
    assert [r.number for r in await other.history(key("mario"))] == list(range(1, 17))
    await other.close()


async def test_one_spec_by_sixteen_at_once_is_one_revision(catalogue: Catalogue) -> None:
    done = await asyncio.gather(*(catalogue.commit(revision()) for _ in range(16)))
    assert sorted(changed for _, changed, _ in done) == [False] * 15 + [True]
    assert {stored.latest for stored, _, _ in done} == {1}


async def test_changes_of_all_kinds_at_once_leave_one_state(catalogue: Catalogue) -> None:
    """Whoever wins, the name points to a revision that is there."""

    async def change(number: int) -> None:
        try:
            match number % 4:
                case 0:
                    await catalogue.delete(key("mario"))
                case 1:
                    await catalogue.move(key("mario"), 1, "ann", NOON)
                case _:
                    await catalogue.commit(revision(system=f"take {number}"))
        except NotFound:
            pass

    await asyncio.gather(*(change(number) for number in range(60)))
    found, history = await catalogue.find(key("mario")), await catalogue.history(key("mario"))
    assert [r.number for r in history] == list(range(1, len(history) + 1))
    assert (found is None) == (not history)
    assert found is None or (found.revision in history and found.latest == len(history))


async def test_a_caller_that_leaves_leaves_all_or_nothing(catalogue: Catalogue) -> None:
    for number in range(20):
        task = asyncio.ensure_future(catalogue.commit(revision(f"m{number}")))
        await asyncio.sleep(0.0002 * number)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await catalogue.commit(revision("last"))
    for model in await catalogue.list_models():
        assert await catalogue.history(model.name.key) == [model.revision]


async def test_a_closed_catalogue_says_so(catalogue: Catalogue) -> None:
    await catalogue.close()
    with pytest.raises(Unavailable, match="is closed"):
        await catalogue.find(key("mario"))
    await catalogue.close()


async def test_everything_is_there_after_opening_again(catalogue_url: str) -> None:
    catalogue = await Catalogue.open(catalogue_url)
    stored, _, _ = await catalogue.commit(revision())
    await catalogue.close()
    catalogue = await Catalogue.open(catalogue_url)
    assert await catalogue.find(key("mario")) == stored
    assert await catalogue.lineage(stored.revision.spec) == [ModelSpec(system="hello")]
    await catalogue.close()


Damage = Callable[[str], None]


@pytest.fixture
def damage(catalogue_url: str) -> Damage:
    """Change the database behind the catalogue's back."""

    def run(statement: str) -> None:
        engine = create_engine(catalogue_url.replace("postgresql:", "postgresql+psycopg:"))
        try:
            with engine.begin() as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()

    return run


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE revisions SET author = 'eve'",
        "DELETE FROM revisions",
        "UPDATE moves SET author = 'eve'",
        "DELETE FROM moves",
    ],
)
async def test_history_cannot_be_rewritten(catalogue: Catalogue, damage: Damage, statement: str) -> None:
    await catalogue.commit(revision(system="one"))
    await catalogue.commit(revision(system="two"))
    await catalogue.move(key("mario"), 1, "ann", NOON)
    with pytest.raises(Exception, match="is append-only"):
        damage(statement)


async def test_damage_is_found_and_never_given_out(catalogue: Catalogue, damage: Damage) -> None:
    content = Digest.of(b"content")
    new = revision(small_blobs={content: b"content"})
    await catalogue.commit(new)
    await catalogue.add_blob(BlobRecord(WEIGHTS, 7, FACTS))
    damage("UPDATE specs SET canonical = small_blobs.content FROM small_blobs")
    damage("UPDATE small_blobs SET content = specs.canonical || specs.canonical FROM specs")
    damage("UPDATE blobs SET facts = '{'")
    for read in (catalogue.lineage(new.spec.digest), catalogue.small_blob(content), catalogue.blob(WEIGHTS)):
        with pytest.raises(Corrupt, match="sha256:"):
            await read
