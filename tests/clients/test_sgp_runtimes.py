"""What a template's bundle runs, by the platform's own package: an endpoint, an image, our engines."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import ollama
import pytest
from scale_gp import BadRequestError, SGPClient

from tools.weights.tiny_ranker import write_ranker

FAKE_DOCKER = Path(__file__).parents[1] / "external/fake_docker.py"
BASE = ("BASE_MODEL", "str")


@dataclass
class Service:
    """An HTTP service; what was asked of it, and where it sends those who ask for /moved."""

    port: int = 0
    asked: list[tuple[str, Any]] = field(default_factory=list)
    moved: str = ""
    heard: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """One more whenever a word that it streamed has arrived: before that, it says no other."""

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    found = Service()

    class Answers(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

        def stream(self, body: Any) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for word in body["words"]:
                self.wfile.write(f"data: {json.dumps({'word': word})}\n\n".encode())
                found.heard.acquire(timeout=20)

        def answer(self, tree: Any) -> None:
            content = json.dumps(tree).encode()
            self.send_response(307 if self.path == "/moved" else 200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Location", found.moved)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            found.asked.append((self.path, None))
            self.answer("ok")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.asked.append((self.path, body))
            if self.path == "/generate_streaming":
                self.stream(body)
            else:
                self.answer({"got": body})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    found.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@dataclass
class Yard:
    """Where the stand-in for a container engine keeps its notes."""

    folder: Path

    @property
    def told(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "told").read_text().splitlines()]

    @property
    def running(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.pid"))


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    folder = tmp_path_factory.mktemp("yard")
    command = folder / "docker"
    command.write_text(f'#!/bin/sh\nFAKE_DOCKER="{folder}" exec "{sys.executable}" "{FAKE_DOCKER}" "$@"\n')
    command.chmod(0o755)
    yield Yard(folder)
    for pid in folder.glob("*.pid"):
        os.kill(int(pid.read_text()), 9)


@pytest.fixture(scope="module")
def url(serve: Callable[..., str], service: Service, yard: Yard) -> str:
    return serve(
        MODELWRIGHT_ENDPOINTS=service.place, MODELWRIGHT_CONTAINER_ENGINE=str(yard.folder / "docker")
    )


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[SGPClient]:
    with SGPClient(base_url=url, api_key="none", max_retries=0) as opened:
        yield opened


def template(client: SGPClient, kind: Any, image: str, *names: tuple[str, str], **more: Any) -> str:
    registry, _, image = image.rpartition("/")
    fields: Any = [
        {"name": name, "type": sort, "description": name, "required": True} for name, sort in names
    ]
    bundle: Any = {"registry": registry, "image": image, "tag": "1", **more.pop("bundle", {})}
    made = client.model_templates.create(
        account_id="acme",
        name="tried",
        endpoint_type="SYNC",
        model_type=kind,
        vendor_configuration={"bundle_config": bundle, **more},
        model_creation_parameters_schema={"parameters": fields},
    )
    return made.id


def model(client: SGPClient, kind: Any, name: str, template: str, **parameters: Any) -> Any:
    return client.models.create(
        account_id="acme",
        model_type=kind,
        name=name,
        model_template_id=template,
        model_creation_parameters=parameters,
    )


def settled(client: SGPClient, model: str) -> Any:
    """The deployment that came with a model, ready or failed; the test's limit ends the wait."""
    while True:
        (found,) = client.models.deployments.list(model)
        if found.status != "PENDING":
            return found
        time.sleep(0.02)


def execute(client: SGPClient, deployment: Any, **body: Any) -> Any:
    path = {"model_instance_id": deployment.model_instance_id}
    return client.models.deployments.execute(deployment.id, **path, extra_body=body)


def test_an_endpoint_that_is_allowed_answers_any_body(client: SGPClient, service: Service) -> None:
    wanted = template(client, "GENERIC", "modelwright/generic-http", ("ENDPOINT", "str"))
    made = model(client, "GENERIC", "outside", wanted, ENDPOINT=f"http://{service.place}")
    ready = settled(client, made.id)
    assert ready.status == "READY", ready
    assert service.asked == [("/readyz", None)]
    assert execute(client, ready, x=[1, "ü"]) == {"got": {"x": [1, "ü"]}}
    assert service.asked[-1] == ("/predict", {"x": [1, "ü"]})
    with pytest.raises(BadRequestError, match="no engine"):
        client.models.chat_completions.create(ready.id, prompt="Hi", chat_history=[])
    client.models.delete(made.id)


def test_what_an_endpoint_streams_arrives_as_it_comes(client: SGPClient, url: str, service: Service) -> None:
    wanted = template(client, "GENERIC", "modelwright/generic-http", ("ENDPOINT", "str"))
    made = model(client, "GENERIC", "streaming", wanted, ENDPOINT=f"http://{service.place}")
    ready = settled(client, made.id)
    path = f"{url}/v4/models/{made.id}/deployments/{ready.id}/execute"
    asked = {"words": ["one", "two"], "stream": True}
    heard = []
    with httpx2.stream("POST", path, json=asked, trust_env=False, timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in filter(None, answer.iter_lines()):
            heard.append(json.loads(line.removeprefix("data: ")))
            service.heard.release()
    assert heard == [{"word": "one"}, {"word": "two"}]
    assert service.asked[-1] == ("/generate_streaming", {"words": ["one", "two"]})
    client.models.delete(made.id)


@pytest.mark.parametrize(
    "endpoint",
    ["http://127.0.0.1:9", "http://169.254.169.254", "http://localhost:{port}", "http://[::1]:{port}"],
)
def test_any_other_is_not_even_asked(client: SGPClient, service: Service, endpoint: str) -> None:
    before = len(service.asked)
    wanted = template(client, "GENERIC", "modelwright/generic-http", ("ENDPOINT", "str"))
    made = model(client, "GENERIC", "elsewhere", wanted, ENDPOINT=endpoint.format(port=service.port))
    failed = settled(client, made.id)
    assert (failed.status, "endpoints" in failed.to_dict()["status_reason"]) == ("FAILED", True)
    assert len(service.asked) == before
    assert client.models.retrieve(made.id).deployment_count == 1
    client.models.delete(made.id)


def test_a_redirect_leads_only_where_one_may_go(client: SGPClient, service: Service) -> None:
    moving = {"predict_route": "/moved"}
    name = ("ENDPOINT", "str")
    wanted = template(client, "GENERIC", "modelwright/generic-http", name, bundle=moving)
    made = model(client, "GENERIC", "moving", wanted, ENDPOINT=f"http://{service.place}")
    ready = settled(client, made.id)
    service.moved = "/predict"
    assert execute(client, ready, x=1) == {"got": {"x": 1}}
    service.moved = "http://169.254.169.254/latest/meta-data"
    with pytest.raises(Exception, match=r"169\.254\.169\.254"):
        execute(client, ready, x=1)
    client.models.delete(made.id)


def test_an_image_is_run_with_its_parameters_and_limits_and_ends_with_its_model(
    client: SGPClient, url: str, yard: Yard
) -> None:
    limits = {"cpus": 2, "memory": "1Gi", "gpus": 0, "min_workers": 0, "max_workers": 1}
    wanted = template(
        client, "BUNDLE", "r.example/acme/scorer", ("MODEL_BUCKET", "str"), endpoint_config=limits
    )
    made = model(client, "BUNDLE", "boxed", wanted, MODEL_BUCKET="s3://here")
    ready = settled(client, made.id)
    assert ready.status == "READY", ready
    assert execute(client, ready, x=1) == {"got": {"x": 1}, "env": "s3://here"}
    run = next(told for told in yard.told if told[0] == "run")
    pairs = [run[place : place + 2] for place in range(len(run))]
    assert ["--cpus", "2"] in pairs
    assert ["--memory", str(2**30)] in pairs
    assert run[-1] == "r.example/acme/scorer:1"
    assert yard.running == [f"modelwright-{ready.id}"]
    path = f"{url}/api/modelwright/deployments"
    second = httpx2.post(path, json={"model": "boxed", "name": "second"}, trust_env=False).json()
    assert (second["status"], second["external"], len(yard.running)) == ("READY", "container", 2)
    client.models.deployments.delete(second["id"], model_instance_id=made.id)
    assert yard.running == [f"modelwright-{ready.id}"]
    with ollama.Client(host=url) as other:
        other.delete("boxed")
    while yard.running:  # the test's limit ends the wait
        time.sleep(0.05)


def test_an_embedding_template_makes_models_that_embed_everywhere(client: SGPClient, url: str) -> None:
    made = model(
        client, "EMBEDDING", "vectors", template(client, "EMBEDDING", "modelwright/embedding", BASE),
        BASE_MODEL="starter",
    )  # fmt: skip
    ready = settled(client, made.id)
    assert ready.status == "READY", ready
    assert made.request_schema["required"] == ["texts"]
    ((text, vector),) = execute(client, ready, texts=["one"])["embeddings"]
    for called in (made.id, "vectors", ready.id):
        found = client.models.embeddings.create(called, texts=["one"]).embeddings[0]
        assert (found[0], found[1]) == (text, pytest.approx(vector, abs=1e-6))
    with ollama.Client(host=url) as other:
        assert other.embed("vectors", "one").embeddings[0] == pytest.approx(vector, abs=1e-6)


def test_a_reranking_template_makes_models_that_rank(client: SGPClient, url: str, tmp_path: Path) -> None:
    write_ranker(tmp_path / "ranker.gguf")
    with ollama.Client(host=url) as maker:
        maker.create(model="ranker", files={"ranker.gguf": maker.create_blob(tmp_path / "ranker.gguf")})
    made = model(
        client, "RERANKING", "judge", template(client, "RERANKING", "modelwright/reranker", BASE),
        BASE_MODEL="ranker",
    )  # fmt: skip
    ready = settled(client, made.id)
    assert ready.status == "READY", ready
    query = {"query": "the capital", "chunks": ["paris is the capital of france", "the dog"]}
    told = execute(client, ready, **query)
    found = client.models.rerankings.create("judge", **query)
    assert found.chunk_scores == pytest.approx(told["chunk_scores"], abs=1e-4)
    assert len(found.chunk_scores) == 2
    assert found.tokens_used
