"""Open WebUI's routes for people who may not do everything."""

from typing import Any

import httpx2
import pytest

from modelwright.core.grants import LOCAL_ADMIN, Grant, Level, Subject
from tests.dialects.conftest import PASSWORD, Town
from tests.dialects.openwebui_forms import API, FORM

pytestmark = pytest.mark.anyio


async def everything(client: httpx2.AsyncClient, identifier: str) -> list[tuple[int, str]]:
    """What each route that names a model answers."""
    at, form = {"id": identifier}, {**FORM, "id": identifier}
    chat = {"model": identifier, "messages": [{"role": "user", "content": "hi"}]}
    answers = [
        await client.get(f"{API}/model", params=at),
        await client.get(f"{API}/model/history", params=at),
        await client.get(f"{API}/model/history/x", params=at),
        await client.delete(f"{API}/model/history/x", params=at),
        await client.post(f"{API}/model/update/version", params=at, json={"version_id": "x"}),
        await client.get(f"{API}/model/profile/image", params=at),
        await client.post(f"{API}/model/toggle", params=at),
        await client.post(f"{API}/model/update", json=form),
        await client.post(f"{API}/model/access/update", json={"id": identifier, "access_grants": []}),
        await client.post(f"{API}/model/delete", json=at),
        await client.get(f"{API}/export", params={"ids": [identifier]}),
        await client.post("/api/chat/completions", json=chat),
        await client.post("/api/embeddings", json={"model": identifier, "input": "x"}),
    ]
    return [(answer.status_code, answer.text) for answer in answers]


async def test_what_one_may_not_know_is_absent_to_the_byte(town: Town) -> None:
    await town["bob"].post(f"{API}/create", json={**FORM, "id": "secret"})
    assert await everything(town["eve"], "secret") == await everything(town["eve"], "nobody")
    for path in ("/api/models", f"{API}/list", f"{API}/tags"):
        assert "secret" not in (await town["eve"].get(path)).text
    assert (await town["eve"].post(f"{API}/create", json={**FORM, "id": "secret"})).status_code == 200


@pytest.mark.parametrize("spelling", ["principal", "access"])
@pytest.mark.parametrize("kind", ["user", "group"])
async def test_a_reader_uses_a_model_and_does_not_see_its_prompt(town, spelling: str, kind: str) -> None:
    who = town.ids["eve" if kind == "user" else "devs"]
    grant = {f"{spelling}_type": kind, f"{spelling}_id": who, "permission": "read"}
    made = await town["bob"].post(f"{API}/create", json={**FORM, "id": "coder", "access_grants": [grant]})
    [row] = made.json()["access_grants"]
    assert {name: row[name] for name in grant} == grant
    tree = (await town["eve"].get(f"{API}/model", params={"id": "coder"})).json()
    assert (tree["params"], tree["write_access"], tree["user"]["name"]) == ({}, False, "bob")
    assert "Be brief" not in (await town["eve"].get("/api/models")).text
    chat = {"model": "coder", "messages": [{"role": "user", "content": "hi"}]}
    assert (await town["eve"].post("/api/chat/completions", json=chat)).status_code == 200
    refused = await town["eve"].post(f"{API}/model/update", json={**FORM, "id": "coder"})
    assert (refused.status_code, refused.json()["detail"][:30]) == (400, "You do not have permission to ")
    share = {"id": "coder", "access_grants": []}
    assert (await town["bob"].post(f"{API}/model/access/update", json=share)).status_code == 200
    assert (await town["eve"].post("/api/chat/completions", json=chat)).status_code == 400


async def test_a_writer_changes_a_model(town: Town) -> None:
    grant = {"principal_type": "user", "principal_id": town.ids["eve"], "permission": "write"}
    await town["bob"].post(f"{API}/create", json={**FORM, "id": "coder", "access_grants": [grant]})
    tree = (await town["eve"].get(f"{API}/model", params={"id": "coder"})).json()
    assert (tree["params"], tree["write_access"]) == (FORM["params"], True)
    answer = await town["eve"].post(f"{API}/model/update", json={**tree, "name": "By Eve"})
    assert answer.json()["name"] == "By Eve"
    bare = await town["eve"].post(f"{API}/model/update", json={**answer.json(), "base_model_id": None})
    assert (bare.status_code, bare.json()["detail"]) == (401, "401 Unauthorized")


async def test_users_of_a_wrapper_need_the_base(town: Town) -> None:
    everyone = {"principal_type": "user", "principal_id": "*", "permission": "read"}
    await town["ann"].post(f"{API}/create", json={**FORM, "id": "wrap", "access_grants": [everyone]})
    chat = {"model": "wrap", "messages": [{"role": "user", "content": "hi"}]}
    assert (await town["eve"].post("/api/chat/completions", json=chat)).status_code == 200
    await town.house.services.rights.sharing.replace(LOCAL_ADMIN, "test", [])
    refused = await town["eve"].post("/api/chat/completions", json=chat)
    assert (refused.status_code, refused.json()) == (400, {"detail": "Model not found"})
    tree = (await town["eve"].get(f"{API}/model", params={"id": "wrap"})).json()
    assert "test" not in str(tree["base_model_id"])


async def test_grants_that_name_nobody(town: Town) -> None:
    grants: list[Any] = [
        {"principal_type": "user", "principal_id": "ghost", "permission": "read"},
        {"principal_type": "group", "principal_id": "", "permission": "read"},
        {"principal_type": "user", "principal_id": "*", "permission": "write"},
        {"principal_type": "robot", "principal_id": "x", "permission": "read"},
        {"permission": ["read"]},
        {},
    ]
    made = await town["bob"].post(f"{API}/create", json={**FORM, "id": "coder", "access_grants": grants})
    assert (made.status_code, made.json()["access_grants"]) == (200, [])
    share = {"id": "coder", "access_grants": grants[:1]}
    refused = await town["bob"].post(f"{API}/model/access/update", json=share)
    assert (refused.status_code, refused.json()["detail"][:42]) == (
        403,
        "You do not have permission to share with t",
    )


async def test_levels_that_open_webui_has_no_word_for_stay(town: Town) -> None:
    await town["bob"].post(f"{API}/create", json={**FORM, "id": "coder"})
    subject = Subject("user", town.ids["eve"])
    await town.house.services.rights.sharing.replace(LOCAL_ADMIN, "bob/coder", [Grant(subject, Level.READ)])
    tree = (await town["bob"].get(f"{API}/model", params={"id": "coder"})).json()
    await town["bob"].post(f"{API}/model/access/update", json=tree)
    shares = await town.house.services.rights.sharing.shares(LOCAL_ADMIN, "bob/coder")
    assert list(shares.grants) == [Grant(subject, Level.READ)]


@pytest.mark.parametrize("path", ["/all", "/base", "/base/tags"])
async def test_what_is_for_admins(town: Town, path: str) -> None:
    assert (await town["ann"].get(API + path)).status_code == 200
    refused = await town["bob"].get(API + path)
    assert (refused.status_code, refused.json()["detail"][:30]) == (401, "You do not have permission to ")


async def test_who_is_not_let_in_is_told_in_the_product_s_words(town: Town) -> None:
    missing = await town["nobody"].get(f"{API}/list")
    assert (missing.status_code, missing.json()) == (401, {"detail": "Not authenticated"})
    wrong = await town["nobody"].get(f"{API}/list", headers={"x-api-key": "sk-none"})
    expired = "Your session has expired or the token is invalid. Please sign in again."
    assert (wrong.status_code, wrong.json()) == (401, {"detail": expired})
    for path in ("users/", "users/all", f"users/{town.ids['eve']}", f"groups/id/{town.ids['devs']}"):
        refused = await town["bob"].get(f"/api/v1/{path}")
        assert (refused.status_code, refused.json()["detail"][:30]) == (401, "You do not have permission to ")


async def test_nobody_gets_in_without_a_key(town: Town) -> None:
    for path in ("/api/models", f"{API}/list", "/openwebui/api/models"):
        assert (await town["nobody"].get(path)).status_code == 401
    assert (await town["nobody"].get("/health")).status_code == 200


async def test_signing_in_gives_a_token(town: Town) -> None:
    signin = "/api/v1/auths/signin"
    answer = await town["nobody"].post(signin, json={"email": "bob@example.com", "password": PASSWORD})
    assert (answer.json()["name"], answer.json()["role"]) == ("bob", "user")
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    town["nobody"].cookies.clear()
    assert (await town["nobody"].get("/api/v1/auths/", headers=headers)).json()["id"] == town.ids["bob"]
    wrong = await town["nobody"].post(signin, json={"email": "bob@example.com", "password": "x"})
    assert (wrong.status_code, wrong.json()["detail"][:30]) == (400, "The email or password provided")


async def test_a_key_is_made_shown_once_and_revoked(town: Town) -> None:
    key = (await town["bob"].post("/api/v1/auths/api_key")).json()["api_key"]
    headers = {"x-api-key": key}
    assert (await town["nobody"].get(f"{API}/list", headers=headers)).status_code == 200
    assert (await town["bob"].get("/api/v1/auths/api_key")).status_code == 404
    assert (await town["bob"].delete("/api/v1/auths/api_key")).json() is True
    assert (await town["nobody"].get(f"{API}/list", headers=headers)).status_code == 401


async def test_admins_see_people(town: Town) -> None:
    users = (await town["ann"].get("/api/v1/users/")).json()
    assert [user["name"] for user in users["users"]] == ["ann", "bob", "eve"]
    group = (await town["ann"].post("/api/v1/groups/create", json={"name": "ops"})).json()
    path = f"/api/v1/groups/id/{group['id']}"
    joined = await town["ann"].post(f"{path}/users/add", json={"user_ids": [town.ids["bob"]]})
    assert joined.json()["user_ids"] == [town.ids["bob"]]
    assert [each["name"] for each in (await town["bob"].get("/api/v1/groups/")).json()] == ["ops"]
    assert (await town["ann"].delete(f"{path}/delete")).json() is True
    assert (await town["bob"].get("/api/v1/users/")).status_code == 401


async def test_who_may_change_a_model_may_share_and_delete_it(town: Town) -> None:
    await town["bob"].post(f"{API}/create", json={**FORM, "id": "coder"})
    sharing = town.house.services.rights.sharing
    await sharing.replace(LOCAL_ADMIN, "bob/coder", [Grant(Subject("user", town.ids["eve"]), Level.WRITE)])
    everybody = {"principal_type": "user", "principal_id": "*", "permission": "read"}
    eve = {"principal_type": "user", "principal_id": town.ids["eve"], "permission": "write"}
    tree = {"id": "coder", "access_grants": [everybody, eve]}
    shared = await town["eve"].post(f"{API}/model/access/update", json=tree)
    assert {each["principal_id"] for each in shared.json()["access_grants"]} == {"*", town.ids["eve"]}
    native = await town["eve"].request("DELETE", "/api/delete", json={"model": "bob/coder"})
    assert native.status_code == 403
    assert (await town["eve"].post(f"{API}/model/delete", json={"id": "coder"})).json() is True
    assert (await town["bob"].get(f"{API}/model", params={"id": "coder"})).status_code == 404


async def test_an_import_takes_no_base_away(town: Town) -> None:
    await town["bob"].post(f"{API}/create", json={**FORM, "id": "coder"})
    models = [{"id": "coder", "name": "Bare", "base_model_id": None}, {"id": "new", "name": "Bare"}]
    assert (await town["bob"].post(f"{API}/import", json={"models": models})).json() is True
    tree = (await town["bob"].get(f"{API}/model", params={"id": "coder"})).json()
    assert (tree["name"], tree["base_model_id"]) == (FORM["name"], "test")
    assert (await town["bob"].get(f"{API}/list")).json()["total"] == 1


async def test_a_writer_may_give_its_own_right_away(town: Town) -> None:
    grant = {"principal_type": "user", "principal_id": town.ids["eve"], "permission": "write"}
    await town["bob"].post(f"{API}/create", json={**FORM, "id": "coder", "access_grants": [grant]})
    none = {"id": "coder", "access_grants": []}
    answer = await town["eve"].post(f"{API}/model/access/update", json=none)
    assert (answer.status_code, answer.json()["access_grants"]) == (200, [])
    assert (await town["eve"].get(f"{API}/model", params={"id": "coder"})).status_code == 404
