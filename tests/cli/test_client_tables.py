"""Ollama's own cases of a client that asks for a blob, against a real server socket."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from modelwright.cli.client import Client
from modelwright.core.address import Address
from modelwright.core.errors import ModelwrightError
from tools.docs.conformance import case_name, exceptions

TABLE = Path(__file__).parents[2] / "../shared/conformance/ollama/create_v034_pr14969.json"
CASES = [
    case
    for case in (json.loads(TABLE.read_text("utf-8"))["cases"] if TABLE.is_file() else [])
    if case["kind"] == "client_head_blob"
]


@contextmanager
def server(status: int) -> Iterator[Address]:
    """Answer every HEAD with one status, as HTTP has it without a body."""

    class Answering(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answering) as listening:
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Address("127.0.0.1", listening.server_port, port_given=True)
        finally:
            listening.shutdown()
            thread.join()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_client_knows_a_missing_blob_from_a_failure(case: dict[str, Any]) -> None:
    with server(case["server_status"]) as address, Client(address, {}) as client:
        if "error" in case:
            assert case_name(case) in exceptions("create_v034_pr14969")
            with pytest.raises(ModelwrightError, match=str(case["server_status"])):
                client.has("/api/blobs/x")
        else:
            assert client.has("/api/blobs/x") == case["exists"]
