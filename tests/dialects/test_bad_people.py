"""Bad input on the routes about people, rights and Open WebUI's models.

As on all others: a clear 4xx in the dialect's own shape, and nothing changed.
"""

import json
from typing import Any

import httpx2
import pytest

from tests.dialects.people_bodies import NATIVE, OPENWEBUI, TRAINING
from tests.dialects.test_bad_bodies import RAW

pytestmark = pytest.mark.anyio

BOTH = NATIVE | OPENWEBUI
ODD: list[object] = [7, True, {"a": 1}, [7], "\x00", "x" * 100_000, "\u202e"]
"""For a field that is a text; each is wrong in type, length or shape."""
FREE = {"description", "commit_message", "bio", "meta", "params", "base_model_id", "is_active"}
"""Fields that may hold much, or that test_openwebui_bad_input tries one by one."""


async def send(town: Any, route: str, content: bytes) -> httpx2.Response:
    method, path = route.split()
    place = path.replace("{group}", town.ids["devs"]).replace("{user}", town.ids["bob"])
    return await town["ann"].request(method, place, content=content)  # type: ignore[no-any-return]  # a fixture's


def message(answer: httpx2.Response) -> str:
    """The message of a refusal, in the shape of its dialect."""
    tree = answer.json()
    if "error" in tree and isinstance(tree["error"], str):
        return str(tree["error"])
    if "param" in tree.get("error", ()):
        return str(tree["error"]["message"])
    if "error" in tree:
        assert set(tree["error"]) == {"kind", "message", "field", "hint"}
        return str(tree["error"]["message"])
    detail = tree["detail"]
    return detail if isinstance(detail, str) else str(detail[0]["msg"])


async def everything(town: Any) -> list[object]:
    """All that could have been made or lost; a good sign-in makes a session, which is no matter."""
    paths = ("users", "groups", "accounts", "models", "grants?model=test", "quotas?user=bob")
    return [(await town["ann"].get(f"/api/modelwright/{path}")).json() for path in paths]


def is_clear(answer: httpx2.Response) -> bool:
    return 400 <= answer.status_code < 500 and "internal error" not in message(answer)


async def test_every_bad_body_about_people_is_refused(town: Any) -> None:
    before = await everything(town)
    for route in BOTH | TRAINING:
        for name, content in RAW.items():
            answer = await send(town, route, content)
            refused = is_clear(answer) or (content == b"" and "/models/sync" in route)
            assert refused, (route, name, answer.text)
    assert await everything(town) == before


FIELDS = [
    (route, name, odd)
    for route, body in BOTH.items()
    for name, good in body.items()
    if name not in FREE and isinstance(good, str) and not (name == "name" and "/models/" in route)
    for odd in ODD
]


async def test_every_field_about_people_is_refused_when_it_is_odd(town: Any) -> None:
    before = await everything(town)
    for route, name, odd in FIELDS:
        answer = await send(town, route, json.dumps({**BOTH[route], name: odd}).encode())
        assert is_clear(answer), (route, name, str(odd)[:20], answer.status_code, answer.text[:200])
    assert await everything(town) == before


LISTS = [(route, name) for route, body in BOTH.items() for name in body if isinstance(body[name], list)]


async def test_every_list_about_people_is_a_list_of_the_right_things(town: Any) -> None:
    before = await everything(town)
    for route, name in LISTS:
        for odd in (7, "x", {"a": 1}, [[]], [{}, 7], [None]):
            answer = await send(town, route, json.dumps({**BOTH[route], name: odd}).encode())
            assert is_clear(answer), (route, name, odd, answer.status_code, answer.text[:200])
    assert await everything(town) == before


OBJECTS = [(route, name) for route, body in BOTH.items() for name in body if isinstance(body[name], dict)]


async def test_every_object_about_people_is_an_object(town: Any) -> None:
    before = await everything(town)
    for route, name in OBJECTS:
        for odd in (7, "x", True, [], [{}]):
            answer = await send(town, route, json.dumps({**BOTH[route], name: odd}).encode())
            assert is_clear(answer), (route, name, odd, answer.status_code, answer.text[:200])
            assert name in answer.text, (route, name, answer.text[:200])
    assert await everything(town) == before


@pytest.mark.parametrize("most", ["3", 1.5, True, -1, 2**60, [], {}])
async def test_a_limit_is_a_number(town: Any, most: object) -> None:
    body = {**NATIVE["PUT /api/modelwright/quotas"], "most": most}
    answer = await send(town, "PUT /api/modelwright/quotas", json.dumps(body).encode())
    assert answer.status_code == 400
    assert "most" in answer.text


async def test_the_good_bodies_about_people_are_good(town: Any) -> None:
    """Otherwise the tests above would pass for nothing."""
    missing = {"DELETE /api/modelwright/keys", "POST /api/v1/models/model/update/version"}
    for route in sorted(BOTH, key=lambda route: (route.startswith("DELETE"), "delete" in route)):
        answer = await send(town, route, json.dumps(BOTH[route]).encode())
        town["ann"].cookies.clear()  # signing in sets one, and two credentials are one too many
        gone = route in missing or answer.status_code == 404
        assert answer.status_code in (200, 201) or gone, (route, answer.text)
