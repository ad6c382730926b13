"""How a client of each dialect does the same things; a new dialect joins VOICES.

What a dialect has no call for is None there.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import anyio
import httpx2

Client: TypeAlias = httpx2.AsyncClient
Question: TypeAlias = list[dict[str, str]]

HI: Final[Question] = [{"role": "user", "content": "hi"}]


@dataclass(frozen=True)
class Voice:
    """A dialect, as its clients speak it.

    `create` makes a model on "test" with a system text, `system` reads it, `update`
    gives it another one; `share` lets everybody use it or nobody; `use` answers a
    status.
    """

    name: str
    listed: Callable[[Client], Awaitable[list[str]]] | None
    use: Callable[[Client, str], Awaitable[int]]
    create: Callable[[Client, str, str], Awaitable[int]] | None = None
    system: Callable[[Client, str], Awaitable[str | None]] | None = None
    update: Callable[[Client, str, str], Awaitable[int]] | None = None
    share: Callable[[Client, str, bool], Awaitable[int]] | None = None
    delete: Callable[[Client, str], Awaitable[int]] | None = None


async def _ollama_create(client: Client, name: str, system: str) -> int:
    body = {"model": name, "from": "test", "system": system, "stream": False}
    return (await client.post("/api/create", json=body)).status_code


async def _ollama_listed(client: Client) -> list[str]:
    return [each["name"] for each in (await client.get("/api/tags")).json()["models"]]


async def _ollama_system(client: Client, name: str) -> str | None:
    answer = await client.post("/api/show", json={"model": name})
    return answer.json().get("system") if answer.status_code == 200 else None


async def _ollama_update(client: Client, name: str, system: str) -> int:
    body = {"model": name, "from": name, "system": system, "stream": False}
    return (await client.post("/api/create", json=body)).status_code


async def _ollama_use(client: Client, name: str) -> int:
    body = {"model": name, "messages": HI, "stream": False}
    return (await client.post("/api/chat", json=body)).status_code


async def _ollama_delete(client: Client, name: str) -> int:
    return (await client.request("DELETE", "/api/delete", json={"model": name})).status_code


async def _openai_listed(client: Client) -> list[str]:
    return [each["id"] for each in (await client.get("/v1/models")).json()["data"]]


async def _openai_use(client: Client, name: str) -> int:
    return (await client.post("/v1/chat/completions", json={"model": name, "messages": HI})).status_code


async def _openai_delete(client: Client, name: str) -> int:
    return (await client.delete(f"/v1/models/{name}")).status_code


async def _claude_listed(client: Client) -> list[str]:
    return [each["id"] for each in (await client.get("/anthropic/v1/models")).json()["data"]]


async def _claude_use(client: Client, name: str) -> int:
    body = {"model": name, "messages": HI, "max_tokens": 9}
    return (await client.post("/v1/messages", json=body)).status_code


async def _webui_create(client: Client, name: str, system: str) -> int:
    form = {"id": name, "name": name, "base_model_id": "test", "meta": {}, "params": {"system": system}}
    return (await client.post("/api/v1/models/create", json=form)).status_code


async def _webui_listed(client: Client) -> list[str]:
    return [each["id"] for each in (await client.get("/api/models")).json()["data"]]


async def _webui_shown(client: Client, name: str) -> dict[str, Any]:
    answer = await client.get("/api/v1/models/model", params={"id": name})
    return answer.json() if answer.status_code == 200 else {"params": {}}


async def _webui_system(client: Client, name: str) -> str | None:
    return (await _webui_shown(client, name))["params"].get("system")


async def _webui_update(client: Client, name: str, system: str) -> int:
    form = await _webui_shown(client, name)
    form["params"] = {**form["params"], "system": system}
    return (await client.post("/api/v1/models/model/update", json=form)).status_code


async def _webui_use(client: Client, name: str) -> int:
    return (await client.post("/api/chat/completions", json={"model": name, "messages": HI})).status_code


async def _webui_share(client: Client, name: str, shared: bool) -> int:
    grants = [{"principal_type": "user", "principal_id": "*", "permission": "read"}] if shared else []
    body = {"id": (await _webui_shown(client, name))["id"], "access_grants": grants}
    return (await client.post("/api/v1/models/model/access/update", json=body)).status_code


async def _webui_delete(client: Client, name: str) -> int:
    return (await client.post("/api/v1/models/model/delete", json={"id": name})).status_code


async def _flat_create(client: Client, name: str, system: str) -> int:
    form = {"fileName": name, "modelName": "test", "temperature": 0, "num_ctx": 64, "system": system}
    return (await client.post("/create-model", json=form)).status_code


async def _flat_use(client: Client, name: str) -> int:
    """Leave a prompt and wait for its answer."""
    left = await client.post("/ai", json={"model": name, "prompt": "hi"})
    if left.status_code != 200:
        return left.status_code
    for _ in range(3000):
        answer = await client.get(f"/ai/result/{left.json()['message']}")
        if answer.status_code != 404:
            break
        await anyio.sleep(0.01)
    return answer.status_code


async def _flat_delete(client: Client, name: str) -> int:
    return (await client.delete(f"/delete-model/{name}")).status_code


async def _tiger_listed(client: Client) -> list[str]:
    return [each["name"] for each in (await client.get("/tigercity/v1/models")).json()]


async def _tiger_create(client: Client, name: str, system: str) -> int:
    """It has no word for a system text: Ollama's create says it."""
    form = {"name": name, "description": "", "parent_model": "test"}
    made = (await client.post("/v1/models", json=form)).status_code
    return made if made != 200 else await _ollama_create(client, name, system)


async def _tiger_use(client: Client, name: str) -> int:
    body = {"model": name, "messages": HI}
    return (await client.post("/v1/generate_response", json=body)).status_code


async def _tiger_delete(client: Client, name: str) -> int:
    return (await client.delete(f"/tigercity/v1/models/{name}")).status_code


async def _sgp_create(client: Client, name: str, system: str) -> int:
    body = {
        "name": name,
        "model_type": "CHAT_COMPLETION",
        "account_id": "acme-labs",
        "base_model_id": "test",
        "model_creation_parameters": {"SYSTEM": system},
    }
    return (await client.post("/v4/models", json=body)).status_code


async def _sgp_listed(client: Client) -> list[str]:
    return [each["name"] for each in (await client.get("/v4/models")).json()["items"]]


async def _sgp_parameters(client: Client, name: str) -> dict[str, Any]:
    tree = (await client.get(f"/v4/models/{name}")).json()
    found: dict[str, Any] = tree.get("model_creation_parameters", {})
    return found


async def _sgp_system(client: Client, name: str) -> str | None:
    return (await _sgp_parameters(client, name)).get("SYSTEM")


async def _sgp_update(client: Client, name: str, system: str) -> int:
    changed = {**await _sgp_parameters(client, name), "SYSTEM": system}
    answer = await client.request("PATCH", f"/v4/models/{name}", json={"model_creation_parameters": changed})
    return answer.status_code


async def _sgp_use(client: Client, name: str) -> int:
    return (await client.post("/v4/chat-completions", json={"model": name, "messages": HI})).status_code


async def _sgp_delete(client: Client, name: str) -> int:
    return (await client.delete(f"/v4/models/{name}")).status_code


VOICES: Final = (
    Voice(
        "ollama",
        _ollama_listed,
        _ollama_use,
        create=_ollama_create,
        system=_ollama_system,
        update=_ollama_update,
        delete=_ollama_delete,
    ),
    Voice("openai", _openai_listed, _openai_use, delete=_openai_delete),
    Voice("anthropic", _claude_listed, _claude_use),
    Voice(
        "tigercity",
        _tiger_listed,
        _tiger_use,
        create=_tiger_create,
        system=_ollama_system,
        delete=_tiger_delete,
    ),
    Voice(
        "openwebui",
        _webui_listed,
        _webui_use,
        create=_webui_create,
        system=_webui_system,
        update=_webui_update,
        share=_webui_share,
        delete=_webui_delete,
    ),
    Voice("ai_middleware", None, _flat_use, create=_flat_create, delete=_flat_delete),
    Voice(
        "sgp",
        _sgp_listed,
        _sgp_use,
        create=_sgp_create,
        system=_sgp_system,
        update=_sgp_update,
        delete=_sgp_delete,
    ),
)
