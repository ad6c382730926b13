"""Whatever a client sends, Open WebUI's routes answer with a clear 4xx."""

from typing import Any

import pytest

from tests.dialects.openwebui_forms import API, FORM

pytestmark = pytest.mark.anyio

WRONG: dict[str, list[Any]] = {
    "id": [None, 7, "", "a b", "a\tb", "x" * 257, [], {}, True, "a\u0000b"],
    "name": [None, 7, [], {}, "x" * 2000],
    "base_model_id": [7, [], {}, True, "x" * 300, "a b"],
    "params": [None, 7, "x", [], True],
    "meta": [None, 7, "x", [], True],
    "access_grants": [7, "x", {}, [7], ["x"], [None]],
    "is_active": [7, "yes", [], {}],
    "commit_message": [7, [], {}],
}
WRONG_PARAMS: list[dict[str, Any]] = [
    {"system": 7},
    {"system": ["x"]},
    {"temperature": "hot"},
    {"temperature": -1},
    {"temperature": [1]},
    {"top_k": {}},
    {"max_tokens": "many"},
    {"stop": [7]},
    {"stop": {}},
    {"custom_params": 7},
    {"custom_params": {"top_p": 7}},
    {"model_controls": 7},
    {"model_controls": {"a": {}}},
    {"model_controls": {"a": {"label": " ", "options": {"b": {"label": "B", "params": {}}}}}},
    {"model_controls": {"a": {"label": "A", "options": {}}}},
    {"model_controls": {"a": {"label": "A", "default": "c", "options": {"b": {"label": "B", "params": {}}}}}},
]
WRONG_META: list[dict[str, Any]] = [
    {"description": 7},
    {"capabilities": "x"},
    {"knowledge": "x"},
    {"i18n": 7},
    {"voice": "x"},
    {"background_image_url": "/etc/passwd"},
]


def is_clear(answer: Any) -> bool:
    """A 4xx that says something, and shows nothing of the inside."""
    detail = answer.json()["detail"]
    text = detail if isinstance(detail, str) else detail[0]["msg"]
    return 400 <= answer.status_code < 500 and len(text) > 5 and "internal error" not in text


CASES = [
    *((f"{name} {value!r:.30}", {**FORM, name: value}) for name, values in WRONG.items() for value in values),
    *(
        (f"no {name}", {k: v for k, v in FORM.items() if k != name})
        for name in ("id", "name", "meta", "params")
    ),
    *((f"params {params}", {**FORM, "params": params}) for params in WRONG_PARAMS),
    *((f"meta {meta}", {**FORM, "meta": meta}) for meta in WRONG_META),
]


@pytest.mark.parametrize("form", [form for _, form in CASES], ids=[name for name, _ in CASES])
async def test_a_wrong_form_is_refused_and_makes_nothing(client, form: dict[str, Any]) -> None:
    answer = await client.post(f"{API}/create", json=form)
    assert is_clear(answer), answer.text
    assert (await client.get(f"{API}/list")).json()["total"] == 0


@pytest.mark.parametrize(
    "identifier", ["../../etc/passwd", "a/b/c/d/e", "%2e%2e", "böse-ä", "x" * 256, "@1", "a:b:c"]
)
async def test_an_odd_id_is_an_id(client, identifier: str) -> None:
    answer = await client.post(f"{API}/create", json={**FORM, "id": identifier})
    assert (answer.status_code, answer.json()["id"]) == (200, identifier)
    shown = await client.get(f"{API}/model", params={"id": identifier})
    assert shown.json()["id"] == identifier
    chat = {"model": identifier, "messages": [{"role": "user", "content": "hi"}]}
    assert (await client.post("/api/chat/completions", json=chat)).status_code == 200
    assert (await client.post(f"{API}/model/delete", json={"id": identifier})).json() is True


@pytest.mark.parametrize(
    "picture",
    [
        "javascript:x",
        "data:text/html;base64,eA==",
        "data:image/svg+xml;base64,eA==",
        "//evil",
        7,
        [],
        "x" * 10,
        "data:image/png;base64,eA==",
        "data:image/png;base64,!!!!",
        "data:image/jpeg;base64,iVBORw0KGgo=",
        "data:image/webp;base64,UklGRgAAAABXQVZF",
    ],
)
async def test_a_picture_that_is_none_is_left_out(client, picture: object) -> None:
    tree = (await client.post(f"{API}/create", json={**FORM, "meta": {"profile_image_url": picture}})).json()
    assert tree["meta"]["profile_image_url"] is None


PICTURES = {
    "png": "iVBORw0KGgo=",
    "jpeg": "/9j/4AAQSkZJRg==",
    "gif": "R0lGODlhAQABAA==",
    "webp": "UklGRgAAAABXRUJQVlA4IA==",
}


@pytest.mark.parametrize("kind", PICTURES)
async def test_a_picture_that_is_one_is_kept(client, kind: str) -> None:
    picture = f"data:image/{kind};base64,{PICTURES[kind]}"
    tree = (await client.post(f"{API}/create", json={**FORM, "meta": {"profile_image_url": picture}})).json()
    assert tree["meta"]["profile_image_url"] == picture
    image = await client.get(f"{API}/model/profile/image", params={"id": FORM["id"]})
    assert image.headers["content-type"] == f"image/{kind}"


async def everywhere(client: Any, identifier: str) -> list[Any]:
    """What each route that takes an id in the query or the body answers."""
    at, body = {"id": identifier}, {**FORM, "id": identifier}
    return [
        await client.get(f"{API}/model", params=at),
        await client.get(f"{API}/model/history", params=at),
        await client.get(f"{API}/model/history/x", params=at),
        await client.delete(f"{API}/model/history/x", params=at),
        await client.post(f"{API}/model/update/version", params=at, json={"version_id": "x"}),
        await client.post(f"{API}/model/toggle", params=at),
        await client.post(f"{API}/model/update", json=body),
        await client.post(f"{API}/model/delete", json=at),
        await client.get(f"{API}/export", params={"ids": identifier}),
        await client.post("/api/models/unload", json={"model": identifier}),
        await client.post("/api/chat/completions", json={"model": identifier, "messages": []}),
        await client.post("/api/embeddings", json={"model": identifier, "input": "x"}),
    ]


@pytest.mark.parametrize(
    "identifier", ["a b", "", " ", "x" * 257, "../../etc/passwd", "a\u0000b", "..", "@", "/"]
)
async def test_an_id_of_nothing_is_refused_everywhere(client, identifier: str) -> None:
    for answer in await everywhere(client, identifier):
        assert is_clear(answer), (answer.request.url, answer.text)
        assert "passwd" not in answer.text
    image = await client.get(f"{API}/model/profile/image", params={"id": identifier})
    assert (image.status_code, image.headers["location"]) == (302, "/static/favicon.png")


@pytest.mark.parametrize("grant", [{}, {"principal_type": "user"}, {"permission": 7, "principal_id": {}}])
async def test_what_is_no_grant_is_passed_over_and_gives_nothing(client, grant: dict[str, Any]) -> None:
    await client.post(f"{API}/create", json=FORM)
    body = {"id": FORM["id"], "access_grants": [grant]}
    answer = await client.post(f"{API}/model/access/update", json=body)
    assert (answer.status_code, answer.json()["access_grants"]) == (200, [])


@pytest.mark.parametrize(
    "url", ["data:image/png;base64,!", "data:text/html;base64,eA==", "http://127.0.0.1/x.png", 7, "", {}]
)
async def test_an_image_that_is_none_is_refused(client, url: object) -> None:
    part = {"type": "image_url", "image_url": {"url": url}}
    chat = {"model": "test", "messages": [{"role": "user", "content": [part]}]}
    answer = await client.post("/api/chat/completions", json=chat)
    assert is_clear(answer), answer.text
    assert "messages.0.content.0" in answer.text or "image URLs are not currently supported" in answer.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/model", None),
        ("GET", "/list?page=x", None),
        ("POST", "/model/toggle", None),
        ("POST", "/model/delete", {}),
        ("POST", "/model/delete", {"id": 7}),
        ("POST", "/model/update", {}),
        ("POST", "/model/update/version?id=test", {"version_id": 7}),
        ("POST", "/model/access/update", {"id": "test"}),
        ("POST", "/model/access/update", {"id": "a b", "access_grants": []}),
        ("POST", "/import", {"models": 7}),
        ("POST", "/import", {"models": [7]}),
        ("POST", "/import", {"models": [{"id": "x", "name": 7}]}),
        ("POST", "/import", {"models": [{"id": "x", "name": "x", "meta": 7}]}),
        ("POST", "/sync", {"models": [{}]}),
        ("POST", "/sync", {"models": 7}),
    ],
)
async def test_other_routes_refuse_what_they_cannot_read(client, method: str, path: str, body: Any) -> None:
    answer = await client.request(method, API + path, json=body)
    assert is_clear(answer), answer.text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"model": "test"},
        {"model": 7, "messages": []},
        {"model": "test", "messages": 7},
        {"model": "test", "messages": [7]},
        {"model": "test", "messages": [{"role": "ghost", "content": "x"}]},
        {"model": "test", "messages": [{"role": "user", "content": 7}]},
        {"model": "test", "messages": [{"role": "user", "content": [{"type": "video"}]}]},
        {"model": "test", "messages": [{"role": "user", "content": "x"}], "stream": "yes"},
        {"model": "test", "messages": [{"role": "user", "content": "x"}], "params": []},
        {"model": "test", "messages": [{"role": "user", "content": "x"}], "temperature": "hot"},
        {"model": "test", "messages": [{"role": "user", "content": "x"}], "tools": [7]},
        {"model": "test", "messages": [{"role": "user", "content": "x"}], "tool_choice": "sometimes"},
        {"model": "test", "messages": [{"role": "user", "content": "x"}], "response_format": 7},
    ],
)
async def test_a_wrong_chat_is_refused(client, body: dict[str, Any]) -> None:
    answer = await client.post("/api/chat/completions", json=body)
    assert is_clear(answer), answer.text
