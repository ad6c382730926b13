"""Making, changing and losing models, over a real store."""

import pytest

from modelwright.core.chat import Message
from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid, NotFound
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.parameters import Parameters
from modelwright.core.weight_files import NamedBlob
from modelwright.service.views import FieldChange, LayerReady, Notice

pytestmark = pytest.mark.anyio


async def test_a_model_says_what_it_sets_and_what_it_inherits(world) -> None:
    await world.create("mario", system="You are Mario.", parameters=Parameters.of({"top_k": 5}))
    view = await world.models.show(LOCAL_ADMIN, "mario")
    assert view.resolved.system == "You are Mario."
    assert view.resolved.parameters.as_dict() == {"num_predict": 128, "temperature": 0, "top_k": 5}
    assert view.own == {"system", "parameters"}
    assert (view.summary.parent, view.summary.facts.parameter_size) == ("starter:latest", "3.93M")


async def test_events_tell_new_layers_from_old_ones(world) -> None:
    events = await world.create("mario", system="Say hi!")
    ready = {str(event.digest): event.existing for event in events if isinstance(event, LayerReady)}
    assert ready[str(Digest.of(b"weights"))] is True
    assert ready[str(Digest.of(b"Say hi!"))] is False
    again = await world.create("luigi", system="Say hi!")
    assert all(event.existing for event in again if isinstance(event, LayerReady))


async def test_creating_again_makes_a_revision_and_the_old_one_stays(world) -> None:
    await world.create("mario", system="one")
    assert (await world.created("MARIO", system="two")).revision == 2
    assert (await world.models.show(LOCAL_ADMIN, "mario")).resolved.system == "two"
    assert (await world.models.show(LOCAL_ADMIN, "mario@1")).resolved.system == "one"


async def test_the_same_content_again_is_no_new_revision(world) -> None:
    await world.create("mario", system="one")
    again = await world.created("mario", system="one")
    assert (again.revision, again.changed) == (1, False)


async def test_rolling_back_moves_the_name_and_loses_nothing(world) -> None:
    await world.create("mario", system="one")
    await world.create("mario", system="two")
    assert (await world.models.rollback(LOCAL_ADMIN, "mario", 1)).revision == 1
    history = await world.models.history(LOCAL_ADMIN, "mario")
    assert (history.current, [r.number for r in history.revisions]) == (1, [1, 2])
    assert [(move.before, move.after) for move in history.moves] == [(2, 1)]
    assert (await world.models.show(LOCAL_ADMIN, "mario@2")).resolved.system == "two"
    assert (await world.created("mario", system="three")).revision == 3


async def test_a_child_keeps_the_parent_it_was_made_from(world) -> None:
    await world.create("mario", system="one")
    await world.create("child", parent="mario")
    await world.create("mario", system="two")
    await world.models.delete(LOCAL_ADMIN, "mario")
    assert (await world.models.show(LOCAL_ADMIN, "child")).resolved.system == "one"


async def test_a_child_of_a_revision_inherits_from_that_revision(world) -> None:
    await world.create("mario", system="one")
    await world.create("mario", system="two")
    await world.create("child", parent="mario@1")
    assert (await world.models.show(LOCAL_ADMIN, "child")).resolved.system == "one"


async def test_sixteen_generations_are_enough(world) -> None:
    await world.create("g0", system="deep")
    for number in range(1, 16):
        await world.create(f"g{number}", parent=f"g{number - 1}", parameters=Parameters.of({"seed": number}))
    with pytest.raises(Invalid, match="more than 16 ancestors"):
        await world.create("g16", parent="g15")
    with pytest.raises(NotFound):
        await world.models.show(LOCAL_ADMIN, "g16")


async def test_a_copy_has_the_same_digest_and_its_own_history(world) -> None:
    await world.create("mario", system="one")
    await world.models.copy(LOCAL_ADMIN, "mario", "bob/luigi")
    await world.create("mario", system="two")
    copied = await world.models.show(LOCAL_ADMIN, "bob/luigi")
    first = await world.models.show(LOCAL_ADMIN, "mario@1")
    assert (copied.summary.digest, copied.summary.revision) == (first.summary.digest, 1)


async def test_a_deleted_name_is_gone_and_free(world) -> None:
    await world.create("mario", system="one")
    await world.models.delete(LOCAL_ADMIN, "Mario:latest")
    with pytest.raises(NotFound, match="'mario' not found"):
        await world.models.show(LOCAL_ADMIN, "mario")
    assert (await world.created("mario", system="new")).revision == 1


async def test_diff_names_each_field(world) -> None:
    await world.create("mario", system="one", parameters=Parameters.of({"top_k": 5}))
    await world.create("mario", system="two", messages=(Message("user", "Hi"),))
    assert await world.models.diff(LOCAL_ADMIN, "mario@1", "mario@2") == (
        FieldChange("system", "one", "two"),
        FieldChange("parameters.top_k", "5", None),
        FieldChange("messages.1", None, "user: Hi"),
    )


async def test_a_parameter_without_effect_is_kept_and_said_once(world) -> None:
    events = await world.create("mario", parameters=Parameters.of({"low_vram": True, "top_k": 3}))
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert notices == ['parameter "low_vram" is kept but has no effect']
    assert "low_vram" in (await world.models.show(LOCAL_ADMIN, "mario")).resolved.parameters.as_dict()


async def test_a_text_too_large_for_the_catalogue_becomes_a_blob_file(world) -> None:
    text = "long " * 20_000
    await world.create("mario", system=text)
    assert (await world.models.show(LOCAL_ADMIN, "mario")).resolved.system == text
    assert await world.blobs.verify(Digest.of(text.encode()))


@pytest.mark.parametrize(
    ("name", "draft", "error"),
    [
        ("bad name!", {}, Invalid),
        ("mario@2", {}, Invalid),
        ("mario", {"parent": "nope"}, NotFound),
        ("mario", {"parent": "starter@9"}, NotFound),
        ("mario", {"parent": None}, Invalid),
        ("mario", {"parent": None, "files": (NamedBlob("", Digest.of(b"absent")),)}, NotFound),
    ],
)
async def test_a_refused_create_leaves_nothing(world, name, draft, error) -> None:
    before = await world.models.list_models(LOCAL_ADMIN)
    with pytest.raises(error):
        await world.create(name, **draft)
    assert await world.models.list_models(LOCAL_ADMIN) == before


@pytest.mark.parametrize("name", ["nope", "starter@7", "starter:7b"])
async def test_what_is_not_there_is_not_found(world, name) -> None:
    for verb in (world.models.show, world.models.summary):
        with pytest.raises(NotFound) as caught:
            await verb(LOCAL_ADMIN, name)
        assert caught.value.name == name


async def test_a_list_has_the_last_changed_first(world) -> None:
    await world.create("mario", system="one")
    await world.create("luigi", system="one")
    await world.create("mario", system="two")
    names = [summary.name.short for summary in await world.models.list_models(LOCAL_ADMIN)]
    assert names == ["mario", "luigi", "starter"]
