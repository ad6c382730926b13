"""Every route of every dialect, by everybody, on own, foreign, absent and revoked models."""

import re
from collections.abc import AsyncIterator

import httpx2
import pytest

from modelwright.core.grants import Verb
from tools.docs.__main__ import ROOT, WALKED
from tools.docs.rights import rights
from tools.docs.rights_walk import (
    EXPECTED,
    NAMELESS,
    NOT_BUILT,
    REQUESTS,
    SAID,
    Town,
    plain,
    routes,
    town,
    walk,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def place() -> AsyncIterator[Town]:
    async with town() as opened:
        yield opened


@pytest.mark.limit(240)
async def test_every_route_gives_everybody_what_the_table_says(place: Town) -> None:
    cells = await walk(place)
    wrong = [cell for cell in cells if cell.outcome != cell.expected]
    assert not wrong, "\n".join(
        f"{cell}, expected {cell.expected}: {cell.answer.text[:200]}" for cell in wrong
    )
    untried = {call for call, _, _ in routes(place.app.asgi)} - {cell.call for cell in cells}
    assert {plain(call) for call in untried} == NOT_BUILT
    assert (ROOT / WALKED).read_text() == rights(cells), "the page is stale; `make docs` writes it anew"


def test_the_table_says_something_of_every_verb() -> None:
    assert set(EXPECTED) == {verb.value for verb in Verb}


def plainly(answer: httpx2.Response, model: str) -> tuple[int, list[tuple[str, str]], str]:
    """An answer without what was asked for, and the id that Anthropic's dialect gives a request."""
    number = answer.headers.get("request-id", "-")
    headers = [(name, value.replace(number, "ID")) for name, value in answer.headers.items()]
    text = re.sub(r"dep-[0-9a-f]{24}", "DEPLOYMENT", answer.text)
    return answer.status_code, headers, text.replace(model, "NAME").replace(number, "ID")


async def test_what_may_not_be_known_is_as_what_is_absent(place: Town) -> None:
    """Status, header fields and body are the same, byte by byte, but for the name."""
    for call, verb, second in routes(place.app.asgi):
        if second or EXPECTED[verb]["stranger"] != "404" or call in NOT_BUILT or call in NAMELESS:
            continue
        answers = []
        for kind in ("foreign", "absent"):
            model = await place.model(kind, "stranger")
            answer = await place.ask(call, "stranger", model)
            answers.append(plainly(answer, model))
        assert answers[0] == answers[1], call
        assert answers[0][0] == int(SAID.get(call, ("404", ""))[0]), call


async def test_no_list_tells_of_a_model_that_may_not_be_known(place: Town) -> None:
    name = await place.model("foreign", "stranger")
    for call, verb, _ in routes(place.app.asgi):
        if verb == "list":
            answer = await place.ask(call, "stranger", "starter")
            assert name.partition("/")[2] not in answer.text, call
    seen = await place.client.get("/api/tags", headers={"x-api-key": place.keys["owner"]})
    assert name.partition("/")[2] in seen.text


async def test_nobody_but_who_may_write_can_overwrite(place: Town) -> None:
    expected = {"anonymous": 401, "write": 200, "owner": 200, "admin": 200}
    for actor in ("anonymous", "stranger", "use", "read", "derive", "write", "owner", "admin"):
        found = []
        for kind in ("foreign", "absent"):
            model = await place.model(kind, actor)
            headers = {"x-api-key": place.keys[actor]} if actor != "anonymous" else {}
            body = {"model": model, "from": "starter", "stream": False}
            answer = await place.client.post("/api/create", json=body, headers=headers)
            found.append((answer.status_code, answer.text.replace(model, "NAME")))
        assert found[0][0] == expected.get(actor, 403), actor
        assert actor != "stranger" or found[0] == found[1]


async def test_every_request_of_its_own_is_for_a_route_that_is_there(place: Town) -> None:
    assert set(REQUESTS) <= {call for call, _, _ in routes(place.app.asgi)}
