"""An endpoint is asked at the address that was checked, whatever its name means later."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

RESOLVER = """
import json, os, socket

plain, folder = socket.getaddrinfo, os.environ["NAMES"]

def look_up(host, port, *more, **other):
    if not str(host).endswith(".test"):
        return plain(host, port, *more, **other)
    with open(os.path.join(folder, "asked"), "a") as file:
        file.write(f"{host}\\n")
    with open(os.path.join(folder, "names")) as file:
        found = json.load(file)[host]
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

socket.getaddrinfo = look_up
"""
"""Loaded by the server's Python at its start, in the place of the machine's name service."""


@dataclass
class Place:
    """Two services on one port of two addresses of this machine, and what names mean there."""

    folder: Path
    port: int = 0
    asked: list[str] = field(default_factory=list)
    moved: str = ""
    url: str = ""

    def names(self, **addresses: list[str]) -> None:
        found = {f"{name}.test": address for name, address in addresses.items()}
        (self.folder / "names").write_text(json.dumps(found))

    def looked_up(self, name: str) -> int:
        return (self.folder / "asked").read_text().split().count(f"{name}.test")

    def deploy(self, name: str, port: int, route: str = "/predict") -> dict[str, Any]:
        """A model on generic-http at this name, and its deployment, ready or failed."""
        bundle = {"registry": "modelwright", "image": "generic-http", "tag": "1", "predict_route": route}
        parameter = {"name": "ENDPOINT", "type": "str", "description": "", "required": True}
        common = {"account_id": "acme", "name": name, "model_type": "GENERIC"}
        template = self.done(
            "/v4/model-templates",
            **common,
            endpoint_type="SYNC",
            vendor_configuration={"bundle_config": bundle},
            model_creation_parameters_schema={"parameters": [parameter]},
        )
        endpoint = {"ENDPOINT": f"http://{name}.test:{port}"}
        model = self.done(
            "/v4/models", **common, model_template_id=template["id"], model_creation_parameters=endpoint
        )
        return self.done(f"/v4/models/{model['id']}/deployments", name="own")

    def execute(self, deployment: dict[str, Any]) -> httpx2.Response:
        path = f"/v4/models/{deployment['model_instance_id']}/deployments/{deployment['id']}/execute"
        return httpx2.post(f"{self.url}{path}", json={"x": 1}, trust_env=False, timeout=100)

    def done(self, path: str, **body: Any) -> dict[str, Any]:
        answer = httpx2.post(f"{self.url}{path}", json=body, trust_env=False, timeout=100)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def service(place: Place, address: str) -> ThreadingHTTPServer:
    class Answers(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

        def do_GET(self) -> None:
            place.asked.append(address)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(307 if self.path == "/moved" else 200)
            self.send_header("Location", place.moved)
            self.end_headers()
            self.wfile.write(b'"here"')

        do_POST = do_GET

    return ThreadingHTTPServer((address, place.port), Answers)


@pytest.fixture(scope="module")
def place(serve: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = Place(tmp_path_factory.mktemp("names"))
    (found.folder / "sitecustomize.py").write_text(RESOLVER)
    (found.folder / "uvloop.py").write_text('raise ImportError("it has a resolver of its own")')
    found.names()
    first = service(found, "127.0.0.1")
    found.port = first.server_port
    try:
        second = service(found, "127.0.0.2")
    except OSError:
        first.server_close()
        pytest.skip("this machine has only one loopback address")
    for each in (first, second):
        threading.Thread(target=each.serve_forever, daemon=True).start()
    listed = ",".join([*(f"{name}.test:{found.port}" for name in ("moves", "sends", "gone")), "*"])
    path = os.pathsep.join([str(found.folder), os.environ.get("PYTHONPATH", "")])
    found.url = serve(
        MODELWRIGHT_ENDPOINTS=listed, MODELWRIGHT_ENGINE="echo", PYTHONPATH=path, NAMES=str(found.folder)
    )
    yield found
    for each in (first, second):
        each.shutdown()
        each.server_close()


def test_a_name_that_means_another_address_later_does_not_lead_there(place: Place) -> None:
    place.names(moves=["127.0.0.1"])
    made = place.deploy("moves", place.port)
    assert made["status"] == "READY", made["status_reason"]
    place.names(moves=["127.0.0.2"])
    assert [place.execute(made).text for _ in range(2)] == ['"here"'] * 2
    assert set(place.asked) == {"127.0.0.1"}
    assert place.looked_up("moves") == 1


def test_one_that_has_moved_is_found_again_and_checked_anew(place: Place) -> None:
    place.names(gone=["127.0.0.3"])
    made = place.deploy("gone", place.port)
    assert (made["status"], "cannot be reached" in made["status_reason"]) == ("FAILED", True)
    place.names(gone=["127.0.0.2"])
    place.asked.clear()
    assert place.execute(made).text == '"here"'
    assert place.asked == ["127.0.0.2"]


def test_a_redirect_does_not_lead_to_a_name_that_means_this_machine(place: Place) -> None:
    place.names(sends=["127.0.0.1"], inner=["127.0.0.2"])
    made = place.deploy("sends", place.port, "/moved")
    assert made["status"] == "READY", made["status_reason"]
    place.moved = f"http://inner.test:{place.port}/predict"
    place.asked.clear()
    refused = place.execute(made)
    assert (refused.status_code, "127.0.0.2" in refused.text) == (403, True), refused.text
    assert place.asked == ["127.0.0.1"]
    place.moved = "http://169.254.169.254/latest/meta-data"
    assert place.execute(made).status_code == 403


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["169.254.169.254"]])
def test_a_name_that_means_what_is_not_public_is_not_asked(place: Place, addresses: list[str]) -> None:
    place.names(inner=addresses)
    place.asked.clear()
    made = place.deploy("inner", place.port)
    assert (made["status"], "not on the public internet" in made["status_reason"]) == ("FAILED", True)
    assert place.asked == []
