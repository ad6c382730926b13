"""Endpoints: only what is allowed is asked, wherever it redirects to."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream

from modelwright.core.errors import Denied, Invalid, Unavailable
from modelwright.core.external import External, checked_route
from modelwright.external.endpoints import Endpoints
from modelwright.registries.traffic import Guarded, Traffic

pytestmark = pytest.mark.anyio

Ask = Callable[..., Awaitable[Any]]


class Service:
    """An HTTP service on the loopback address; `answers` by path."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {"/readyz": (200, {}, b"ok")}
        self.asked: list[tuple[str, bytes]] = []
        self.port = 0

    async def serve(self, stream: SocketStream) -> None:
        async with stream:
            head, body = (await stream.receive()).split(b"\r\n\r\n", 1)
            length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                           if line.startswith(b"content-length")), 0)  # fmt: skip
            while len(body) < length:
                body += await stream.receive()
            method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
            self.asked.append((f"{method} {path}", body))
            status, headers, content = self.answers.get(path, (404, {}, b"no such thing"))
            lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            await stream.send("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    found = Service()
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    found.port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with anyio.create_task_group() as group:
        group.start_soon(listener.serve, found.serve)
        yield found
        group.cancel_scope.cancel()
    await listener.aclose()


def endpoints(*listed: str) -> Endpoints:
    traffic = Traffic(listed)
    return Endpoints(Guarded(traffic), traffic.check)


def at(service: Service, path: str = "") -> External:
    return External("http", endpoint=f"http://127.0.0.1:{service.port}{path}")


async def test_an_endpoint_that_is_allowed_is_asked(service: Service) -> None:
    service.answers["/v1/predict"] = (200, {}, b'{"answer": [1]}')
    service.answers["/v1/readyz"] = (204, {}, b"")
    asked = endpoints(f"127.0.0.1:{service.port}")
    external = at(service, "/v1/")
    await asked.start(external)
    assert await asked.predict(external, {"x": "ü"}) == {"answer": [1]}
    (_, body) = service.asked[-1]
    assert json.loads(body) == {"x": "ü"}
    await asked.aclose()


@pytest.mark.parametrize("listed", [(), ("127.0.0.1:1",), ("*",), ("localhost",)])
async def test_any_other_is_refused_before_it_hears_of_it(service: Service, listed: tuple[str, ...]) -> None:
    asked = endpoints(*listed)
    with pytest.raises(Denied, match="endpoints"):
        await asked.start(at(service))
    assert service.asked == []
    await asked.aclose()


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://", "http://user:pass@127.0.0.1/", "gopher://x", "", "http://[::1"]
)
async def test_what_is_no_endpoint_is_refused(url: str) -> None:
    asked = endpoints("*")
    with pytest.raises(Invalid):
        await asked.start(External("http", endpoint=url))
    await asked.aclose()


async def test_a_redirect_leads_only_where_one_may_go(service: Service) -> None:
    asked = endpoints(f"127.0.0.1:{service.port}")
    service.answers["/predict"] = (307, {"Location": "/moved"}, b"")
    service.answers["/moved"] = (200, {}, b"true")
    assert await asked.predict(at(service), {"x": 1}) is True
    assert [line for line, _ in service.asked] == ["POST /predict", "POST /moved"]
    service.answers["/predict"] = (302, {"Location": "http://169.254.169.254/latest/meta-data"}, b"")
    with pytest.raises(Denied, match=r"169\.254\.169\.254"):
        await asked.predict(at(service), {})
    service.answers["/predict"] = (302, {"Location": "/predict"}, b"")
    with pytest.raises(Unavailable, match="redirects more than"):
        await asked.predict(at(service), {})
    await asked.aclose()


STREAMS = {
    "text/event-stream": (
        b': hi\ndata: {"n": 1}\n\nevent: x\nid: 7\r\ndata: {\ndata: "n":"\xc3\xbc"}\n\ndata: [DONE]\n\n'
    ),
    "application/x-ndjson; charset=utf-8": b'{"n": 1}\r\n\n{"n": "\xc3\xbc"}',
}


@pytest.mark.parametrize("kind", STREAMS)
async def test_what_it_streams_is_given_in_pieces(service: Service, kind: str) -> None:
    asked = endpoints(f"127.0.0.1:{service.port}")
    service.answers["/stream"] = (200, {"Content-Type": kind}, STREAMS[kind])
    assert await pieces(asked, at(service)) == [{"n": 1}, {"n": "ü"}]
    assert service.asked == [("POST /stream", b'{"x":1}')]
    await asked.aclose()


@pytest.mark.parametrize("route", ["", "/stream"])
async def test_one_that_does_not_stream_gives_all_at_once(service: Service, route: str) -> None:
    asked = endpoints(f"127.0.0.1:{service.port}")
    service.answers["/predict"] = (200, {}, b"[1, 2]")
    assert await pieces(asked, at(service), route) == [[1, 2]]
    service.answers["/stream"] = (200, {"Content-Type": "application/json"}, b"[3]")
    assert await pieces(asked, at(service)) == [[3]]
    await asked.aclose()


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (422, b"too hot", Invalid),
        (500, b"broken", Unavailable),
        (200, b"data: <html>\n\n", Unavailable),
        (200, b"event: error\ndata: ran out\n\n", Unavailable),
    ],
)
async def test_a_stream_that_fails_tells_how(
    service: Service, status: int, content: bytes, kind: Any
) -> None:
    asked = endpoints(f"127.0.0.1:{service.port}")
    service.answers["/stream"] = (status, {"Content-Type": "text/event-stream"}, content)
    with pytest.raises(kind, match=r"too hot|broken|html|ran out"):
        await pieces(asked, at(service))
    service.answers["/stream"] = (307, {"Location": "http://169.254.169.254/"}, b"")
    with pytest.raises(Denied):
        await pieces(asked, at(service))
    await asked.aclose()


async def pieces(asked: Endpoints, external: External, route: str = "/stream") -> list[Any]:
    return [each async for each in asked.stream(replace(external, stream_route=route), {"x": 1})]


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [(400, b"too hot", Invalid), (500, b"broken", Unavailable), (200, b"<html>", Unavailable)],
)
async def test_its_failures_are_told(
    service: Service, status: int, content: bytes, kind: type[Exception]
) -> None:
    asked = endpoints(f"127.0.0.1:{service.port}")
    service.answers["/predict"] = (status, {}, content)
    with pytest.raises(kind, match=content.decode()):
        await asked.predict(at(service), {})
    await asked.aclose()


async def test_one_that_is_not_healthy_or_not_there_is_unavailable(service: Service) -> None:
    asked = endpoints("127.0.0.1:9", f"127.0.0.1:{service.port}")
    service.answers["/readyz"] = (503, {}, b"")
    with pytest.raises(Unavailable, match="503"):
        await asked.start(at(service))
    with pytest.raises(Unavailable, match="cannot be reached"):
        await asked.start(External("http", endpoint="http://127.0.0.1:9"))
    await asked.aclose()


@pytest.mark.parametrize("route", ["predict", "//evil/x", "/a/../b", "/x?y", "/x#y", "/x y", "/@x", "/ü"])
def test_a_route_stays_on_its_endpoint(route: str) -> None:
    with pytest.raises(Invalid):
        checked_route(route, field="route")
    assert checked_route("/v1/predict", field="route") == "/v1/predict"
