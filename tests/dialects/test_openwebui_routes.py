"""Each route of the product that its model clients use is there, in every place it stands."""

import pytest
from fastapi.routing import iter_route_contexts

from modelwright.dialects.openwebui.routes import MODEL_PREFIXES
from tests.dialects.conftest import Town
from tests.dialects.openwebui_forms import API, FORM

pytestmark = pytest.mark.anyio

MODEL_ROUTES = """
GET /list; GET /all; GET /base; GET /base/tags; GET /tags; POST /create; GET /export; POST /import; POST /sync
GET /model; GET /model/history; GET /model/history/{}; DELETE /model/history/{}; POST /model/update/version
GET /model/profile/image; POST /model/toggle; POST /model/update; POST /model/access/update
POST /model/delete; DELETE /delete/all
"""
OTHERS = """
GET /api/models; GET /api/v1/models; GET /api/models/base; POST /api/models/unload
POST /api/chat/completions; POST /api/v1/chat/completions; POST /api/embeddings; POST /api/v1/embeddings
POST /api/v1/messages; POST /api/message; POST /api/v1/messages/count_tokens; GET /api/version; GET /health
POST /api/v1/auths/signin; GET /api/v1/auths/; GET /api/v1/auths/api_key; POST /api/v1/auths/api_key
DELETE /api/v1/auths/api_key; POST /api/v1/auths/add; POST /api/v1/auths/update/profile
GET /api/v1/users/; GET /api/v1/users/all; GET /api/v1/users/{}; DELETE /api/v1/users/{}
GET /api/v1/users/permissions; GET /api/v1/users/default/permissions; GET /api/v1/users/user/info
GET /api/v1/users/user/variables; POST /api/v1/users/user/variables/update
GET /api/v1/groups/; POST /api/v1/groups/create; GET /api/v1/groups/id/{}; POST /api/v1/groups/id/{}/update
POST /api/v1/groups/id/{}/users/add; POST /api/v1/groups/id/{}/users/remove
DELETE /api/v1/groups/id/{}/delete; GET /api/v1/configs/models; GET /static/favicon.png
"""


def split(text: str) -> list[str]:
    return [each.strip() for line in text.strip().split("\n") for each in line.split(";")]


def there(app: object) -> set[str]:
    """Method and path of every route, parameters as {}."""
    found = set()
    for context in iter_route_contexts(app.routes):  # type: ignore[attr-defined]  # an application has them
        path = "/".join("{}" if step.startswith("{") else step for step in (context.path or "").split("/"))
        found |= {f"{method} {path}" for method in context.methods or ()}
    return found


async def test_every_route_is_there_and_under_the_dialects_own_name(house) -> None:
    wanted = set(split(OTHERS))
    for route in split(MODEL_ROUTES):
        method, path = route.split()
        wanted |= {f"{method} {prefix}{path}" for prefix in MODEL_PREFIXES}
    pure = {route.replace(" ", " /openwebui", 1) for route in wanted}
    assert not (wanted | pure) - there(house.app)


async def test_the_short_list_of_bases_is_of_what_models_can_stand_on(town: Town) -> None:
    await town["ann"].post(f"{API}/create", json={**FORM, "id": "wrap"})
    await town["ann"].post(f"{API}/create", json={**FORM, "id": "test", "base_model_id": None})
    await town["ann"].post(f"{API}/model/toggle", params={"id": "test"})
    data = (await town["ann"].get("/api/models/base")).json()["data"]
    assert {(each["id"], each["name"], "info" in each) for each in data} == {
        ("bert:latest", "bert:latest", False),
        ("test:latest", "test:latest", False),
    }
    assert [each["id"] for each in (await town["ann"].get(f"{API}/base")).json()] == ["test"]
    assert (await town["bob"].get("/api/models/base")).status_code == 401


async def test_what_is_not_there_is_not_unloaded(client) -> None:
    assert (await client.post("/api/models/unload", json={"model": "test"})).json() == {"status": True}
    gone = await client.post("/api/models/unload", json={"model": "nobody"})
    assert (gone.status_code, gone.json()) == (404, {"detail": 'Model "nobody" not found'})
