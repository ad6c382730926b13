"""Groups as Open WebUI's admins keep them, and what users tell of themselves."""

from typing import Any

import pytest

from modelwright.core.grants import LOCAL_ADMIN
from tests.dialects.conftest import Town
from tests.dialects.openwebui_forms import API

pytestmark = pytest.mark.anyio

GROUPS = "/api/v1/groups"
PROFILE = {"profile_image_url": "", "name": "bob", "bio": "Plumber", "gender": "male"}


async def told(town: Town, name: str, path: str, body: Any = None) -> Any:
    method = "GET" if body is None else "POST"
    answer = await town[name].request(method, f"/api/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_group_is_returned_as_it_was_described(town: Town) -> None:
    form = {"name": "ops", "description": "Who runs it", "permissions": {"workspace": {"models": True}}}
    made = await told(town, "ann", "groups/create", form)
    assert {name: made[name] for name in form} == form
    assert made["data"] == {"config": {"share": True}}
    for path in (f"groups/id/{made['id']}", f"groups/id/{made['id']}/export"):
        assert await told(town, "ann", path) == made
    assert made in await told(town, "ann", "groups/")
    listed = (await town["ann"].get("/api/modelwright/groups")).json()["groups"]
    assert {"ops": "Who runs it"}.items() <= {each["name"]: each["description"] for each in listed}.items()


async def test_a_group_is_changed_and_keeps_what_is_not_said(town: Town) -> None:
    place = f"groups/id/{town.ids['devs']}/update"
    await told(town, "ann", place, {"name": "devs", "description": "a", "permissions": {"chat": {"x": 1}}})
    data = {"config": {"default_models": ["test"]}, "more": 1}
    changed = await told(town, "ann", place, {"name": "builders", "data": data})
    assert (changed["name"], changed["description"]) == ("builders", "a")
    assert changed["permissions"] == {"chat": {"x": 1}}
    assert changed["data"] == {"config": {"share": True, "default_models": ["test"]}, "more": 1}
    assert changed["user_ids"] == [town.ids["eve"]]
    taken = await town["ann"].post(f"{GROUPS}/create", json={"name": "Builders"})
    assert taken.status_code == 409
    assert "detail" in taken.json()


async def test_members_see_their_group_and_others_do_not(town: Town) -> None:
    place = f"{GROUPS}/id/{town.ids['devs']}"
    assert (await town["eve"].get(f"{place}/info")).json()["name"] == "devs"
    hidden, absent = await town["bob"].get(f"{place}/info"), await town["bob"].get(f"{GROUPS}/id/none/info")
    assert (hidden.status_code, hidden.content) == (404, absent.content)
    among = (await town["ann"].post(f"{place}/users")).json()
    assert [user["name"] for user in among] == ["eve"]
    for path in ("", "/export"):
        assert (await town["eve"].get(place + path)).status_code == 401
    assert (await town["eve"].post(f"{place}/update", json={"name": "mine"})).status_code == 401


async def test_what_a_user_tells_is_told_back(town: Town) -> None:
    profile = {**PROFILE, "date_of_birth": "1981-07-09"}
    shown = await told(town, "bob", "auths/update/profile", profile)
    assert {name: shown[name] for name in ("bio", "gender", "date_of_birth")} == {
        "bio": "Plumber",
        "gender": "male",
        "date_of_birth": "1981-07-09",
    }
    assert await told(town, "bob", "auths/update/timezone", {"timezone": "Europe/Rome"}) == {"status": True}
    assert await told(town, "bob", "users/user/info/update", {"location": "Rome"}) == {"location": "Rome"}
    more = await told(town, "bob", "users/user/info/update", {"hat": "red"})
    assert more == await told(town, "bob", "users/user/info") == {"location": "Rome", "hat": "red"}
    assert (await told(town, "bob", "auths/"))["bio"] == "Plumber"
    assert await told(town, "eve", "users/user/info") is None


async def test_one_s_own_variables_are_kept(town: Town) -> None:
    variables = {"variables": {"tone": "calm\r\nand kind"}}
    kept = await told(town, "bob", "users/user/variables/update", variables)
    assert (
        kept == await told(town, "bob", "users/user/variables") == {"variables": {"tone": "calm\nand kind"}}
    )
    assert await told(town, "eve", "users/user/variables") == {"variables": {}}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"Tone": "x"}, "Invalid user variable key: Tone"),
        ({"tone": 7}, "User variable must be a string: tone"),
        ({"tone": "x" * 20_001}, "User variable is too long: tone"),
        ({f"t{number}": "x" * 19_000 for number in range(6)}, "User variables are too large."),
    ],
)
async def test_variables_that_are_refused(town: Town, variables: dict[str, Any], said: str) -> None:
    answer = await town["bob"].post("/api/v1/users/user/variables/update", json={"variables": variables})
    assert (answer.status_code, answer.json()) == (400, {"detail": said})
    assert await told(town, "bob", "users/user/variables") == {"variables": {}}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "robert"),
        ("profile_image_url", "javascript:x"),
        ("profile_image_url", "data:image/png;base64,eA=="),
        ("date_of_birth", "2020-13-01"),
        ("date_of_birth", "yesterday"),
        ("bio", "x" * 5000),
        ("bio", 7),
        ("gender", "a\u0000b"),
        ("gender", ["x"]),
    ],
)
async def test_a_profile_that_is_refused(town: Town, field: str, value: object) -> None:
    answer = await town["bob"].post("/api/v1/auths/update/profile", json={**PROFILE, field: value})
    assert answer.status_code in (400, 422), answer.text
    assert field in answer.text


async def test_users_come_in_pages_and_are_looked_for(town: Town) -> None:
    accounts = town.house.services.rights.accounts
    for number in range(30):
        await accounts.add_user(LOCAL_ADMIN, f"user {number:02}")
    first, second = await told(town, "ann", "users/"), await told(town, "ann", "users/?page=2")
    assert (len(first["users"]), len(second["users"]), first["total"]) == (30, 3, 33)
    [eve] = (await told(town, "ann", "users/?query=EVE@"))["users"]
    assert (eve["name"], eve["group_ids"]) == ("eve", [town.ids["devs"]])
    assert len((await told(town, "ann", "users/all"))["users"]) == 33


@pytest.mark.parametrize(
    "data", [7, {"config": 7}, {"config": {"default_models": "x"}}, {"config": {"default_models": [" "]}}]
)
async def test_what_groups_may_hold(town: Town, data: object) -> None:
    for path in ("create", f"id/{town.ids['devs']}/update"):
        answer = await town["ann"].post(f"{GROUPS}/{path}", json={"name": "ops", "data": data})
        assert (answer.status_code, "data" in answer.json()["detail"][0]["loc"]) == (422, True)
    assert [group["name"] for group in await told(town, "ann", "groups/")] == ["devs"]


@pytest.mark.parametrize("told_info", [{"x": "y" * 300_000}, [], "x", 7])
async def test_too_much_or_no_object_is_not_kept_of_a_user(town: Town, told_info: object) -> None:
    answer = await town["bob"].post("/api/v1/users/user/info/update", json=told_info)
    assert 400 <= answer.status_code < 500, answer.text
    assert await told(town, "bob", "users/user/info") is None


async def test_what_a_user_told_stands_in_a_system_text(town: Town) -> None:
    names = ["USER_NAME", "USER_EMAIL", "USER_BIO", "USER_GENDER", "USER_BIRTH_DATE", "USER_LOCATION"]
    text = " ".join(["{{" + name + "}}" for name in names]) + " {{ user.variables.tone | text }}"
    form = {"id": "m", "name": "M", "base_model_id": "test", "meta": {}, "params": {"system": text}}
    assert (await town["bob"].post(f"{API}/create", json=form)).status_code == 200
    await told(town, "bob", "auths/update/profile", {**PROFILE, "date_of_birth": "1981-07-09"})
    await told(town, "bob", "users/user/info/update", {"location": "Rome"})
    await told(town, "bob", "users/user/variables/update", {"variables": {"tone": "calm"}})
    count = "/api/v1/messages/count_tokens"
    said = "bob bob@example.com Plumber male 1981-07-09 Rome calm"
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    plain = {**asked, "model": "test", "system": said}
    counted = [(await town["bob"].post(count, json=body)).json() for body in (asked, plain)]
    assert counted[0] == counted[1]
