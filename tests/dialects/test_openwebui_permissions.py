"""Who may make, take in, give out and share models in Open WebUI, by permissions."""

from typing import Any

import httpx2
import pytest

from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.permissions import PERMISSIONS
from modelwright.dialects.native import Identity
from modelwright.dialects.openwebui.stance import Stance
from modelwright.web.auth import Doorkeeper
from modelwright.web.server import Edge, build_asgi
from tests.dialects.conftest import BORN, Town
from tests.dialects.openwebui_forms import API, FORM

pytestmark = pytest.mark.anyio

EVERYBODY = {"principal_type": "user", "principal_id": "*", "permission": "read"}


def strict(town: Town, *permissions: str) -> Town:
    """The same people before a server that lets users do only this."""
    door = Doorkeeper(town.house.services.rights.accounts)
    edge = Edge(Identity("1", "", 1, BORN, ""), doorkeeper=door, openwebui=Stance(permissions=permissions))
    app = build_asgi(town.house.services, edge)
    clients = {
        name: httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), base_url="http://localhost", headers=client.headers
        )
        for name, client in town.clients.items()
    }
    return Town(town.house, clients, town.ids)


async def give(town: Town, *permissions: str) -> None:
    """Let the members of "devs", which is eve, do more."""
    tree: dict[str, Any] = {}
    for name in permissions:
        section, key = name.split(".")
        tree.setdefault(section, {})[key] = True
    body = {"name": "devs", "permissions": tree}
    changed = await town["ann"].post(f"/api/v1/groups/id/{town.ids['devs']}/update", json=body)
    assert (changed.status_code, changed.json()["permissions"]) == (200, tree)


@pytest.mark.parametrize(
    ("method", "path", "body", "permission"),
    [
        ("POST", "/create", FORM, "workspace.models"),
        ("POST", "/import", {"models": [FORM]}, "workspace.models_import"),
        ("GET", "/export", None, "workspace.models_export"),
    ],
)
async def test_what_needs_a_permission(
    town: Town, method: str, path: str, body: Any, permission: str
) -> None:
    among = strict(town)
    refused = await among["eve"].request(method, API + path, json=body)
    assert (refused.status_code, refused.json()) == (401, {"detail": "401 Unauthorized"})
    await give(among, permission)
    assert (await among["eve"].request(method, API + path, json=body)).status_code == 200
    assert (await among["bob"].request(method, API + path, json=body)).status_code == 401
    assert (await strict(town, permission)["bob"].request(method, API + path, json=body)).status_code == 200


async def test_a_wrong_form_is_told_before_a_missing_permission(town: Town) -> None:
    assert (await strict(town)["eve"].post(f"{API}/create", json={})).status_code == 422


@pytest.mark.parametrize(
    ("grant", "permission"),
    [
        (EVERYBODY, "sharing.public_models"),
        (
            {"principal_type": "user", "principal_id": "bob", "permission": "read"},
            "access_grants.allow_users",
        ),
        (
            {"principal_type": "group", "principal_id": "devs", "permission": "read"},
            "access_grants.allow_groups",
        ),
    ],
)
async def test_whom_one_may_share_with(town: Town, grant: dict[str, Any], permission: str) -> None:
    grant = {**grant, "principal_id": town.ids.get(grant["principal_id"], "*")}
    for held, shared in (((permission,), 0), (("sharing.models",), 0), (("sharing.models", permission), 1)):
        eve = strict(town, "workspace.models", *held)["eve"]
        form = {**FORM, "id": f"m{len(held)}{shared}{held[0]}", "access_grants": [grant]}
        made = (await eve.post(f"{API}/create", json=form)).json()
        assert len(made["access_grants"]) == shared
        update = {"id": form["id"], "access_grants": [grant]}
        answer = await eve.post(f"{API}/model/access/update", json=update)
        assert answer.status_code == (200 if shared else 403)
        if not shared:
            assert (
                answer.json()["detail"] == "You do not have permission to share with the requested audience"
            )


async def test_an_admin_needs_none_and_what_one_may_is_told(town: Town) -> None:
    among = strict(town)
    assert (await among["ann"].post(f"{API}/create", json={**FORM, "access_grants": [EVERYBODY]})).json()[
        "access_grants"
    ]
    await give(among, "sharing.models")
    told = {
        name: (await among[name].get("/api/v1/users/permissions")).json() for name in ("ann", "bob", "eve")
    }
    assert all(value for section in told["ann"].values() for value in section.values())
    assert not any(value for section in told["bob"].values() for value in section.values())
    assert [told["eve"]["sharing"], told["eve"]["workspace"]["models"]] == [
        {"models": True, "public_models": False},
        False,
    ]
    assert (await among["eve"].get("/api/v1/auths/")).json()["permissions"] == told["eve"]
    assert (await among["bob"].get("/api/v1/users/default/permissions")).status_code == 401
    defaults = (await strict(town, "sharing.models")["ann"].get("/api/v1/users/default/permissions")).json()
    assert (defaults["sharing"]["models"], defaults["workspace"]["models"]) == (True, False)


async def test_without_a_setting_users_may_everything_with_their_own(town: Town) -> None:
    told = (await town["bob"].get("/api/v1/users/permissions")).json()
    assert {f"{section}.{key}" for section, keys in told.items() for key in keys} == set(PERMISSIONS)
    assert all(value for section in told.values() for value in section.values())


async def test_permissions_give_no_right_on_a_model(town: Town) -> None:
    await town["bob"].post(f"{API}/create", json={**FORM, "id": "secret"})
    await give(town, *PERMISSIONS)
    for model in ("secret", "bob/secret"):
        assert (await town["eve"].get(f"{API}/model", params={"id": model})).status_code == 404
    assert (await town.house.services.models.count(LOCAL_ADMIN)) == 3
