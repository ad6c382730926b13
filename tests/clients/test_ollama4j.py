"""What ollama4j sends, byte for byte, and its answers read as strictly as it reads them.

It sends every field, absent ones as null, beside keys of its own; Content-Type twice;
and, as every Java client does on plain HTTP, an offer to upgrade to HTTP/2.
"""

import json
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

HEAD = (
    "Connection: Upgrade, HTTP2-Settings\r\nContent-Length: {length}\r\nHost: {host}\r\n"
    "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: h2c\r\n"
    "User-Agent: Java-http-client/21\r\nAccept: application/json\r\n"
    "Content-Type: application/json\r\nContent-Type: application/json\r\n\r\n"
)

DETAILS = {"parent_model", "format", "family", "families", "parameter_size", "quantization_level"}
FIGURES = {
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
}


@dataclass
class Reply:
    status: int
    text: str

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.text)
        assert isinstance(found, dict)
        return found

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Each line as ollama4j reads it: an empty one would be a parse error."""
        assert self.status == 200, self.text
        return [json.loads(line) for line in self.text.removesuffix("\n").split("\n")]


class Java:
    """One connection, kept alive as Java's HTTP client keeps it."""

    def __init__(self, url: str) -> None:
        self._place = urlsplit(url)
        self._socket = socket.create_connection(
            (self._place.hostname or "", self._place.port or 0), timeout=100
        )
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Reply:
        content = b"" if body is None else json.dumps(body, indent=2).encode()
        head = HEAD.format(length=len(content), host=self._place.netloc)
        self._socket.sendall(f"{method} {path} HTTP/1.1\r\n{head}".encode() + content)
        return self._reply()

    def _reply(self) -> Reply:
        status = int(self._file.readline().split()[1])
        headers = dict(iter(self._header, ("", "")))
        if headers.get("transfer-encoding") == "chunked":
            return Reply(status, b"".join(iter(self._chunk, b"")).decode())
        return Reply(status, self._file.read(int(headers["content-length"])).decode())

    def _header(self) -> tuple[str, str]:
        name, _, value = self._file.readline().decode().strip().partition(": ")
        return name.lower(), value

    def _chunk(self) -> bytes:
        size = int(self._file.readline(), 16)
        content = self._file.read(size)
        self._file.readline()
        return content


@pytest.fixture
def java(echo_server: str) -> Any:
    connection = Java(echo_server)
    yield connection
    connection.close()


def create_body(**given: Any) -> dict[str, Any]:
    """A CustomModelRequest: all eleven keys, those not given as null."""
    keys = ("model", "from", "files", "adapters", "template", "license", "system", "parameters", "messages")
    return dict.fromkeys((*keys, "stream", "quantize")) | given


def chat_body(**given: Any) -> dict[str, Any]:
    keys = ("format", "options", "template", "keep_alive", "tools")
    return dict.fromkeys(keys) | {"stream": False, "think": False, "useTools": True} | given


def generate_body(**given: Any) -> dict[str, Any]:
    keys = ("context", "images", "suffix", "system", "prompt")
    return chat_body(raw=False) | dict.fromkeys(keys) | given


def check_lines(lines: list[dict[str, Any]], content: str) -> None:
    """An answer's lines: nothing but known keys, and one end."""
    for line in lines:
        assert {"model", "created_at", content, "done"} <= set(line)
        assert set(line) <= {"model", "created_at", content, "done", "done_reason", "context"} | FIGURES
        datetime.fromisoformat(line["created_at"])
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert set(lines[-1]) >= FIGURES | {"done_reason"}


def test_a_builders_create_makes_the_model(java: Java) -> None:
    body = create_body(model="mario", system="You are Mario") | {"from": "starter"}
    lines = java.send("POST", "/api/create", body).lines
    assert all(set(line) <= {"status", "digest", "total", "completed", "error"} for line in lines)
    assert lines[-1] == {"status": "success"}
    assert java.send("POST", "/api/show", {"name": "mario"}).json["system"] == "You are Mario"


def test_a_constructors_create_makes_the_model(java: Java) -> None:
    body = create_body(model="luigi", stream=True, quantize=False) | {"from": "starter"}
    assert java.send("POST", "/api/create", body).lines[-1] == {"status": "success"}


def test_a_create_that_fails_has_its_status(java: Java) -> None:
    reply = java.send("POST", "/api/create", create_body(model="m") | {"from": "nope"})
    assert reply.status == 404
    assert isinstance(reply.json["error"], str)


def test_the_version_is_alone(java: Java) -> None:
    found = java.send("GET", "/api/version").json
    assert set(found) == {"version"}
    assert [number.isdigit() for number in found["version"].split(".")] == [True] * 3


def test_the_list_has_models_alone(java: Java) -> None:
    found = java.send("GET", "/api/tags").json
    assert set(found) == {"models"}
    for model in found["models"]:
        assert ":" in model["name"]
        assert {"model", "modified_at", "digest", "size", "details"} <= set(model)
        assert datetime.fromisoformat(model["modified_at"]).tzinfo is not None
        assert set(model["details"]) >= DETAILS


def test_running_models_have_the_known_details_alone(java: Java) -> None:
    java.send("POST", "/api/generate", generate_body(model="starter", prompt="hi", keep_alive="10m"))
    found = java.send("GET", "/api/ps").json
    assert set(found) == {"models"}
    (model,) = (model for model in found["models"] if model["name"] == "starter:latest")
    assert set(model["details"]) == DETAILS
    assert {"model", "size", "digest", "expires_at", "size_vram"} <= set(model)
    datetime.fromisoformat(model["expires_at"])


def test_a_model_is_shown_by_its_older_key(java: Java) -> None:
    found = java.send("POST", "/api/show", {"name": "starter"}).json
    assert isinstance(found["license"], str)
    assert isinstance(found["capabilities"], list)
    assert isinstance(found["model_info"], dict)
    assert "starter" in found["modelfile"]


@pytest.mark.parametrize("stream", [True, False])
def test_generate(java: Java, stream: bool) -> None:
    body = generate_body(model="starter", prompt="hello there", stream=stream, options={"temperature": 0.5})
    lines = java.send("POST", "/api/generate", body).lines
    check_lines(lines, "response")
    assert "".join(line["response"] for line in lines) == "hello there"


@pytest.mark.parametrize("stream", [True, False])
def test_chat(java: Java, stream: bool) -> None:
    message = {"role": "user", "content": "hello there", "thinking": None, "tool_calls": None, "images": None}
    body = chat_body(model="starter", messages=[message], stream=stream, tools=[], keep_alive="0m")
    lines = java.send("POST", "/api/chat", body).lines
    check_lines(lines, "message")
    assert all("thinking" not in line["message"] for line in lines)
    assert "".join(line["message"]["content"] for line in lines) == "hello there"


def test_embed_has_the_known_keys_alone(java: Java) -> None:
    body = {"model": "starter", "input": ["a", "b"], "options": None, "keep_alive": None, "truncate": True}
    found = java.send("POST", "/api/embed", body).json
    assert set(found) == {"model", "embeddings", "total_duration", "load_duration", "prompt_eval_count"}
    assert len(found["embeddings"]) == 2


def test_unloading_and_deleting_what_is_absent_is_tolerated(java: Java) -> None:
    """The client accepts a 404 whose body has both "model" and "not found"."""
    for method, path, body in (
        ("POST", "/api/generate", {"model": "absent", "keep_alive": 0}),
        ("DELETE", "/api/delete", {"name": "absent"}),
    ):
        reply = java.send(method, path, body)
        assert reply.status == 404
        assert "model" in reply.text
        assert "not found" in reply.text


def test_unloading_and_deleting_what_is_there(java: Java) -> None:
    java.send("POST", "/api/create", create_body(model="gone") | {"from": "starter"})
    assert (
        java.send("POST", "/api/generate", {"model": "gone", "keep_alive": 0}).json["done_reason"] == "unload"
    )
    assert java.send("DELETE", "/api/delete", {"name": "gone"}).status == 200
    assert java.send("POST", "/api/show", {"name": "gone"}).status == 404


def test_pulling_from_where_nobody_is_says_so(java: Java) -> None:
    reply = java.send("POST", "/api/pull", {"name": "nowhere.invalid/me/llama3", "stream": False})
    assert 400 <= reply.status < 500
    assert "nowhere.invalid" in reply.json["error"]


def test_an_error_is_a_text(java: Java) -> None:
    reply = java.send("POST", "/api/chat", chat_body(model="absent", messages=[]))
    assert (reply.status, reply.json) == (404, {"error": "model 'absent' not found"})
