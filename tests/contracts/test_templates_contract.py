"""Model templates, on each kind of database: whose they are, and what they were."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelwright.core.errors import NotFound
from modelwright.core.model_template import ModelTemplate, StoredTemplate
from modelwright.core.template_ports import Audience
from modelwright.store.catalogue import Catalogue
from modelwright.store.templates import TemplateTable

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 21, tzinfo=UTC)
FIRST = ModelTemplate.read({"spec": {"base": "starter"}})
SECOND = ModelTemplate.read({"spec": {"base": "other"}, "extras": {"sgp": {"x": [1, "ü"]}}})
KEPT = StoredTemplate(
    "mt-1", "Persona", 1, FIRST, "anna", "acme", author="Anna", created_at=NOW, updated_at=NOW
)


@pytest.fixture
async def table(catalogue: Catalogue) -> TemplateTable:
    found = TemplateTable(catalogue.database)
    await found.add(KEPT, "first")
    return found


async def test_a_template_is_found_as_it_was_kept(table: TemplateTable) -> None:
    assert await table.find("mt-1") == KEPT
    assert await table.find("mt-2") is None


async def test_a_revision_more_leaves_the_others(table: TemplateTable) -> None:
    later = NOW + timedelta(hours=1)
    new = await table.append(replace(KEPT, template=SECOND, shared=True, updated_at=later), "second")
    assert (new.revision, new.template) == (2, SECOND)
    assert await table.find("mt-1") == new
    first = await table.find("mt-1", 1)
    assert first is not None
    assert first.template == FIRST
    lines = await table.history("mt-1")
    assert [(each.number, each.digest, each.message) for each in lines] == [
        (1, str(FIRST.digest), "first"),
        (2, str(SECOND.digest), "second"),
    ]
    with pytest.raises(NotFound):
        await table.append(replace(KEPT, id="mt-9"))


async def test_each_sees_their_own_and_what_is_shared_in_their_account(table: TemplateTable) -> None:
    async def seen(audience: Audience) -> list[str]:
        return [each.id for each in await table.list_templates(audience)]

    await table.add(replace(KEPT, id="mt-2", shared=True, updated_at=NOW + timedelta(1)), "")
    assert await seen(Audience("anna", "acme")) == ["mt-2", "mt-1"]
    assert await seen(Audience("bert", "acme")) == ["mt-2"]
    assert await seen(Audience("bert", "other")) == []
    assert await seen(Audience("root", "", everything=True)) == ["mt-2", "mt-1"]
    by_name = await table.list_templates(Audience("anna", "acme"), name="pERSONA", account="other")
    assert by_name == []
    assert len(await table.list_templates(Audience("anna", "acme"), name="pERSONA")) == 2


async def test_a_deleted_one_is_remembered_by_its_revisions(table: TemplateTable) -> None:
    assert await table.delete("mt-1", NOW)
    assert not await table.delete("mt-1", NOW)
    assert await table.find("mt-1") is None
    assert await table.list_templates(Audience("anna", "acme")) == []
    assert await table.find("mt-1", 1) == KEPT
