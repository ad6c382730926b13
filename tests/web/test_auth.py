"""Who is asking: every carrier, every way to be nobody, and what a key may not."""

import base64
from collections.abc import AsyncIterator, Mapping

import httpx2
import pytest

from modelwright.app import open_app
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.settings import load
from tools.docs.rights_walk import Town, town

pytestmark = pytest.mark.anyio


@pytest.fixture
async def place() -> AsyncIterator[Town]:
    async with town() as opened:
        yield opened


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def carriers(key: str) -> Mapping[str, Mapping[str, str]]:
    return {
        "bearer": {"Authorization": f"Bearer {key}"},
        "lower bearer": {"authorization": f"bearer {key}"},
        "basic password": {"Authorization": basic(f"anybody:{key}")},
        "basic name": {"Authorization": basic(f"{key}:")},
        "x-api-key": {"x-api-key": key},
        "token": {"Token": key},
        "cookie": {"Cookie": f"theme=dark; token={key}"},
        "the same twice": {"x-api-key": key, "Authorization": f"Bearer {key}"},
    }


async def test_a_key_is_known_by_every_carrier(place: Town) -> None:
    for carrier, headers in carriers(place.keys["owner"]).items():
        answer = await place.client.get("/api/modelwright/me", headers=headers)
        assert (answer.status_code, answer.json()["name"]) == (200, "owner"), carrier


async def test_a_wrong_key_is_nobodys_by_every_carrier(place: Town) -> None:
    wrong = place.keys["owner"][:-3] + "AAA"
    for carrier, headers in carriers(wrong).items():
        answer = await place.client.get("/api/tags", headers=headers)
        assert answer.status_code == 401, carrier
        assert wrong not in answer.text
        assert "Bearer" in answer.headers["www-authenticate"]


async def test_two_credentials_at_once_are_refused(place: Town) -> None:
    ours, theirs = place.keys["owner"], place.keys["admin"]
    for carrier, headers in carriers(theirs).items():
        mixed = {"x-api-key": ours, **headers} if "x-api-key" not in headers else {"Token": ours, **headers}
        answer = await place.client.get("/api/tags", headers=mixed)
        assert answer.status_code == 400, carrier
        assert "two different credentials" in answer.text


async def test_two_cookies_of_one_name_are_two_credentials(place: Town) -> None:
    """Which of two a browser sends first is whoever set the second one's to choose."""
    ours, theirs = f"token={place.keys['owner']}", f"token={place.keys['admin']}"
    for fields in ([f"{ours}; {theirs}"], [ours, theirs], [f"{ours}; theme=dark; {theirs}"]):
        headers = [("cookie", field) for field in fields]
        answer = await place.client.get("/api/tags", headers=headers)
        assert (answer.status_code, "two different credentials" in answer.text) == (400, True), fields
    same = await place.client.get("/api/tags", headers=[("cookie", f"{ours}; {ours}")])
    assert same.status_code == 200


@pytest.mark.parametrize(
    "value", ["Basic !!!", "Basic", "Bearer", "Bearer  ", "Digest x=y", "Basic /w==", "\xff"]
)
async def test_an_odd_authorization_is_nobody(place: Town, value: str) -> None:
    answer = await place.client.get("/api/tags", headers=[(b"authorization", value.encode("latin-1"))])
    assert answer.status_code == 401


async def test_guessing_is_slowed_down(place: Town) -> None:
    statuses = []
    for number in range(25):
        answer = await place.client.get("/api/tags", headers={"Token": f"guess-{number}"})
        statuses.append(answer.status_code)
    assert statuses == [401] * 20 + [429] * 5
    assert 0 < int(answer.headers["retry-after"]) <= 60


async def test_a_key_may_only_what_its_scopes_say(place: Town) -> None:
    mine, others = await place.model("own", "owner"), await place.model("own", "owner")
    admin = {"x-api-key": place.keys["owner"]}
    body = {"verbs": ["use", "list", "self"], "dialects": ["ollama", "modelwright"], "models": [mine]}
    made = (await place.client.post("/api/modelwright/keys", json=body, headers=admin)).json()
    headers = {"x-api-key": made["key"]}
    listed = (await place.client.get("/api/tags", headers=headers)).json()["models"]
    assert [f"owner/{model['name']}" for model in listed] == [f"{mine}:latest"]
    asked = {"prompt": "hello", "stream": False}
    for model, status in ((mine, 200), (others, 404), ("starter", 404)):
        answer = await place.client.post("/api/generate", json={"model": model, **asked}, headers=headers)
        assert answer.status_code == status, model
    assert (await place.client.get("/v1/models", headers=headers)).status_code == 403
    assert (await place.client.post("/api/show", json={"model": mine}, headers=headers)).status_code == 403
    again = await place.client.post("/api/modelwright/keys", json={}, headers=headers)
    assert again.status_code == 403, "a key with scopes makes none without"


LISTS = {
    "ollama": "/ollama/api/tags",
    "openai": "/openai/v1/models",
    "anthropic": "/anthropic/v1/models",
    "openwebui": "/openwebui/api/models",
    "tigercity": "/tigercity/v1/models",
    "sgp": "/sgp/v4/models",
    "modelwright": "/modelwright/api/modelwright/models",
}
"""Where each dialect lists models, in its pure form; AI-middleware has no list."""

USES = {
    "/ollama/api/chat": (404, {}),
    "/openai/v1/chat/completions": (404, {}),
    "/anthropic/v1/messages": (404, {"max_tokens": 4}),
    "/openwebui/api/chat/completions": (400, {}),
    "/openwebui/api/v1/messages": (400, {"max_tokens": 4}),
    "/tigercity/v1/generate_response": (404, {}),
    "/sgp/v4/chat-completions": (404, {}),
    "/ai_middleware/ai": (404, {"prompt": "x"}),
}
"""Where each dialect uses one; what it says of one that is not there; what else it wants."""


async def test_every_carrier_is_one_in_every_dialect(place: Town) -> None:
    left = {"model": "starter", "prompt": "x"}
    asked = [*(("GET", path, None) for path in LISTS.values()), ("POST", "/ai_middleware/ai", left)]
    for method, path, body in asked:
        for carrier, headers in carriers(place.keys["use"]).items():
            answer = await place.client.request(method, path, json=body, headers=headers)
            assert answer.status_code == 200, (path, carrier, answer.text)
        wrong = carriers(place.keys["use"][:-1] + "!")["basic password"]
        assert (await place.client.request(method, path, json=body, headers=wrong)).status_code == 401, path
        two = {"x-api-key": place.keys["use"], "Token": place.keys["read"]}
        both = await place.client.request(method, path, json=body, headers=two)
        assert (both.status_code, "two different credentials" in both.text) == (400, True), path


async def test_a_key_for_one_model_reaches_no_other_in_any_dialect(place: Town) -> None:
    mine, others = await place.model("own", "owner"), await place.model("own", "owner")
    owner = {"x-api-key": place.keys["owner"]}
    made = await place.client.post("/api/modelwright/keys", json={"models": [mine]}, headers=owner)
    narrow = {"x-api-key": made.json()["key"]}
    for path in LISTS.values():
        wide, shown = [(await place.client.get(path, headers=each)).text for each in (owner, narrow)]
        word = {name: name.partition("/")[2] for name in (mine, others)}
        assert [word[name] in wide for name in (mine, others)] == [True, True], path
        assert [word[name] in shown for name in (mine, others)] == [True, False], path
    for path, (absent, more) in USES.items():
        for name, status in ((mine, 200), (others, absent)):
            body = {"model": name, "messages": [{"role": "user", "content": "x"}], "stream": False, **more}
            answer = await place.client.post(path, json=body, headers=narrow)
            assert answer.status_code == status, (path, name, answer.text)


async def test_a_key_for_one_dialect_opens_no_other(place: Town) -> None:
    owner, left = {"x-api-key": place.keys["owner"]}, {"model": "starter", "prompt": "x"}
    doors = {name: ("GET", path, None) for name, path in LISTS.items()}
    asked = {**doors, "ai_middleware": ("POST", "/ai_middleware/ai", left)}
    for dialect in asked:
        made = await place.client.post("/api/modelwright/keys", json={"dialects": [dialect]}, headers=owner)
        narrow = {"x-api-key": made.json()["key"]}
        for name, (method, path, body) in asked.items():
            answer = await place.client.request(method, path, json=body, headers=narrow)
            assert answer.status_code == (200 if name == dialect else 403), (dialect, path, answer.text)


async def test_a_revoked_key_is_refused_in_every_dialect_at_once(place: Town) -> None:
    owner = {"x-api-key": place.keys["owner"]}
    paths = [("GET", path) for path in LISTS.values()] + [("POST", "/ai_middleware/ai")]
    for method, path in paths:
        made = (await place.client.post("/api/modelwright/keys", json={}, headers=owner)).json()
        headers, statuses = {"Token": made["key"]}, []
        for _ in range(2):
            body = {"model": "starter", "prompt": "x"} if method == "POST" else None
            answer = await place.client.request(method, path, json=body, headers=headers)
            statuses.append(answer.status_code)
            await place.client.request(
                "DELETE", "/api/modelwright/keys", json={"key": made["id"]}, headers=owner
            )
        assert statuses == [200, 401], path


async def test_a_browser_s_page_comes_in_from_where_ollama_origins_says(tmp_path) -> None:
    settings = load({"home": str(tmp_path), "engine": "echo"}, {"OLLAMA_ORIGINS": "https://chat.example.com"})
    wanted = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang,anthropic-version",
    }
    async with open_app(settings) as app:
        transport = httpx2.ASGITransport(app=app.asgi)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for path in USES:
                for origin, status in (("https://chat.example.com", 204), ("https://evil.example.com", 403)):
                    answer = await client.options(path, headers={"Origin": origin, **wanted})
                    assert answer.status_code == status, (path, origin)
                    allowed = answer.headers.get("access-control-allow-origin")
                    assert allowed == (origin if status == 204 else None)
                    headers = answer.headers.get("access-control-allow-headers", "")
                    assert ("x-stainless-lang" in headers) == (status == 204)
                unknown = await client.get(path, headers={"Host": "evil.example.com"})
                assert unknown.status_code == 403, path


async def test_who_is_pending_may_nothing_yet(place: Town) -> None:
    accounts = place.app.services.rights.accounts
    user = await accounts.add_user(LOCAL_ADMIN, "newcomer", "pending")
    headers = {"x-api-key": (await accounts.add_key(LOCAL_ADMIN, user)).secret}
    assert (await place.client.get("/api/modelwright/me", headers=headers)).status_code == 200
    assert (await place.client.get("/api/tags", headers=headers)).status_code == 403
    await accounts.change_user(LOCAL_ADMIN, "newcomer", role="user")
    assert (await place.client.get("/api/tags", headers=headers)).status_code == 200


async def test_signing_in_over_http(place: Town) -> None:
    accounts = place.app.services.rights.accounts
    await accounts.change_user(LOCAL_ADMIN, "owner", email="o@example.com", password="long enough")
    wrong = {"email": "o@example.com", "password": "not this one"}
    assert (await place.client.post("/api/modelwright/signin", json=wrong)).status_code == 401
    right = wrong | {"password": "long enough"}
    answer = (await place.client.post("/api/modelwright/signin", json=right)).json()
    me = await place.client.get("/api/modelwright/me", headers={"Cookie": f"token={answer['key']}"})
    assert me.json()["name"] == "owner"
    assert answer["expires_at"]


async def test_quotas_are_said_with_429_and_when_to_come_back(place: Town) -> None:
    owner = place.users["owner"].acting()
    await place.app.services.rights.quotas.set(owner, "requests_per_minute", 2)
    headers = {"x-api-key": place.keys["owner"]}
    answers = [await place.client.get("/api/tags", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[2].headers["retry-after"]) <= 60
    assert "requests_per_minute = 2" in answers[2].text


async def test_a_stream_that_ended_makes_room_for_the_next(place: Town) -> None:
    await place.app.services.rights.quotas.set(place.users["owner"].acting(), "streams", 1)
    model, headers = await place.model("own", "owner"), {"x-api-key": place.keys["owner"]}
    for _ in range(3):
        answer = await place.client.post(
            "/api/generate", json={"model": model, "prompt": "hi"}, headers=headers
        )
        assert answer.status_code == 200
    bad = await place.client.post("/api/generate", json={"model": "nothing", "prompt": "hi"}, headers=headers)
    assert bad.status_code == 404


async def test_without_people_every_credential_is_passed_over(client: httpx2.AsyncClient) -> None:
    answer = await client.get(
        "/api/tags", headers={"Authorization": "Bearer sk-anything", "x-api-key": "else"}
    )
    assert answer.status_code == 200


async def test_the_open_routes_tell_strangers_nothing(place: Town) -> None:
    server = (
        await place.client.get("/api/modelwright/server", headers={"x-forwarded-for": "192.0.2.1"})
    ).json()
    assert set(server) == {"name", "version", "started_at"}
    page = await place.client.get("/", headers={"Accept": "text/html"})
    assert "starter" not in page.text


async def test_only_names_that_were_given_are_answered_to(tmp_path) -> None:
    settings = load({"home": str(tmp_path), "engine": "echo", "hosts": "models.example"}, {})
    async with open_app(settings) as app:
        transport = httpx2.ASGITransport(app=app.asgi)
        async with httpx2.AsyncClient(transport=transport) as client:
            for host, status in (("models.example", 200), ("localhost", 200), ("evil.example", 403)):
                assert (await client.get(f"http://{host}/api/tags")).status_code == status
