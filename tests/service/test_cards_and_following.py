"""Cards, aliases and bases that are followed, over a real store."""

import pytest

from modelwright.core.card import Card
from modelwright.core.chat import ChatRequest, Message
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Conflict, Invalid, NotFound
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.parameters import Parameters
from modelwright.core.revision import Alias

pytestmark = pytest.mark.anyio


async def made(world, name: str, draft: SpecDraft, **more: object) -> None:
    async for _ in world.models.create(LOCAL_ADMIN, name, draft, **more):
        pass


async def answer(world, model: str) -> str:
    """What the engine is told that the model's system text is."""
    request = ChatRequest(model, (Message("user", "hi"),))
    async for _ in world.chat.chat(LOCAL_ADMIN, request):
        pass
    return world.engines.asked[-1].messages[0].content


async def test_a_card_is_versioned_beside_the_spec(world) -> None:
    await world.create("mario", system="one")
    await world.models.change_card(LOCAL_ADMIN, "mario", Card("Mario", extras={"sgp": {"x": [1]}}))
    history = await world.models.history(LOCAL_ADMIN, "mario")
    assert [revision.kind for revision in history.revisions] == ["create", "card"]
    assert len({revision.spec for revision in history.revisions}) == 1
    assert (await world.models.summary(LOCAL_ADMIN, "mario")).card.extra("sgp") == {"x": [1]}
    assert (await world.models.summary(LOCAL_ADMIN, "mario@1")).card == Card()


async def test_a_dialect_without_cards_loses_none(world) -> None:
    await made(world, "mario", SpecDraft(parent="starter"), card=Card("Mario"))
    await world.create("mario", system="two")
    await world.models.copy(LOCAL_ADMIN, "mario", "luigi")
    assert (await world.models.summary(LOCAL_ADMIN, "mario")).card == Card("Mario")
    assert (await world.models.summary(LOCAL_ADMIN, "luigi")).card == Card("Mario")


async def test_the_same_card_again_is_no_revision(world) -> None:
    await made(world, "mario", SpecDraft(parent="starter"), card=Card("Mario"))
    assert (await world.models.change_card(LOCAL_ADMIN, "mario", Card("Mario"))).latest == 1


async def test_an_alias_is_looked_up_before_a_name_is_parsed(world) -> None:
    alias = Alias("openwebui", "starter", "library")
    await made(world, "mario", SpecDraft(parent="starter"), aliases=(alias,))
    locate = world.models.aliases.locate
    assert (await locate(LOCAL_ADMIN, "openwebui", "starter")).endswith("/mario:latest")
    assert await locate(LOCAL_ADMIN, "openwebui", "starter@1") == "mario:latest@1"
    assert await locate(LOCAL_ADMIN, "tigercity", "starter") == "starter"


async def test_an_alias_is_unique_and_free_again_when_its_model_goes(world) -> None:
    alias = Alias("openwebui", "Büro/1", "library")
    await made(world, "one", SpecDraft(parent="starter"), aliases=(alias,))
    with pytest.raises(Conflict):
        await made(world, "two", SpecDraft(parent="starter"), aliases=(alias,))
    with pytest.raises(NotFound):
        await world.models.summary(LOCAL_ADMIN, "two")
    await world.models.delete(LOCAL_ADMIN, "one")
    await made(world, "two", SpecDraft(parent="starter"), aliases=(alias,))


async def test_minted_names_are_free(world) -> None:
    name = await world.models.aliases.mint(LOCAL_ADMIN, "Starter!")
    assert str(name) == "starter-2:latest"
    with pytest.raises(Conflict):
        await made(world, "starter", SpecDraft(parent="starter"), fresh=True)


async def test_a_wrapper_is_whatever_its_base_is_now(world) -> None:
    await world.create("base", system="one")
    await made(world, "wrapper", SpecDraft(follows="base"))
    assert await answer(world, "wrapper") == "one"
    await world.create("base", system="two")
    assert await answer(world, "wrapper") == "two"
    summary = await world.models.summary(LOCAL_ADMIN, "wrapper")
    assert (summary.follows, summary.parent, summary.size > 0) == (True, "base:latest", True)


async def test_a_base_may_come_later(world) -> None:
    await made(world, "wrapper", SpecDraft(follows="to.come"))
    assert [m.name.model for m in await world.models.list_models(LOCAL_ADMIN)] == ["wrapper", "starter"]
    with pytest.raises(NotFound, match="base"):
        await answer(world, "wrapper")
    await made(world, "other", SpecDraft(parent="starter", system="here"), aliases=(Alias("x", "to.come"),))
    assert await answer(world, "wrapper") == "here"


async def test_following_in_a_circle_is_refused(world) -> None:
    await made(world, "a", SpecDraft(follows="b"))
    with pytest.raises(Invalid, match="ancestor"):
        await made(world, "b", SpecDraft(follows="a"))
    await made(world, "c", SpecDraft(bare=True))
    with pytest.raises(Invalid, match="itself"):
        await made(world, "c", SpecDraft(revises=True, follows="c"))


async def test_a_wrapper_has_at_most_sixteen_ancestors(world) -> None:
    for number in range(15):
        base = f"w{number - 1}" if number else "starter"
        await made(world, f"w{number}", SpecDraft(follows=base))
    await made(world, "last", SpecDraft(follows="w14"))
    with pytest.raises(Invalid, match="16 ancestors"):
        await made(world, "more", SpecDraft(follows="last"))


async def test_a_revision_keeps_what_it_does_not_speak_of(world) -> None:
    await world.create("mario", system="one", licences=("MIT",), messages=(Message("user", "hi"),))
    await made(world, "mario", SpecDraft(revises=True, unset=frozenset({"system"})))
    view = await world.models.show(LOCAL_ADMIN, "mario")
    assert (view.own, view.summary.parent) == ({"licences", "messages"}, "starter:latest")


async def test_a_hidden_revision_stays_callable_and_the_current_one_is_shown(world) -> None:
    await world.create("mario", system="one")
    await world.create("mario", system="two")
    await world.models.hide_revision(LOCAL_ADMIN, "mario", 1)
    history = await world.models.history(LOCAL_ADMIN, "mario")
    assert [revision.number for revision in history.revisions] == [2]
    assert (await world.models.show(LOCAL_ADMIN, "mario@1")).resolved.system == "one"
    with pytest.raises(Conflict):
        await world.models.hide_revision(LOCAL_ADMIN, "mario", 2)


async def test_a_model_made_from_itself_says_more_and_stands_where_it_stood(world) -> None:
    await world.create("mario", system="one", parameters=Parameters.of({"top_k": 3}))
    for number in range(20):
        again = {"parent": "mario", "parameters": Parameters.of({"seed": number})}
        assert (await world.created("mario", **again)).revision == number + 2
    view = await world.models.show(LOCAL_ADMIN, "mario")
    assert (view.summary.parent, view.resolved.system) == ("starter:latest", "one")
    assert view.spec.parameters == Parameters.of({"top_k": 3, "seed": 19})
    assert not (await world.created("mario", parent="mario")).changed


async def test_a_model_made_from_its_first_revision_says_what_that_said(world) -> None:
    await world.create("mario", system="one")
    await world.create("mario", system="two")
    await world.create("mario", parent="mario@1", licences=("MIT",))
    view = await world.models.show(LOCAL_ADMIN, "mario")
    assert (view.summary.parent, view.resolved.system, view.own) == (
        "starter:latest",
        "one",
        {"system", "licences"},
    )


async def test_a_base_made_from_itself_is_a_base(world) -> None:
    await world.create("starter", parent="starter", system="one")
    view = await world.models.show(LOCAL_ADMIN, "starter")
    assert (view.summary.parent, view.resolved.system, len(view.spec.weights)) == ("", "one", 1)


async def test_a_wrapper_made_from_itself_goes_on_following(world) -> None:
    await made(world, "wrapper", SpecDraft(follows="starter", system="one"))
    await world.create("wrapper", parent="wrapper", licences=("MIT",))
    summary = await world.models.summary(LOCAL_ADMIN, "wrapper")
    assert (summary.follows, summary.parent) == (True, "starter:latest")
