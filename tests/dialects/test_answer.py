"""Streams: real statuses before the first event, in-band errors after it, no work for nobody."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from modelwright.core.chat import PLAIN, AnswerOptions, ChatEvent, Message, TextDelta
from modelwright.core.engine_ports import EngineNeeds
from modelwright.core.errors import Unavailable
from modelwright.core.parameters import Parameters
from modelwright.dialects.answer import HEADERS_AFTER, Answer, ClientGone, while_connected
from modelwright.dialects.ollama.writers import ChatWriter
from modelwright.engines.echo import EchoEngines

pytestmark = pytest.mark.anyio

QUESTION = {"model": "test", "messages": [{"role": "user", "content": "one two three"}]}
ROUTES = {
    "/api/chat": QUESTION,
    "/api/generate": {"model": "test", "prompt": "one two three"},
    "/v1/chat/completions": QUESTION,
    "/v1/completions": {"model": "test", "prompt": "one two three"},
}
EACH = pytest.mark.parametrize(("path", "body"), ROUTES.items(), ids=list(ROUTES))
BOTH = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])


class Busy(EchoEngines):
    """An engine whose queue is full."""

    async def chat(
        self,
        needs: EngineNeeds,
        messages: Sequence[Message],
        parameters: Parameters,
        options: AnswerOptions = PLAIN,
    ) -> AsyncGenerator[ChatEvent, None]:
        raise Unavailable("the queue is full", retry_after=7)
        yield


class Dying(EchoEngines):
    """An engine that dies after the first word, of an error we foresaw."""

    async def chat(
        self,
        needs: EngineNeeds,
        messages: Sequence[Message],
        parameters: Parameters,
        options: AnswerOptions = PLAIN,
    ) -> AsyncGenerator[ChatEvent, None]:
        yield TextDelta("one ")
        raise Unavailable("the engine died")


class Broken(EchoEngines):
    """An engine with a mistake in it, which must not show its insides."""

    async def chat(
        self,
        needs: EngineNeeds,
        messages: Sequence[Message],
        parameters: Parameters,
        options: AnswerOptions = PLAIN,
    ) -> AsyncGenerator[ChatEvent, None]:
        yield TextDelta("one ")
        raise RuntimeError("secret")


class Slow(EchoEngines):
    """An engine that reads the prompt for ever, and tells when it was stopped."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.reading = asyncio.Event()
        self.stopped = asyncio.Event()

    async def chat(
        self,
        needs: EngineNeeds,
        messages: Sequence[Message],
        parameters: Parameters,
        options: AnswerOptions = PLAIN,
    ) -> AsyncGenerator[ChatEvent, None]:
        try:
            self.reading.set()
            await asyncio.Event().wait()
            yield TextDelta("never")
        finally:
            self.stopped.set()


def scope(path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
    }


class Client:
    """One request as the web server hands it over; the client can leave."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body: bytes | None = json.dumps(body).encode()
        self._left = asyncio.Event()
        self.sent: list[dict[str, Any]] = []

    def leave(self) -> None:
        self._left.set()

    async def receive(self) -> dict[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


@EACH
@BOTH
async def test_an_error_before_the_first_event_has_its_status(
    opening: Any, path: str, body: dict[str, Any], stream: bool
) -> None:
    async with opening(engines=Busy) as house:
        answer = await house.client.post(path, json={**body, "stream": stream})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "7"
    assert "the queue is full" in answer.text


@EACH
async def test_an_error_after_the_first_event_ends_the_stream(
    opening: Any, path: str, body: dict[str, Any]
) -> None:
    async with opening(engines=Dying) as house:
        answer = await house.client.post(path, json={**body, "stream": True})
    assert answer.status_code == 200
    *_, last = answer.text.strip().splitlines()
    assert "the engine died" in str(json.loads(last.removeprefix("data: "))["error"])
    assert "[DONE]" not in answer.text


@EACH
async def test_an_error_of_a_whole_answer_has_its_status(
    opening: Any, path: str, body: dict[str, Any]
) -> None:
    async with opening(engines=Dying) as house:
        answer = await house.client.post(path, json={**body, "stream": False})
    assert answer.status_code == 503


@EACH
@BOTH
async def test_an_unforeseen_error_shows_nothing_but_its_number(
    opening: Any, path: str, body: dict[str, Any], stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with opening(engines=Broken) as house:
        answer = await house.client.post(path, json={**body, "stream": stream})
    assert answer.status_code == (200 if stream else 500)
    assert "secret" not in answer.text
    assert "internal error" in answer.text
    number = answer.text.partition("internal error ")[2][:12]
    assert number in caplog.text
    assert "secret" in caplog.text


@EACH
@BOTH
async def test_a_client_that_leaves_while_the_prompt_is_read_stops_the_engine(
    opening: Any, path: str, body: dict[str, Any], stream: bool
) -> None:
    async with opening(engines=Slow) as house:
        client = Client({**body, "stream": stream})
        serving = asyncio.create_task(house.app(scope(path), client.receive, client.send))
        await asyncio.wait_for(house.engine.reading.wait(), 20)
        client.leave()
        await asyncio.wait_for(house.engine.stopped.wait(), 10)
        await asyncio.wait_for(serving, 10)
        assert client.sent == []


async def test_a_client_that_leaves_while_an_embedding_is_made_stops_it(opening: Any) -> None:
    class Embedding(Slow):
        async def embed(self, needs: Any, inputs: Any, *, truncate: bool) -> Any:
            async for _ in self.chat(needs, (), Parameters()):
                pass

    async with opening(engines=Embedding) as house:
        client = Client({"model": "test", "input": "x"})
        serving = asyncio.create_task(house.app(scope("/api/embed"), client.receive, client.send))
        await asyncio.wait_for(house.engine.reading.wait(), 20)
        client.leave()
        await asyncio.wait_for(house.engine.stopped.wait(), 10)
        await asyncio.wait_for(serving, 10)


async def test_the_headers_do_not_wait_for_ever() -> None:
    """Clients such as ollama4j give up when none comes within 10 s."""
    assert HEADERS_AFTER < 10
    gate = asyncio.Event()

    async def events() -> AsyncGenerator[ChatEvent, None]:
        await gate.wait()
        yield TextDelta("late")

    client = Client({})
    await client.receive()
    reply = Answer(events(), ChatWriter("m"), stream=True, headers_after=0.01)
    serving = asyncio.create_task(reply(scope("/api/chat"), client.receive, client.send))
    while not client.sent:
        await asyncio.sleep(0.01)
    assert client.sent[0]["status"] == 200
    gate.set()
    await serving
    assert b'"content":"late"' in b"".join(message.get("body", b"") for message in client.sent)


async def test_work_is_over_when_its_client_is_known_to_have_gone() -> None:
    closed = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            closed.set()

    client = Client({})
    await client.receive()
    client.leave()
    with pytest.raises(ClientGone):
        await while_connected(client.receive, work())
    assert closed.is_set()
