"""What a request costs the database: statements of SQL, counted where they are executed."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx2
import pytest
from sqlalchemy import Engine, event

from modelwright.app import App
from modelwright.core.grants import LOCAL_ADMIN

pytestmark = pytest.mark.anyio

HI = [{"role": "user", "content": "hi"}]


@dataclass
class Count:
    """Statements since it was last emptied, but for those that begin a transaction."""

    seen: list[str] = field(default_factory=list)

    def __call__(self, _connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            self.seen.append(statement)


@pytest.fixture
def count() -> Iterator[Count]:
    counting = Count()
    event.listen(Engine, "before_cursor_execute", counting)
    yield counting
    event.remove(Engine, "before_cursor_execute", counting)


@pytest.fixture
async def key(app: App, client: httpx2.AsyncClient) -> dict[str, str]:
    """The key of a user, with whom an admin shared a model; as a request brings it along."""
    rights = app.services.rights
    body = {"model": "shared", "from": "starter", "system": "x", "stream": False}
    assert (await client.post("/api/create", json=body)).status_code == 200
    await rights.accounts.add_user(LOCAL_ADMIN, "ann")
    bob = await rights.accounts.add_user(LOCAL_ADMIN, "bob")
    await rights.sharing.grant(LOCAL_ADMIN, "shared", "bob", "use")
    return {"x-api-key": (await rights.accounts.add_key(LOCAL_ADMIN, bob)).secret}


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize(("model", "most"), [("library/shared", 1), ("shared", 2)])
async def test_a_chat_finds_and_authorizes_in_one_statement(
    client: httpx2.AsyncClient, key: dict[str, str], count: Count, path: str, model: str, most: int
) -> None:
    """A bare name is looked for twice: in one's own namespace, then in the library."""
    body = {"model": model, "messages": HI, "stream": False, "max_tokens": 4}
    for turn in range(3):
        count.seen.clear()
        assert (await client.post(path, json=body, headers=key)).status_code == 200
        found = [each for each in count.seen if "FROM models" in each]
        assert turn == 0 or len(found) == len(count.seen) == most, count.seen
