"""The service of model templates: whose they are, and the models that are made of them."""

from typing import Any

import pytest

from modelwright.core.argument_schema import BadArguments
from modelwright.core.errors import Conflict, Denied, NotFound
from modelwright.core.grants import LOCAL_ADMIN, Principal
from modelwright.core.model_template import ModelTemplate, hole
from modelwright.core.names import Name
from modelwright.service.access import Access
from modelwright.service.model_templates import ModelTemplates
from modelwright.service.views import Created
from modelwright.starter.shipped import shipped_templates
from modelwright.store.templates import TemplateTable

pytestmark = pytest.mark.anyio

ANNA = Principal("anna", "Anna", account="acme", namespace="anna")
BERT = Principal("bert", "Bert", account="acme", namespace="bert")
CARLA = Principal("carla", "Carla", account="other", namespace="carla")


def made_of(base: str = "starter", **more: Any) -> ModelTemplate:
    return ModelTemplate.read(
        {
            "spec": {"base": base, "system": hole("system"), "parameters": {"seed": hole("seed")}, **more},
            "creation": {
                "properties": {"system": {"type": "string"}, "seed": {"type": "integer", "default": 1}},
                "required": ["system"],
            },
        }
    )


@pytest.fixture
def templates(world: Any) -> ModelTemplates:
    book = TemplateTable(world.catalogue.database)
    access = Access(world.catalogue)
    return ModelTemplates(book, world.models, access, world.models._clock, shipped_templates())


async def make(templates: ModelTemplates, template: str, name: str, **arguments: Any) -> Created:
    [*_, last] = [event async for event in templates.make(LOCAL_ADMIN, template, name, arguments)]
    assert isinstance(last, Created)
    return last


async def remake(templates: ModelTemplates, name: str, *, latest: bool = False, **changes: Any) -> Created:
    [*_, last] = [event async for event in templates.remake(LOCAL_ADMIN, name, changes, latest=latest)]
    assert isinstance(last, Created)
    return last


async def test_a_model_is_made_and_remembers_what_of(world: Any, templates: ModelTemplates) -> None:
    stored = await templates.create(LOCAL_ADMIN, "kind", made_of())
    assert await make(templates, "kind", "mario", system="Be kind.") == Created(Name.parse("mario"), 1, True)
    view = await world.models.show(LOCAL_ADMIN, "mario")
    assert (view.resolved.system, view.resolved.parameters.get("seed")) == ("Be kind.", 1)
    origin = await templates.origin(LOCAL_ADMIN, "mario")
    assert origin is not None
    assert (origin.template, origin.revision) == (stored.id, 1)
    assert origin.arguments == {"system": "Be kind.", "seed": 1}
    assert await templates.origin(LOCAL_ADMIN, "starter") is None


async def test_a_model_is_made_again_by_the_revision_it_was_made_from(
    world: Any, templates: ModelTemplates
) -> None:
    await templates.save(LOCAL_ADMIN, "kind", made_of())
    await make(templates, "kind", "mario", system="Be kind.", seed=7)
    await templates.save(LOCAL_ADMIN, "kind", made_of(license="MIT"))
    assert (await remake(templates, "mario", system="Be brief.", seed=None)).revision == 2
    view = await world.models.show(LOCAL_ADMIN, "mario")
    assert (view.resolved.system, view.resolved.parameters.get("seed")) == ("Be brief.", 1)
    assert view.resolved.licences == ()
    await remake(templates, "mario", latest=True)
    assert (await world.models.show(LOCAL_ADMIN, "mario")).resolved.licences == ("MIT",)
    assert not (await remake(templates, "mario")).changed
    with pytest.raises(Conflict, match="was not made from a template"):
        await remake(templates, "starter")


async def test_bad_arguments_make_nothing(world: Any, templates: ModelTemplates) -> None:
    await templates.create(LOCAL_ADMIN, "kind", made_of())
    with pytest.raises(BadArguments) as refused:
        await make(templates, "kind", "mario", seed="x", what=1)
    assert {fault.pointer for fault in refused.value.faults} == {"/system", "/seed", "/what"}
    with pytest.raises(NotFound):
        await world.models.show(LOCAL_ADMIN, "mario")


async def test_a_template_is_private_until_it_is_shared_in_an_account(templates: ModelTemplates) -> None:
    stored = await templates.create(ANNA, "kind", made_of())
    for asked in ("kind", stored.id):
        with pytest.raises(NotFound):
            await templates.find(BERT, asked)
    await templates.revise(ANNA, "kind", made_of(), shared=True)
    assert (await templates.find(BERT, "kind")).owner == "anna"
    with pytest.raises(NotFound):
        await templates.find(CARLA, stored.id)
    for deed in (templates.revise(BERT, "kind", made_of("other")), templates.delete(BERT, "kind")):
        with pytest.raises(Denied):
            await deed
    await templates.delete(ANNA, "kind")
    with pytest.raises(NotFound):
        await templates.find(ANNA, "kind")


async def test_the_rights_on_the_base_are_those_of_who_makes(world: Any, templates: ModelTemplates) -> None:
    await templates.create(LOCAL_ADMIN, "kind", made_of(), shared=True, account="acme")
    with pytest.raises(NotFound, match="starter"):
        async for _ in templates.make(ANNA, "kind", "mario", {"system": "x"}):
            pass


async def test_revisions_are_called_by_number(templates: ModelTemplates) -> None:
    await templates.save(LOCAL_ADMIN, "kind", made_of())
    again = await templates.save(LOCAL_ADMIN, "kind", made_of())
    assert again.revision == 1, "the same says nothing new"
    await templates.save(LOCAL_ADMIN, "kind", made_of("other"))
    assert (await templates.find(LOCAL_ADMIN, "kind@1")).template == made_of()
    assert (await templates.find(LOCAL_ADMIN, "KIND")).revision == 2
    assert [each.number for each in await templates.history(LOCAL_ADMIN, "kind")] == [1, 2]
    with pytest.raises(NotFound, match="kind@3"):
        await templates.find(LOCAL_ADMIN, "kind@3")


async def test_what_came_with_the_package_is_for_everybody_and_stays(templates: ModelTemplates) -> None:
    assert (await templates.find(CARLA, "persona")).shipped
    with pytest.raises(Denied, match="came with modelwright"):
        await templates.delete(LOCAL_ADMIN, "persona")
    await templates.save(CARLA, "persona", made_of())
    assert not (await templates.find(CARLA, "persona")).shipped
    assert (await templates.find(ANNA, "persona")).shipped
    assert (await templates.find(CARLA, "shipped-persona")).shipped
    with pytest.raises(NotFound, match='Did you mean "persona"'):
        await templates.find(ANNA, "persna")
