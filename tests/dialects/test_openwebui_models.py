"""Open WebUI's model routes, against a whole server."""

from typing import Any

import httpx2
import pytest

from modelwright.dialects.openwebui.stance import Stance
from tests.dialects.openwebui_forms import API, FORM, PICTURE

pytestmark = pytest.mark.anyio


async def made(client: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post(f"{API}/create", json={**FORM, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def shown(client: httpx2.AsyncClient, identifier: str) -> dict[str, Any]:
    answer = await client.get(f"{API}/model", params={"id": identifier})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_model_is_given_back_as_it_was_created(client) -> None:
    tree = await made(client)
    assert tree["params"] == FORM["params"]
    assert {name: tree[name] for name in ("id", "name", "base_model_id")} == {
        name: FORM[name] for name in ("id", "name", "base_model_id")
    }
    assert tree["meta"]["tags"] == [{"name": "code"}, {"name": "team"}]
    assert tree["meta"]["knowledge"] == [{"id": "k", "type": "collection", "data": {"n": 1}}]
    assert (tree["meta"]["toolIds"], tree["meta"]["voice"]) == (["t"], None)
    assert tree["is_active"] is True
    assert {name: value for name, value in (await shown(client, FORM["id"])).items() if name in tree} == tree


@pytest.mark.parametrize("prefix", ["/api/v1/models", "/api/models", "/openwebui/api/models"])
async def test_each_prefix_creates(client, prefix: str) -> None:
    answer = await client.post(f"{prefix}/create", json=FORM)
    assert answer.status_code == 200, answer.text


async def test_it_is_a_model_like_any_other(client) -> None:
    await made(client, id="coder")
    view = (await client.post("/api/show", json={"model": "coder"})).json()
    assert view["system"] == "Be brief"
    assert "temperature                    0.7" in view["parameters"]
    assert "num_predict                    20" in view["parameters"]
    assert view["details"]["parent_model"] == "test:latest"


async def test_saving_what_was_shown_changes_nothing(client) -> None:
    await made(client)
    before = await shown(client, FORM["id"])
    answer = await client.post(f"{API}/model/update", json=before)
    assert answer.json()["version_id"] == before["version_id"]
    assert await shown(client, FORM["id"]) == before


async def test_what_ollama_alone_can_say_stays(house, client) -> None:
    await house.create("mario", **{"from": "test"}, system="It's me", license="MIT", parameters={"top_k": 5})
    tree = await shown(client, "mario")
    assert (tree["id"], tree["params"]) == ("mario:latest", {"system": "It's me", "top_k": 5})
    changed = {**tree, "params": {**tree["params"], "system": "Mamma mia"}}
    assert (await client.post(f"{API}/model/update", json=changed)).status_code == 200
    view = (await client.post("/api/show", json={"model": "mario"})).json()
    assert (view["system"], view["license"]) == ("Mamma mia", "MIT")


async def test_what_ollama_changed_is_shown_over_what_was_kept(house, client) -> None:
    await made(client, id="coder")
    await house.create("coder", **{"from": "test"}, system="New", parameters={"top_k": 5})
    tree = await shown(client, "coder")
    assert tree["params"] == {"zork": [1], "system": "New", "top_k": 5}
    assert (tree["name"], tree["meta"]["description"]) == ("My Custom GPT", "For code")


async def test_an_update_leaves_what_it_does_not_mention(client) -> None:
    await made(client)
    await client.post(f"{API}/model/toggle", params={"id": FORM["id"]})
    form = {"id": FORM["id"], "name": "New", "meta": {"description": "x"}, "params": {}}
    tree = (await client.post(f"{API}/model/update", json=form)).json()
    assert (tree["name"], tree["params"], tree["base_model_id"]) == ("New", {}, "test")
    assert (tree["is_active"], tree["meta"]["profile_image_url"]) == (False, PICTURE)
    assert tree["meta"]["knowledge"] is None


async def test_a_base_may_come_later_and_be_changed(house, client) -> None:
    tree = await made(client, id="later", base_model_id="gpt-4")
    assert tree["base_model_id"] == "gpt-4"
    chat = {"model": "later", "messages": [{"role": "user", "content": "hi"}]}
    refused = await client.post("/api/chat/completions", json=chat)
    assert (refused.status_code, refused.json()) == (400, {"detail": "Model not found"})
    await house.create("gpt-4", **{"from": "test"})
    assert (await client.post("/api/chat/completions", json=chat)).status_code == 200
    moved = await client.post(f"{API}/model/update", json={**tree, "base_model_id": "bert"})
    assert moved.json()["base_model_id"] == "bert"


async def test_without_a_base_it_lies_over_the_model_of_that_id(client) -> None:
    tree = await made(client, id="test", base_model_id=None)
    assert (tree["id"], tree["base_model_id"]) == ("test", None)
    offered = {each["id"]: each for each in (await client.get("/api/models")).json()["data"]}
    assert (offered["test"]["name"], "preset" in offered["test"]) == ("My Custom GPT", False)
    assert [each["id"] for each in (await client.get(f"{API}/base")).json()] == ["test"]
    assert (await client.get(f"{API}/list")).json()["total"] == 0
    assert (await client.post(f"{API}/model/delete", json={"id": "test"})).json() is True
    assert "system" not in (await client.post("/api/show", json={"model": "test"})).json()


async def test_a_base_of_itself_is_no_base(client) -> None:
    assert (await made(client, id="new", base_model_id="new"))["base_model_id"] is None


async def test_an_inactive_model_is_not_offered(client) -> None:
    await made(client, id="coder")
    toggled = await client.post(f"{API}/model/toggle", params={"id": "coder"})
    assert toggled.json()["is_active"] is False
    assert "coder" not in [each["id"] for each in (await client.get("/api/models")).json()["data"]]
    assert (await client.get(f"{API}/list")).json()["total"] == 1


async def test_an_inactive_entry_over_a_base_hides_the_base(client) -> None:
    await made(client, id="test", base_model_id=None)
    for listed in (False, True):
        await client.post(f"{API}/model/toggle", params={"id": "test"})
        offered = [each["id"] for each in (await client.get("/api/models")).json()["data"]]
        assert ("test" in offered) is listed
    assert (await client.post("/api/show", json={"model": "test"})).status_code == 200


async def test_what_points_at_things_that_are_not_here_is_returned_unchanged(house, client) -> None:
    meta = {
        "knowledge": [{"id": "k", "type": "collection", "name": "Notes"}],
        **{f"{thing}Ids": [f"{thing}-1"] for thing in ("tool", "filter", "defaultFilter", "action", "skill")},
        "defaultFeatureIds": ["web_search"],
        "terminalId": "t",
        "builtinTools": {"time": True},
        "suggestion_prompts": [{"content": "Hello", "title": ["a", "b"]}],
        "i18n": {"de": {"name": "Meins"}},
    }
    tree = await made(client, id="coder", meta=meta)
    assert {name: tree["meta"][name] for name in meta} == meta
    await house.create("coder", **{"from": "coder"}, system="New")
    saved = await client.post(f"{API}/model/update", json=await shown(client, "coder"))
    assert saved.status_code == 200, saved.text
    exported = (await client.get(f"{API}/export", params={"ids": ["coder"]})).json()[0]
    for seen in (saved.json(), exported, await shown(client, "coder")):
        assert {name: seen["meta"][name] for name in meta} == meta


async def test_what_was_made_from_itself_elsewhere_is_still_changed_here(house, town) -> None:
    await made(town["bob"], id="coder")
    body = {"model": "coder", "from": "coder", "system": "New", "stream": False}
    assert (await town["bob"].post("/api/create", json=body)).status_code == 200
    tree = await shown(town["bob"], "coder")
    assert (tree["base_model_id"], tree["params"]["system"]) == ("test", "New")
    saved = await town["bob"].post(f"{API}/model/update", json={**tree, "name": "Newer"})
    assert (saved.status_code, saved.json()["name"]) == (200, "Newer")


async def test_the_words_of_the_documentation_can_be_had_instead(opening) -> None:
    async with opening(openwebui=Stance("docs")) as house:
        await made(house.client)
        taken = await house.client.post(f"{API}/create", json=FORM)
        assert (taken.status_code, taken.json()) == (400, {"detail": "Model ID is already taken"})
        long = await house.client.post(f"{API}/create", json={**FORM, "id": "x" * 257})
        said = {"detail": "Model ID is too long (max 256 characters)"}
        assert (long.status_code, long.json()) == (400, said)


async def test_the_list_is_searched_sorted_and_paged(client) -> None:
    for number in range(32):
        await made(client, id=f"m{number:02}", name=f"Model {number:02}", meta={"tags": [f"t{number % 2}"]})
    first = (await client.get(f"{API}/list", params={"order_by": "name", "direction": "asc"})).json()
    assert (len(first["items"]), first["total"], first["items"][0]["name"]) == (30, 32, "Model 00")
    assert first["items"][0]["write_access"] is True
    assert "profile_image_url" not in first["items"][0]["meta"]
    assert len((await client.get(f"{API}/list", params={"page": 2})).json()["items"]) == 2
    assert (await client.get(f"{API}/list", params={"query": "MODEL 07"})).json()["total"] == 1
    assert (await client.get(f"{API}/list", params={"tag": "t1"})).json()["total"] == 16
    assert (await client.get(f"{API}/list", params={"view_option": "shared"})).json()["total"] == 0
    assert (await client.get(f"{API}/tags")).json() == ["t0", "t1"]


async def test_history_is_shown_gone_back_to_and_hidden(client) -> None:
    first = await made(client, commit_message="one")
    form = {**FORM, "name": "Second", "params": {"system": "Two"}, "commit_message": "two"}
    await client.post(f"{API}/model/update", json=form)
    at = {"id": FORM["id"]}
    versions = (await client.get(f"{API}/model/history", params=at)).json()
    assert [each["commit_message"] for each in versions] == ["two", "one"]
    assert versions[0]["parent_id"] == versions[1]["id"] == first["version_id"]
    old = (await client.get(f"{API}/model/history/{versions[1]['id']}", params=at)).json()
    assert old["snapshot"]["params"] == FORM["params"]
    chosen = await client.post(
        f"{API}/model/update/version", params=at, json={"version_id": versions[1]["id"]}
    )
    assert (chosen.json()["name"], chosen.json()["version_id"]) == (FORM["name"], first["version_id"])
    current = await client.delete(f"{API}/model/history/{versions[1]['id']}", params=at)
    assert (current.status_code, current.json()["detail"]) == (400, "Cannot delete the current version")
    assert (await client.delete(f"{API}/model/history/{versions[0]['id']}", params=at)).json() is True
    assert len((await client.get(f"{API}/model/history", params=at)).json()) == 1
    gone = await client.get(f"{API}/model/history/nonsense", params=at)
    assert (gone.status_code, gone.json()["detail"]) == (404, "Model version not found")


async def test_models_are_exported_and_imported(client) -> None:
    await made(client)
    await made(client, id="other")
    answer = await client.get(f"{API}/export", params={"ids": [FORM["id"]]})
    exported = answer.json()
    assert [each["id"] for each in exported] == [FORM["id"]]
    assert (await client.get(f"{API}/export", params={"ids": ["nobody"]})).status_code == 403
    await client.post(f"{API}/model/delete", json={"id": FORM["id"]})
    models = [*exported, {"id": "a b"}, {"id": "other", "name": "O", "params": {"top_k": 1}}]
    assert (await client.post(f"{API}/import", json={"models": models})).json() is True
    assert (await shown(client, FORM["id"]))["params"] == FORM["params"]
    other = await shown(client, "other")
    assert (other["params"], other["meta"]["description"]) == ({"top_k": 1}, "For code")


async def test_a_sync_leaves_those_models_and_no_others(client) -> None:
    kept = await made(client, id="kept")
    await made(client, id="gone")
    new = {**FORM, "id": "new"}
    answer = await client.post(f"{API}/sync", json={"models": [kept, new]})
    assert {each["id"] for each in answer.json()} == {"kept", "new"}
    assert {each["id"] for each in (await client.get(f"{API}/all")).json()} == {"kept", "new"}
    assert (await client.post("/api/show", json={"model": "test"})).status_code == 200


async def test_deleting_all_leaves_the_bases(client) -> None:
    await made(client)
    assert (await client.delete(f"{API}/delete/all")).json() is True
    names = [each["name"] for each in (await client.get("/api/tags")).json()["models"]]
    assert sorted(names) == ["bert:latest", "test:latest"]


async def test_pictures(client) -> None:
    await made(client, id="one")
    await made(client, id="two", meta={"profile_image_url": "https://example.com/x.png"})
    await made(client, id="three", meta={"profile_image_url": "javascript:alert(1)"})
    image = await client.get(f"{API}/model/profile/image", params={"id": "one"})
    assert (image.headers["content-type"], image.content[:4]) == ("image/png", b"\x89PNG")
    places = []
    for identifier in ("two", "three", "nobody"):
        answer = await client.get(f"{API}/model/profile/image", params={"id": identifier})
        places.append((answer.status_code, answer.headers["location"]))
    assert places == [
        (302, "https://example.com/x.png"),
        (302, "/static/favicon.png"),
        (302, "/static/favicon.png"),
    ]
    assert (await client.get("/static/favicon.png")).content[:4] == b"\x89PNG"


async def test_what_the_product_says_when_an_id_is_taken_or_missing(client) -> None:
    await made(client)
    taken = await client.post(f"{API}/create", json=FORM)
    assert (taken.status_code, taken.json()["detail"][:40]) == (
        401,
        "Uh-oh! This model id is already register",
    )
    absent = "We could not find what you're looking for :/"
    for answer in (
        await client.get(f"{API}/model", params={"id": "nobody"}),
        await client.get(f"{API}/model/history", params={"id": "nobody"}),
    ):
        assert (answer.status_code, answer.json()) == (404, {"detail": absent})
    for answer in (
        await client.post(f"{API}/model/toggle", params={"id": "nobody"}),
        await client.post(f"{API}/model/update", json={**FORM, "id": "nobody"}),
        await client.post(f"{API}/model/delete", json={"id": "nobody"}),
    ):
        assert (answer.status_code, answer.json()) == (401, {"detail": absent})


async def test_paths_that_two_dialects_have(client) -> None:
    assert (await client.get("/api/version")).json().keys() == {"version"}
    assert (await client.get("/openwebui/api/version")).json()["version"] == "0.12.4"
    assert "embedding" in (await client.post("/api/embeddings", json={"model": "bert", "prompt": "x"})).json()
    found = (await client.post("/api/embeddings", json={"model": "bert", "input": ["x", "y"]})).json()
    assert (found["object"], len(found["data"])) == ("list", 2)
    theirs = await client.post("/api/embeddings", json={"model": "nobody", "prompt": "x"})
    ours = await client.post("/api/embeddings", json={"model": "nobody", "input": "x"})
    assert (theirs.status_code, ours.json()) == (404, {"detail": "Model not found"})
    assert (await client.get("/health")).json() == {"status": True}
