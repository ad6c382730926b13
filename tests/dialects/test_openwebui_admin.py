"""What admins change in Open WebUI while the server runs: defaults, users; and signing out."""

from typing import Any

import pytest

from modelwright.dialects.openwebui.refusals import NOT_FOUND
from modelwright.dialects.openwebui.stance import Stance
from tests.dialects.conftest import PASSWORD, Town
from tests.dialects.openwebui_forms import API, FORM, Listening

pytestmark = pytest.mark.anyio

PERMISSIONS = "/api/v1/users/default/permissions"
MODELS = "/api/v1/configs/models"
RESTRICTED = "The requested action has been restricted as a security measure."
HI = [{"role": "user", "content": "hi"}]
NOTHING: dict[str, Any] = {
    "workspace": {"models": False, "knowledge": True},
    "sharing": {},
    "access_grants": {"allow_users": False},
    "chat": {"controls": True},
    "features": {},
    "settings": {},
}
SETTINGS: dict[str, Any] = {
    "DEFAULT_MODELS": "second,third",
    "DEFAULT_PINNED_MODELS": "test",
    "MODEL_ORDER_LIST": ["test", "bert"],
    "DEFAULT_MODEL_METADATA": {"description": "House model", "capabilities": {"vision": False}},
    "DEFAULT_MODEL_PARAMS": {"temperature": 0.25},
}


async def done(town: Town, name: str, path: str, body: Any = None) -> Any:
    method = "GET" if body is None else "POST"
    answer = await town[name].request(method, path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_users_may_is_changed_at_once_and_kept(town: Town) -> None:
    assert (await done(town, "eve", "/api/v1/users/permissions"))["workspace"]["models"] is True
    kept = await done(town, "ann", PERMISSIONS, NOTHING)
    assert kept["workspace"] == {
        "models": False, "models_import": False, "models_export": False, "knowledge": True,
    }  # fmt: skip
    assert kept["access_grants"] == {"allow_users": False, "allow_groups": True}
    assert await done(town, "ann", PERMISSIONS) == kept
    assert (await town["eve"].post(f"{API}/create", json=FORM)).status_code == 401
    assert (await town["eve"].get("/api/v1/users/search")).status_code == 401
    held = await done(town, "eve", "/api/v1/users/permissions")
    assert (held["workspace"]["models"], held["access_grants"]["allow_groups"]) == (False, True)
    assert (await done(town, "ann", f"{PERMISSIONS}/defaults"))["workspace"]["models"] is True
    assert (await town["ann"].post(f"{API}/create", json=FORM)).status_code == 200


async def test_what_models_have_is_changed_at_once_and_kept(town: Town) -> None:
    assert await done(town, "ann", MODELS, SETTINGS) == SETTINGS
    assert await done(town, "ann", MODELS) == SETTINGS
    told = await done(town, "eve", f"{MODELS}/defaults")
    assert told == {"DEFAULT_MODEL_METADATA": SETTINGS["DEFAULT_MODEL_METADATA"]}
    await done(town, "bob", f"{API}/create", {**FORM, "meta": {}})
    listed = (await done(town, "bob", "/api/models"))["data"]
    (mine,) = [each for each in listed if each["id"] == FORM["id"]]
    meta = mine["info"]["meta"]
    assert (meta["description"], meta["capabilities"]) == ("House model", {"vision": False})
    rest = {name: SETTINGS[name] for name in ("DEFAULT_MODELS", "DEFAULT_PINNED_MODELS", "MODEL_ORDER_LIST")}
    assert await done(town, "ann", MODELS, {**rest, "DEFAULT_MODELS": None}) == {
        **SETTINGS, "DEFAULT_MODELS": None,
    }  # fmt: skip


async def test_it_holds_in_chats_and_says_which_model_stands_in(opening) -> None:
    async with opening(engines=Listening, openwebui=Stance(fallback="test")) as house:
        chat = {"model": "gone", "messages": HI}
        form = {"id": "gone", "name": "x", "base_model_id": "nobody", "meta": {}, "params": {}}
        assert (await house.client.post(f"{API}/create", json=form)).status_code == 200
        assert (await house.client.post(MODELS, json=SETTINGS)).status_code == 200
        assert (await house.client.post("/api/chat/completions", json=chat)).status_code == 400
        await house.create("second", **{"from": "test"})
        assert (await house.client.post("/api/chat/completions", json=chat)).status_code == 200
        assert house.engine.heard[-1][1].as_dict()["temperature"] == 0.25


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PERMISSIONS, {**NOTHING, "workspace": {"models": "yes"}}),
        (PERMISSIONS, {**NOTHING, "workspace": {"knowledge": 7}}),
        (PERMISSIONS, {"workspace": {}}),
        (MODELS, {}),
        (MODELS, {**SETTINGS, "MODEL_ORDER_LIST": [7]}),
        (MODELS, {**SETTINGS, "DEFAULT_MODEL_METADATA": {"capabilities": [1]}}),
        (MODELS, {**SETTINGS, "DEFAULT_MODEL_PARAMS": {"temperature": "hot"}}),
        (MODELS, {**SETTINGS, "DEFAULT_MODELS": "x" * 300_000}),
    ],
)
async def test_what_could_not_hold_is_refused(town: Town, path: str, body: Any) -> None:
    before = await done(town, "ann", path)
    refused = await town["ann"].post(path, json=body)
    assert refused.status_code in (400, 422), refused.text
    assert (await town["eve"].post(path, json=body)).status_code == 401
    assert await done(town, "ann", path) == before


async def test_changes_are_in_the_log(town: Town) -> None:
    await done(town, "ann", PERMISSIONS, NOTHING)
    await done(town, "ann", MODELS, SETTINGS)
    told = (await done(town, "ann", "/api/modelwright/audit"))["entries"][:2]
    assert [(each["name"], each["action"], each["thing"]) for each in told] == [
        ("ann", "setting", "openwebui"),
    ] * 2
    assert [each["detail"]["changed"] for each in told] == ["models", "permissions"]


async def sign_in(town: Town, password: str = PASSWORD) -> Any:
    return await town["nobody"].post(
        "/api/v1/auths/signin", json={"email": "bob@example.com", "password": password}
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_signing_out_ends_the_session_and_no_other(town: Town, method: str) -> None:
    first, second = [(await sign_in(town)).json()["token"] for _ in range(2)]
    town["nobody"].cookies.clear()
    answer = await town["nobody"].request(method, "/api/v1/auths/signout", headers={"x-api-key": first})
    assert (answer.status_code, answer.json()) == (200, {"status": True})
    assert 'token=""' in answer.headers["set-cookie"]
    for token, status in ((first, 401), (second, 200)):
        asked = await town["nobody"].get("/api/v1/auths/", headers={"x-api-key": token})
        assert asked.status_code == status
    assert (await town["nobody"].request(method, "/api/v1/auths/signout")).json() == {"status": True}


async def test_a_key_outlives_signing_out(town: Town) -> None:
    assert (await town["bob"].post("/api/v1/auths/signout")).status_code == 200
    assert (await town["bob"].get("/api/v1/auths/")).status_code == 200


async def test_an_admin_changes_a_user(town: Town) -> None:
    place = f"/api/v1/users/{town.ids['bob']}"
    picture = "https://example.com/bob.png"
    form = {"role": "pending", "name": "bob", "email": "robert@example.com", "profile_image_url": picture}
    changed = await done(town, "ann", f"{place}/update", form)
    assert form.items() <= changed.items()
    assert form.items() <= (await done(town, "ann", place)).items()
    assert (await town["bob"].get("/api/models")).status_code == 401
    assert (await done(town, "ann", f"{place}/update", {"role": "user"}))["email"] == "robert@example.com"
    assert (await town["bob"].get("/api/models")).status_code == 200


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"email": "eve@example.com"}, 400),
        ({"email": "no email"}, 400),
        ({"role": "king"}, 400),
        ({"name": "robert"}, 400),
        ({"password": "short"}, 400),
        ({"profile_image_url": "javascript:x"}, 422),
    ],
)
async def test_a_change_of_a_user_that_is_refused(town: Town, form: Any, status: int) -> None:
    place = f"/api/v1/users/{town.ids['bob']}"
    before = await done(town, "ann", place)
    assert (await town["ann"].post(f"{place}/update", json=form)).status_code == status
    assert (await town["eve"].post(f"{place}/update", json={"role": "admin"})).status_code == 401
    nobody = await town["ann"].post("/api/v1/users/none/update", json={"role": "user"})
    assert (nobody.status_code, nobody.json()["detail"]) == (400, NOT_FOUND)
    assert await done(town, "ann", place) == before


async def test_the_first_admin_is_changed_by_itself_alone_and_stays_one(town: Town) -> None:
    first, second = (f"/api/v1/users/{town.ids[name]}" for name in ("ann", "bob"))
    await done(town, "ann", f"{second}/update", {"role": "admin"})
    before = await done(town, "ann", first)
    tried = [
        ("bob", {"role": "user"}),
        ("bob", {"password": "another battery"}),
        ("bob", {}),
        ("ann", {"role": "user"}),
    ]
    for by, form in tried:
        refused = await town[by].post(f"{first}/update", json=form)
        assert (refused.status_code, refused.json()["detail"]) == (403, RESTRICTED), (by, form)
    for by, called in (("bob", first), ("ann", first), ("bob", "/api/v1/users/ann@example.com")):
        refused = await town[by].delete(called)
        assert (refused.status_code, refused.json()["detail"]) == (403, RESTRICTED), by
    assert (await town["bob"].post("/api/v1/users/ann/update", json={})).status_code == 403
    assert await done(town, "ann", first) == before
    assert (await done(town, "ann", f"{first}/update", {"role": "admin", "email": "a@x.org"}))[
        "role"
    ] == "admin"


async def test_an_admin_deletes_others_and_not_itself(town: Town) -> None:
    second = f"/api/v1/users/{town.ids['bob']}"
    await done(town, "ann", f"{second}/update", {"role": "admin"})
    refused = await town["bob"].delete(second)
    assert (refused.status_code, refused.json()["detail"]) == (403, RESTRICTED)
    assert (await town["ann"].delete(second)).json() is True
    for path in (second, "/api/v1/users/none"):
        for method in ("GET", "DELETE"):
            gone = await town["ann"].request(method, path)
            assert (gone.status_code, gone.json()["detail"]) == (400, NOT_FOUND), (method, path)


@pytest.mark.parametrize("by", ["admin", "user"])
async def test_a_new_password_ends_what_began_with_the_old(town: Town, by: str) -> None:
    token, other = (await sign_in(town)).json()["token"], "another battery horse"
    town["nobody"].cookies.clear()
    if by == "admin":
        await done(town, "ann", f"/api/v1/users/{town.ids['bob']}/update", {"password": other})
    else:
        place, form = "/api/v1/auths/update/password", {"password": "wrong wrong", "new_password": other}
        assert (await town["bob"].post(place, json=form)).status_code == 400
        assert await done(town, "bob", place, {**form, "password": PASSWORD}) is True
    asked = await town["nobody"].get("/api/v1/auths/", headers={"x-api-key": token})
    assert asked.status_code == 401
    assert (await sign_in(town)).status_code == 400
    town["nobody"].cookies.clear()
    assert (await sign_in(town, other)).status_code == 200
    assert (await town["bob"].get("/api/v1/auths/")).status_code == 200, "a key is no session"


async def test_users_and_groups_are_found_to_share_with(town: Town) -> None:
    found = await done(town, "bob", "/api/v1/users/search?query=EV")
    assert [(each["id"], each["name"]) for each in found["users"]] == [(town.ids["eve"], "eve")]
    devs = [{"id": town.ids["devs"], "name": "devs"}]
    assert await done(town, "eve", "/api/v1/users/groups") == devs
    assert await done(town, "bob", "/api/v1/users/groups") == []
    assert await done(town, "ann", f"/api/v1/users/{town.ids['eve']}/groups") == devs
    assert (await town["eve"].get(f"/api/v1/users/{town.ids['eve']}/groups")).status_code == 401
