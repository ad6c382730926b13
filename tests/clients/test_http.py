"""What only a real socket shows: early headers, clients that leave, requests that are none."""

import json
import socket
import time
from urllib.parse import urlsplit

import httpx2
import pytest

WILD = {"num_predict": 1500, "temperature": 100, "top_k": 0, "top_p": 1, "min_p": 0, "seed": 1}
"""Any token is as likely as any other, so the one that ends an answer hardly comes."""
LONG = {"model": "starter", "raw": True, "prompt": "Once", "options": WILD}


def connect(url: str) -> socket.socket:
    place = urlsplit(url)
    return socket.create_connection((place.hostname or "", place.port or 0), timeout=10)


def post(url: str, path: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    host = urlsplit(url).netloc
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content
    )


def test_a_stream_comes_as_it_is_made(server: str) -> None:
    with (
        httpx2.Client(base_url=server) as client,
        client.stream("POST", "/api/generate", json=LONG) as answer,
    ):
        first = next(answer.iter_lines())
        assert json.loads(first)["done"] is False


def test_a_client_that_leaves_frees_its_slot(server: str) -> None:
    """Eight leave in the middle of long answers; a ninth is not kept waiting by them."""
    for _ in range(8):
        with connect(server) as leaving:
            leaving.sendall(post(server, "/api/generate", LONG))
            leaving.recv(100)
    start = time.monotonic()
    short = {**LONG, "options": {"num_predict": 2}, "stream": False}
    assert httpx2.post(f"{server}/api/generate", json=short, timeout=100).json()["eval_count"] == 2
    assert time.monotonic() - start < 4


@pytest.mark.parametrize(
    "content",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
    ],
    ids=["words", "no host", "negative length", "two lengths", "long header", "NUL", "TLS"],
)
def test_what_is_no_request_is_refused_and_harms_nobody(echo_server: str, content: bytes) -> None:
    with connect(echo_server) as client:
        client.sendall(content)
        assert int(client.recv(100).split()[1]) in (400, 431)
    assert httpx2.get(f"{echo_server}/healthz").status_code == 200


def test_a_body_without_length_is_cut_at_the_limit(echo_server: str) -> None:
    with connect(echo_server) as client:
        host = urlsplit(echo_server).netloc
        head = f"POST /api/chat HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.sendall(head.encode())
        piece = f"{1 << 20:x}\r\n".encode() + b"x" * (1 << 20) + b"\r\n"
        try:
            for _ in range(64):
                client.sendall(piece)
        except (ConnectionError, TimeoutError):
            pass
        assert b" 413 " in client.recv(100)


def test_many_header_fields_are_refused(echo_server: str) -> None:
    headers = {f"x-{number}": "x" for number in range(120)}
    answer = httpx2.get(f"{echo_server}/api/tags", headers=headers)
    assert answer.status_code == 431
    assert "limit is 100" in answer.json()["error"]
