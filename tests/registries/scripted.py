"""Scripted: a registry that serves one model, and misbehaves where it is told to."""

import hashlib
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from modelwright.starter import WEIGHTS

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = {"model_format": "gguf", "model_family": "llama", "architecture": "amd64", "os": "linux"}
PATH = "team/evil"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer(kind: str, content: bytes, **more: Any) -> dict[str, Any]:
    media_type = kind if "/" in kind else f"application/vnd.ollama.image.{kind}"
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content), **more}


Answer = Callable[["_Handler"], None]


class Scripted:
    """`rules` are tried in order: a pattern of "METHOD path" -> what answers."""

    def __init__(self) -> None:
        self.weights = WEIGHTS.read_bytes()
        self.system = b"You are evil."
        self.config = json.dumps(CONFIG).encode()
        self.blobs = {digest_of(each): each for each in (self.weights, self.system, self.config)}
        self.manifest: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": DOCKER,
            "config": layer("application/vnd.docker.container.image.v1+json", self.config),
            "layers": [layer("model", self.weights), layer("system", self.system)],
        }
        self.rules: list[tuple[str, Answer]] = []
        self.closed_by = ""
        """The challenge that answers whoever brings no token, but at /token."""
        self.seen: list[tuple[str, dict[str, str]]] = []

    def on(self, pattern: str, answer: Answer) -> None:
        self.rules.append((pattern, answer))

    def asked(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, line)) for line, _ in self.seen)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def name(self) -> str:
        return f"{self.host}/{PATH}"

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"registry": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Keeping:
    """Lets a scripted registry take models, and list what is about them (the referrers API)."""

    def __init__(self, scripted: Scripted) -> None:
        self._blobs = scripted.blobs
        self._manifests: dict[str, bytes] = {}
        self.about: dict[str, list[dict[str, Any]]] = {}
        self._coming = b""
        self.to_break = 0
        """How many chunks are to break off in their middle."""
        scripted.on("POST .*/blobs/uploads/", self._begin)
        scripted.on("GET .*/blobs/uploads/", self._tell)
        scripted.on("PATCH .*/blobs/uploads/", self._go_on)
        scripted.on("PUT .*/blobs/uploads/", self._end)
        scripted.on("PUT .*/manifests/", self._publish)
        scripted.on("GET .*/referrers/", self._list)
        scripted.on("GET .*/manifests/", self._give)

    def manifest(self, digest: str) -> Any:
        """What was published, as a tree."""
        return json.loads(self._manifests[digest])

    def keep(self, content: bytes) -> str:
        """Have a manifest that nobody sent; its digest."""
        self._manifests[digest_of(content)] = content
        return digest_of(content)

    def _begin(self, it: "_Handler") -> None:
        self._coming = b""
        it.give(202, location=f"/v2/{PATH}/blobs/uploads/1")

    def _tell(self, it: "_Handler") -> None:
        it.give(204, location=f"/v2/{PATH}/blobs/uploads/1", range=f"0-{len(self._coming) - 1}")

    def _go_on(self, it: "_Handler") -> None:
        if self.to_break:
            self.to_break -= 1
            self._coming += it.rfile.read(int(it.headers["Content-Length"]) // 2)
            it.close_connection = True
            return
        self._coming += it.body()
        it.give(202, location=f"/v2/{PATH}/blobs/uploads/1", range=f"0-{len(self._coming) - 1}")

    def _end(self, it: "_Handler") -> None:
        it.body()
        self._blobs[digest_of(self._coming)] = self._coming
        it.give(201, location="/")

    def _publish(self, it: "_Handler") -> None:
        content = it.body()
        tree = json.loads(content)
        self._manifests |= {digest_of(content): content, it.path.rpartition("/")[2]: content}
        said = {}
        if "subject" in tree:
            entry = {"mediaType": tree["mediaType"], "digest": digest_of(content), "size": len(content)}
            about = self.about.setdefault(tree["subject"]["digest"], [])
            about.append({**entry, "artifactType": tree["artifactType"]})
            said = {"oci_subject": tree["subject"]["digest"]}
        it.give(201, **said)

    def _list(self, it: "_Handler") -> None:
        found = self.about.get(it.path.rpartition("/")[2], [])
        it.give(200, json.dumps({"schemaVersion": 2, "manifests": found}).encode())

    def _give(self, it: "_Handler") -> None:
        content = self._manifests.get(it.path.rpartition("/")[2])
        it.give(404) if content is None else it.give(200, content)


class Tickets:
    """Lets whoever asks a scripted registry in with a token that is good for one request."""

    def __init__(self, scripted: Scripted) -> None:
        self._realm = f'Bearer realm="http://{scripted.host}/token",service="x",scope="y"'
        self.given = 0
        self._good = ""
        scripted.rules = [(pattern, self._guarded(answer)) for pattern, answer in scripted.rules]
        scripted.on("GET /token", self._give)

    def _give(self, it: "_Handler") -> None:
        self.given += 1
        self._good = f"token-{self.given}"
        it.give(200, json.dumps({"token": self._good}).encode())

    def _guarded(self, answer: Answer) -> Answer:
        def guarded(it: "_Handler") -> None:
            if it.headers.get("Authorization") == f"Bearer {self._good}":
                self._good = ""
                answer(it)
            else:
                it.body()
                it.give(401, www_authenticate=self._realm)

        return guarded


class _Handler(BaseHTTPRequestHandler):
    registry: Scripted
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        line = f"{self.command} {self.path}"
        self.registry.seen.append((line, {name.lower(): value for name, value in self.headers.items()}))
        if self.registry.closed_by and not self._is_let_in():
            self.body()
            self.give(401, www_authenticate=self.registry.closed_by)
            return
        for pattern, answer in self.registry.rules:
            if re.search(pattern, line):
                try:
                    answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True
                return
        self._serve()

    do_HEAD = do_GET
    do_POST = do_GET
    do_PATCH = do_GET
    do_PUT = do_GET

    def body(self) -> bytes:
        """What was sent, in one piece."""
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def give(self, status: int, content: bytes = b"", **headers: str) -> None:
        """Answer, header names with _ for -."""
        self.send_response(status)
        given = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        for name, value in ({"content-length": str(len(content))} | given).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _is_let_in(self) -> bool:
        return self.path.startswith("/token") or self.headers.get("Authorization") == "Bearer let-me-in"

    def _serve(self) -> None:
        found = re.search(r"/blobs/(sha256:[0-9a-f]{64})", self.path)
        if self.path == "/v2/":
            self.give(200)
        elif "/manifests/latest" in self.path:
            self.give(200, json.dumps(self.registry.manifest).encode(), content_type=DOCKER)
        elif found and found[1] in self.registry.blobs:
            self.serve_blob(self.registry.blobs[found[1]])
        else:
            self.give(404, b'{"errors":[{"code":"UNKNOWN"}]}')

    def serve_blob(self, content: bytes) -> None:
        """Answer with a blob, or the part of it that is asked for."""
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted is None:
            self.give(200, content)
            return
        start, last = int(wanted[1]), int(wanted[2])
        self.give(206, content[start : last + 1], content_range=f"bytes {start}-{last}/{len(content)}")
