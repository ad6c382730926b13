"""Repositories of a hub: pinned, through its library's cache, and without code of theirs."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Self

import pytest

from modelwright.starter import WEIGHTS
from tests.registries.conftest import House, Opening
from tests.registries.scripted import digest_of

pytest.importorskip("huggingface_hub", reason="the extra hub is not installed")
pytestmark = pytest.mark.anyio
GOLDEN = Path(__file__).parents[1] / "weights" / "golden" / "llama"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class MirrorServer:
    """A hub with repositories: name -> file -> bytes."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.seen: list[tuple[str, str]] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: MirrorServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.hub.seen.append((self.path, self.headers.get("Authorization", "")))
        listed = re.match(r"/api/models/([^/]+/[^/]+)/revision/(\w+)", self.path)
        one = re.match(r"/([^/]+/[^/]+)/resolve/(\w+)/([^?]+)", self.path)
        if listed and listed[1] in self.hub.repositories:
            files = [{"rfilename": name} for name in self.hub.repositories[listed[1]]]
            self._give(json.dumps({"id": listed[1], "sha": COMMIT, "siblings": files}).encode())
        elif one and one[2] == COMMIT and one[3] in self.hub.repositories.get(one[1], {}):
            content = self.hub.repositories[one[1]][one[3]]
            etag = digest_of(content)[7:]
            self._give(content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    do_HEAD = do_GET

    def _give(self, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(200)
        for name, value in ({"Content-Length": str(len(content))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MirrorServer]:
    with MirrorServer() as server:
        server.repositories["team/tiny"] = {
            path.name: path.read_bytes() for path in GOLDEN.iterdir() if path.is_file()
        }
        monkeypatch.setenv("HF_ENDPOINT", f"http://{server.host}")
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield server


async def pulled(house: House, name: str) -> str:
    """Pull a model; the error, or ""."""
    answer = await house.ask("/api/pull", model=f"hf.co/{name}")
    return "" if answer.status_code == 200 else str(answer.json()["error"])


async def test_a_repository_of_safetensors_becomes_a_model(opening: Opening, hub: MirrorServer) -> None:
    async with opening("one", "hf.co", hub.host) as house:
        assert await pulled(house, "team/tiny") == ""
        shown = await house.done("/api/show", model="hf.co/team/tiny")
        assert shown["details"]["format"] == "gguf"
        assert shown["details"]["family"] == "llama"
    assert all("Bearer hf_secret" in word for _, word in hub.seen)
    assert all(COMMIT in path for path, _ in hub.seen if "/resolve/" in path), "the revision is pinned"


async def test_what_the_cache_has_needs_no_network(
    opening: Opening, hub: MirrorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opening("one", "hf.co", hub.host) as house:
        assert await pulled(house, "team/tiny") == ""
    hub.seen.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    async with opening("two", "hf.co", hub.host) as house:
        assert await pulled(house, "team/tiny") == ""
        assert await pulled(house, "team/other") != ""
    assert not hub.seen


async def test_one_gguf_of_several_is_named_by_the_tag(opening: Opening, hub: MirrorServer) -> None:
    weights = WEIGHTS.read_bytes()
    hub.repositories["team/gguf"] = {"a.gguf": weights, "b.gguf": b"GGUF", "README.md": b"x"}
    async with opening("one", "hf.co", hub.host) as house:
        assert "Name one as the tag, for example :a.gguf" in await pulled(house, "team/gguf")
        assert await pulled(house, "team/gguf:a.gguf") == ""
        link = house.home / "blobs" / digest_of(weights).replace(":", "-")
        assert link.read_bytes() == weights


async def test_code_and_pickles_are_refused_by_name(opening: Opening, hub: MirrorServer) -> None:
    tiny = hub.repositories["team/tiny"]
    config = json.loads(tiny["config.json"]) | {"auto_map": {"AutoModel": "evil.Model"}}
    hub.repositories["team/code"] = tiny | {"config.json": json.dumps(config).encode(), "evil.py": b"1/0"}
    hub.repositories["team/pickle"] = {"config.json": b"{}", "pytorch_model.bin": b"PK"}
    async with opening("one", "hf.co", hub.host) as house:
        assert 'config.json has "auto_map"' in await pulled(house, "team/code")
        assert '"pytorch_model.bin", a pickle' in await pulled(house, "team/pickle")
        assert "not found" in await pulled(house, "team/absent")
    fetched = [path for path, _ in hub.seen if "/resolve/" in path]
    assert not any(path.endswith((".py", ".bin", "code/resolve/model.safetensors")) for path in fetched)


async def test_a_mirror_must_be_listed(opening: Opening, hub: MirrorServer) -> None:
    async with opening("one", "hf.co") as house:
        assert f'"{hub.host}" is not among those' in await pulled(house, "team/tiny")
    assert not hub.seen
