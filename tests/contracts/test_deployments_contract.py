"""Deployments and model servers, on each kind of database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelwright.core.audit import Entry
from modelwright.core.deployments import Deployment, ModelServer, Used, Workers
from modelwright.core.errors import Conflict
from modelwright.core.external import External
from modelwright.core.names import Name
from modelwright.core.revision import NewRevision
from modelwright.core.spec import ModelSpec
from modelwright.store.audit import AuditBook
from modelwright.store.catalogue import Catalogue
from modelwright.store.deployments import DeploymentTable

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 21, tzinfo=UTC)
NAME = Name.parse("Mario")


@pytest.fixture
async def deployed(catalogue: Catalogue) -> tuple[DeploymentTable, Deployment]:
    committed = await catalogue.commit(
        NewRevision(NAME, ModelSpec(system="x"), None, "", None, 0, "anna", "create", NOW)
    )
    table = DeploymentTable(catalogue.database)
    external = External("container", image="a/b", command=("run",), env={"A": "b"}, gpus=1)
    deployment = Deployment(
        "dep-1", "first", committed.model.id, NAME.full, 1, "anna", NOW, NOW, "acme", True,
        workers=Workers(1, 2, 3), external=external, extras={"x": [1]},
    )  # fmt: skip
    await table.add(deployment)
    return table, deployment


async def test_a_deployment_is_found_as_it_was_kept(deployed: tuple[DeploymentTable, Deployment]) -> None:
    table, deployment = deployed
    assert await table.find("dep-1") == deployment
    changed = replace(deployment, status="FAILED", reason="why", revision=2, external=None)
    assert await table.save(changed)
    assert await table.find("dep-1") == changed
    assert changed.ref == f"{NAME.full}@2"


async def test_they_are_listed_by_model_and_account(deployed: tuple[DeploymentTable, Deployment]) -> None:
    table, deployment = deployed
    other = replace(deployment, id="dep-2", account="other", created_at=NOW + timedelta(1))
    await table.add(other)
    assert await table.list_deployments() == [other, deployment]
    assert await table.list_deployments(account="acme") == [deployment]
    assert await table.list_deployments(models=[deployment.model_id + 1]) == []
    assert await table.delete("dep-2")
    assert not await table.delete("dep-2")


async def test_they_go_with_their_model(
    deployed: tuple[DeploymentTable, Deployment], catalogue: Catalogue
) -> None:
    table, _ = deployed
    assert await table.orphans() == []
    await catalogue.delete(NAME.key)
    assert [each.id for each in await table.orphans()] == ["dep-1"]
    await catalogue.commit(NewRevision(NAME, ModelSpec(system="y"), None, "", None, 0, "b", "create", NOW))
    assert await table.find("dep-1") is None
    assert await table.list_deployments() == []


async def test_an_alias_is_free_once_in_each_account(deployed: tuple[DeploymentTable, Deployment]) -> None:
    table, _ = deployed
    server = ModelServer("ms-1", "front", "dep-1", "anna", NOW, "main", "acme", ("dep-0",))
    await table.add_server(server)
    await table.add_server(replace(server, id="ms-2", account="other"))
    for number in (3, 4):
        await table.add_server(replace(server, id=f"ms-{number}", alias=""))
    with pytest.raises(Conflict, match='"main" is taken'):
        await table.add_server(replace(server, id="ms-5"))
    assert await table.find_server("ms-1") == server
    assert await table.find_alias("main", "acme") == server
    assert await table.find_alias("main", "nobody") is None
    assert {each.id for each in await table.list_servers(account="acme")} == {"ms-1", "ms-3", "ms-4"}


async def test_of_two_who_swap_at_once_one_is_told(deployed: tuple[DeploymentTable, Deployment]) -> None:
    table, _ = deployed
    server = ModelServer("ms-1", "front", "dep-1", "anna", NOW)
    await table.add_server(server)
    swapped = replace(server, deployment="dep-2", former=("dep-1",))
    assert await table.save_server(swapped, "dep-1")
    assert not await table.save_server(replace(swapped, deployment="dep-3"), "dep-1")
    assert await table.find_server("ms-1") == swapped


async def test_use_is_counted_by_model_and_time(
    deployed: tuple[DeploymentTable, Deployment], catalogue: Catalogue
) -> None:
    table, _ = deployed
    detail = {"requests": 1, "prompt_tokens": 5, "completion_tokens": 7}
    log = AuditBook(catalogue.database)
    await log.append(
        [
            Entry(NOW, "1", "anna", "use", "mario", 1, 2, detail),
            Entry(NOW, "1", "anna", "create", "mario", 1, 2),
            Entry(NOW + timedelta(1), "1", "anna", "use", "mario", 1, 2, detail),
            Entry(NOW, "1", "anna", "use", "luigi", 2, 1, detail),
            Entry(NOW + timedelta(3), "1", "anna", "use", "mario", 1, 2, detail | {"deployment": "dep-1"}),
        ]
    )
    assert await table.used([1], NOW, NOW + timedelta(hours=1)) == [Used(NOW, 2, 5, 7, "", 1)]
    later = NOW + timedelta(3)
    assert await table.used([1], later, later + timedelta(1)) == [Used(later, 2, 5, 7, "dep-1", 1)]
    assert await table.used([], NOW, NOW + timedelta(hours=1)) == []
