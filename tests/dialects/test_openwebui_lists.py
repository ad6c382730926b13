"""Lists of many models, which cost no more statements than lists of few."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from tests.dialects.openwebui_forms import API

pytestmark = pytest.mark.anyio

LISTS = (f"{API}/list", f"{API}/all", f"{API}/base", "/api/models", "/api/tags", "/v1/models")


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are executed meanwhile, on whatever engine."""
    statements: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def statements_of(client, path: str) -> int:
    """The fewest of three: what admins chose is looked up once a second."""
    counts = []
    for _ in range(3):
        with counted() as statements:
            assert (await client.get(path)).status_code == 200
        counts.append(len(statements))
    return min(counts)


async def add(client, numbers: range) -> None:
    for number in numbers:
        form = {"id": f"preset-{number}", "name": "x", "base_model_id": "test", "meta": {}}
        answer = await client.post(f"{API}/create", json={**form, "params": {"system": f"You are {number}"}})
        assert answer.status_code == 200, answer.text


async def test_a_list_takes_the_same_statements_for_300_models(client) -> None:
    await add(client, range(1))
    few = {path: await statements_of(client, path) for path in LISTS}
    await add(client, range(1, 300))
    assert {path: await statements_of(client, path) for path in LISTS} == few
    rows = (await client.get(f"{API}/all")).json()
    assert {row["params"]["system"] for row in rows} == {f"You are {number}" for number in range(300)}
    assert {row["base_model_id"] for row in rows} == {"test"}
    assert len((await client.get("/api/models")).json()["data"]) == 302
