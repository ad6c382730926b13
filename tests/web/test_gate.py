"""Who is let in: hosts, origins, and headers of a bearable size."""

from typing import Any

import httpx2
import pytest
from starlette.responses import PlainTextResponse

from modelwright.dialects.ollama import Ollama
from modelwright.web.boundary import Boundary
from modelwright.web.gate import HEADER_BYTES, HEADER_FIELDS, Admission, Gate

pytestmark = pytest.mark.anyio


def served(admission: Admission) -> httpx2.AsyncClient:
    """A client of a gate with a page behind it."""
    app = Boundary(Gate(PlainTextResponse("in"), admission), (Ollama(),))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://localhost")


HERE = Admission(hosts=("Snowdrop",), origins=("https://good.example", "http://[::1]:*", "app://*"))

KNOWN_HOSTS = [
    "localhost",
    "localhost:11434",
    "LOCALHOST.",
    "127.0.0.1",
    "127.0.0.1:80",
    "127.8.8.8",
    "[::1]",
]
KNOWN_HOSTS += ["[::1]:11434", "mario.localhost", "snowdrop:11434", "SNOWDROP"]
UNKNOWN_HOSTS = [
    "evil.example",
    "evil.example:11434",
    "localhost.evil.example",
    "notlocalhost",
    "127.0.0.1.nip.io",
]
UNKNOWN_HOSTS += ["192.168.1.5", "0.0.0.0", "[::]", "10.0.0.1:80", "localhost@evil.example", "a:b:c", "é"]


@pytest.mark.parametrize("host", KNOWN_HOSTS)
async def test_a_host_that_is_this_machine_comes_in(host: str) -> None:
    assert (await served(HERE).get("/", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", UNKNOWN_HOSTS)
async def test_any_other_host_is_refused(host: str) -> None:
    answer = await served(HERE).get("/", headers={"host": host.encode()})
    assert answer.status_code == 403
    assert "is not this machine" in answer.json()["error"]


async def test_one_good_host_does_not_hide_a_bad_one() -> None:
    headers = [("host", "localhost"), ("host", "evil.example")]
    assert (await served(HERE).get("/", headers=headers)).status_code == 403


async def test_hosts_are_looked_at_on_the_loopback_address_only() -> None:
    answer = await served(Admission(loopback=False)).get("/", headers={"host": "models.example"})
    assert answer.status_code == 200


KNOWN_ORIGINS = ["http://localhost", "http://localhost:3000", "https://127.0.0.1:8443", "http://[::1]:5173"]
KNOWN_ORIGINS += ["https://good.example", "app://obsidian.md", "http://mario.localhost"]
UNKNOWN_ORIGINS = [
    "https://evil.example",
    "http://good.example",
    "https://good.example:8443",
    "null",
    "",
    "file://",
]
UNKNOWN_ORIGINS += [
    "https://good.example.evil.example",
    "http://localhost.evil.example",
    "http://localhost@evil",
    "http://[",
    "http://[::1",
    "http://[localhost]",
]


@pytest.mark.parametrize("origin", KNOWN_ORIGINS)
async def test_a_page_of_a_known_origin_may_read_the_answer(origin: str) -> None:
    answer = await served(HERE).get("/", headers={"origin": origin})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", UNKNOWN_ORIGINS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_a_page_of_an_unknown_origin_is_refused(origin: str, method: str) -> None:
    headers = {"origin": origin, "access-control-request-method": "POST"}
    answer = await served(HERE).request(method, "/", headers=headers)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


async def test_a_browser_that_asks_first_is_told_what_it_may_send() -> None:
    asking = {
        "access-control-request-method": "DELETE",
        "access-control-request-headers": "authorization,x-a",
    }
    answer = await served(HERE).options("/", headers={"origin": "http://localhost:3000", **asking})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "authorization,x-a"


@pytest.mark.parametrize("names", ["x-a; y", "x-a\tb", "(x)", "x" * 2001])
async def test_a_browser_is_told_no_header_names_that_are_none(names: str) -> None:
    asking = {"access-control-request-method": "POST", "access-control-request-headers": names}
    answer = await served(HERE).options("/", headers={"origin": "http://localhost:3000", **asking})
    assert answer.status_code == 204
    assert "access-control-allow-headers" not in answer.headers


async def test_a_star_allows_every_origin() -> None:
    answer = await served(Admission(origins=("*",))).get("/", headers={"origin": "https://any.example"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "limit"),
    [
        ({"x-long": "x" * HEADER_BYTES}, "16 KiB"),
        ({f"x-{number}": "x" for number in range(HEADER_FIELDS)}, f"limit is {HEADER_FIELDS}"),
    ],
)
async def test_headers_over_a_limit_are_refused_with_the_limit(headers: dict[str, Any], limit: str) -> None:
    answer = await served(HERE).get("/", headers=headers)
    assert answer.status_code == 431
    assert limit in answer.json()["error"]
