"""Every method of the platform's own package that models need, with every argument it has.

A script in which each step is data goes through both of the package's clients, the one that waits
and the asynchronous one. What the package has and the script has not is a failure, too; so is a
field of an answer that is never there, is of another type than the package says, or is none of its.
"""

import inspect
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import ollama
import pytest
from pydantic import BaseModel
from scale_gp import APIStatusError, AsyncSGPClient, DefaultAsyncHttpxClient, DefaultHttpxClient, SGPClient

from tests.clients.sgp_script import ABSENT, ADDED, RESOURCES, SCRIPT, Step
from tools.weights.tiny_ranker import write_ranker

PLUMBING = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}
Seen = dict[type[BaseModel], set[str]]


def methods(resource: Any, path: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every method of a resource and of those below it, by its path."""
    for name, member in inspect.getmembers(type(resource)):
        if name.startswith(("_", "with_")):
            continue
        if inspect.isfunction(member):
            yield f"{path}.{name}", member
        else:
            yield from methods(getattr(resource, name), f"{path}.{name}")


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [SGPClient, AsyncSGPClient])
async def test_the_script_forgets_no_method_and_no_argument(kind: Any) -> None:
    client = kind(base_url="http://localhost", api_key="none")
    async with closing(client):
        pass  # it is looked at, and not used
    wanted = {
        path: set(inspect.signature(method).parameters) - PLUMBING
        for resource in RESOURCES
        for path, method in methods(getattr(client, resource), resource)
    }
    tried: dict[str, set[str]] = {path: set() for path in wanted}
    for step in SCRIPT:
        tried[step.method] |= step.arguments.keys() - PLUMBING
    assert tried == wanted
    assert {step.method for step in SCRIPT} == set(wanted)


@dataclass
class Told:
    """What went over the wire for a step, and what was seen of the package's types."""

    body: Any = None
    texts: list[str] = field(default_factory=list)
    seen: Seen = field(default_factory=dict)

    def note(self, response: httpx.Response) -> None:
        sent = response.request.headers.get("content-type", "")
        self.body = json.loads(response.request.content or "{}") if sent == "application/json" else {}
        self.texts.append(response.text)

    def hear(self, response: httpx.Response) -> None:
        response.read()
        self.note(response)

    async def listen(self, response: httpx.Response) -> None:
        await response.aread()
        self.note(response)

    def trees(self) -> Iterator[Any]:
        """The objects of an answer: it, those of its pages, or the pieces of its stream."""
        for text in self.texts:
            if text.startswith("data:"):
                yield from (json.loads(line[5:]) for line in text.splitlines() if line)
                continue
            tree = json.loads(text)
            found = tree["items"] if isinstance(tree, dict) and "items" in tree else tree
            yield from found if isinstance(found, list) else [found]


@pytest.fixture(scope="module")
def ranker(server: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A model that ranks, which the starter does not."""
    path: Path = tmp_path_factory.mktemp("ranker") / "ranker.gguf"
    write_ranker(path)
    with ollama.Client(host=server) as maker:
        maker.create(model="methods-ranker", files={path.name: maker.create_blob(path)})


@pytest.mark.limit(240)
@pytest.mark.anyio
@pytest.mark.usefixtures("ranker")
@pytest.mark.parametrize("kind", [SGPClient, AsyncSGPClient])
async def test_each_method_answers_what_its_type_says(server: str, kind: Any) -> None:
    name = kind.__name__
    told, kept = Told(), {"title": f"{name}'s Model (new)", "alias": name}
    http: Any = (
        DefaultHttpxClient(event_hooks={"response": [told.hear]})
        if kind is SGPClient
        else DefaultAsyncHttpxClient(event_hooks={"response": [told.listen]})
    )
    client = kind(
        base_url=server,
        api_key="none",
        account_id="methods",
        max_retries=0,
        http_client=http,
        _strict_response_validation=True,
    )
    async with closing(client):
        await follow(client, told, kept)
    missing = {(kind.__name__, name) for kind, names in told.seen.items() for name in absent(kind, names)}
    assert missing == set(ABSENT)


@asynccontextmanager
async def closing(client: Any) -> AsyncIterator[None]:
    """Close a client of either kind in the end."""
    try:
        yield
    finally:
        done = client.close()
        if inspect.isawaitable(done):
            await done


async def follow(client: Any, told: Told, kept: dict[str, str]) -> None:
    """Go through the script; every answer is checked."""
    for step in SCRIPT:
        told.texts.clear()
        status, found = await answered(client, step, kept)
        assert status == step.status, (step, told.texts)
        if status == 200:
            check(step, found, told)
        if step.keeps:
            kept[step.keeps] = getattr(found[0], step.key)


async def answered(client: Any, step: Step, kept: Mapping[str, str]) -> tuple[int, list[Any]]:
    """The status, and what a method answers: one thing, or all of a list or of a stream."""
    try:
        return 200, await called(client, step, kept)
    except APIStatusError as error:
        return error.status_code, []


async def called(client: Any, step: Step, kept: Mapping[str, str]) -> list[Any]:
    method = client
    for name in step.method.split("."):
        method = getattr(method, name)
    found = method(**filled(step.arguments, kept))
    if step.method.endswith((".list", ".list_all")):
        return [each async for each in found] if hasattr(found, "__aiter__") else list(found)
    found = await found if inspect.isawaitable(found) else found
    if step.arguments.get("stream") is True:
        return [each async for each in found] if hasattr(found, "__aiter__") else list(found)
    return [found]


def filled(value: Any, kept: Mapping[str, str]) -> Any:
    """Arguments, with the ids of what was made before in the place of "$name"."""
    if isinstance(value, dict):
        return {name: filled(each, kept) for name, each in value.items()}
    return kept[value[1:]] if isinstance(value, str) and value.startswith("$") else value


def check(step: Step, found: list[Any], told: Told) -> None:
    """An answer is of its type to the letter, and shows what was asked for."""
    assert found, step
    for each, tree in zip(found, told.trees(), strict=True):
        if isinstance(each, BaseModel):
            type(each).model_validate_json(json.dumps(tree), strict=True)
            look(each, told.seen)
            for name, value in told.body.items():
                assert name not in tree or holds(tree[name], value), (step.method, name, tree[name])


def holds(shown: Any, wanted: Any) -> bool:
    """Whether an answer shows what was sent; it may say more."""
    if isinstance(wanted, dict) and isinstance(shown, dict):
        return all(name in shown and holds(shown[name], value) for name, value in wanted.items())
    return bool(shown == wanted)


def look(found: BaseModel, seen: Seen) -> None:
    """Note which fields of which types there are; none that the package does not know."""
    names = seen.setdefault(type(found), set())
    unknown = set(found.model_extra or ()) - ADDED.get(type(found).__name__, set())
    assert not unknown or type(found).__name__ == "GenericModelResponse", (type(found), unknown)
    for name in found.model_fields_set & type(found).model_fields.keys():
        value = getattr(found, name)
        if value is not None:
            names.add(name)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, BaseModel):
                look(each, seen)


def absent(kind: type[BaseModel], names: set[str]) -> set[str]:
    return kind.model_fields.keys() - names
