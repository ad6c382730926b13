"""What AI-middleware's clients send, and how they wait for an answer."""

from typing import Any

import anyio
import httpx2

FORM: dict[str, Any] = {
    "fileName": "clarity_4",
    "modelName": "test",
    "temperature": 0.0,
    "num_ctx": 64,
    "system": "You are Mario from Super Mario Bros. Answer as Mario, the assistant, only.",
}


async def ask(client: httpx2.AsyncClient, prompt: str = "hi", model: str = "test", **more: object) -> str:
    answer = await client.post("/ai", json={"model": model, "prompt": prompt, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["message"])


async def answered(client: httpx2.AsyncClient, id: str, tries: int = 3000) -> httpx2.Response:
    """The result, asked for until it is one."""
    for _ in range(tries):
        answer = await client.get(f"/ai/result/{id}")
        if answer.status_code != 404:
            break
        await anyio.sleep(0.01)
    return answer
