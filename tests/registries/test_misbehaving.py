"""A registry that misbehaves gets a clear error, and nothing of it is kept."""

import asyncio
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.layers import LARGEST_SMALL_LAYER
from tests.registries.conftest import House, Opening
from tests.registries.scripted import Scripted, digest_of, layer

pytestmark = pytest.mark.anyio


def with_other_weights(scripted: Scripted, content: bytes) -> str:
    """Let the model have weights that are not here yet; their digest."""
    scripted.weights = content
    digest = digest_of(content)
    scripted.blobs[digest] = content
    scripted.manifest["layers"][0] = layer("model", content)
    return digest


def wrong_bytes(scripted: Scripted, digest: str) -> None:
    scripted.blobs[digest] = scripted.weights[:-1] + b"?"


def short_body(scripted: Scripted, digest: str) -> None:
    scripted.on(f"GET .*{digest}", lambda it: it.give(200, scripted.weights[:-9]))


def broken_off(scripted: Scripted, digest: str) -> None:
    def answer(it: Any) -> None:
        size, start = len(scripted.weights), it.headers.get("Range", "bytes=0-")[6:].partition("-")[0]
        said = {"content_length": str(size - int(start)), "content_range": f"bytes {start}-{size - 1}/{size}"}
        it.give(206, b"GGUF" if start == "0" else b"", **said)
        it.close_connection = True

    scripted.on(f"GET .*{digest}", answer)


def a_page(scripted: Scripted, digest: str) -> None:
    page = b"<h1>Forbidden</h1>".ljust(len(scripted.weights))
    scripted.on(f"GET .*{digest}", lambda it: it.give(403, page, content_type="text/html"))


def another_range(scripted: Scripted, digest: str) -> None:
    size = len(scripted.weights)
    answer = f"bytes 1-{size}/{size}"
    scripted.on(f"GET .*{digest}", lambda it: it.give(206, scripted.weights, content_range=answer))


def endless(scripted: Scripted, digest: str) -> None:
    def answer(it: Any) -> None:
        it.send_response(200)
        it.send_header("transfer-encoding", "chunked")
        it.end_headers()
        while True:
            it.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    scripted.on(f"GET .*{digest}", answer)


def compressed(scripted: Scripted, digest: str) -> None:
    body = gzip.compress(scripted.weights)
    scripted.on(f"GET .*{digest}", lambda it: it.give(200, body, content_encoding="gzip"))


def to_itself(scripted: Scripted, digest: str) -> None:
    place = f"http://{scripted.host}/v2/team/evil/blobs/{digest}"
    scripted.on(f"GET .*{digest}", lambda it: it.give(307, location=place))


def to_a_private_address(scripted: Scripted, digest: str) -> None:
    scripted.on(f"GET .*{digest}", lambda it: it.give(307, location="http://169.254.169.254/latest"))


def to_loopback_in_disguise(scripted: Scripted, digest: str) -> None:
    scripted.on(f"GET .*{digest}", lambda it: it.give(307, location="http://[::ffff:7f00:1]:9/x"))


def to_a_file(scripted: Scripted, digest: str) -> None:
    scripted.on(f"GET .*{digest}", lambda it: it.give(307, location="file:///etc/passwd"))


BLOBS: dict[Callable[[Scripted, str], None], tuple[int, str]] = {
    wrong_bytes: (500, "digest mismatch"),
    short_body: (500, "bytes of sha256:"),
    broken_off: (503, "cannot be reached"),
    a_page: (403, "status 403"),
    another_range: (500, "another range"),
    endless: (500, "sent more bytes"),
    compressed: (500, "compressed a blob"),
    to_itself: (500, "redirected more than 5 times"),
    to_a_private_address: (403, "not on the public internet"),
    to_loopback_in_disguise: (403, "not on the public internet"),
    to_a_file: (403, "which is not plain"),
}


@pytest.mark.parametrize("fault", BLOBS, ids=lambda fault: fault.__name__)
async def test_a_blob_that_is_not_what_it_should_be_is_refused(
    opening: Opening, scripted: Scripted, fault: Callable[[Scripted, str], None]
) -> None:
    digest = with_other_weights(scripted, b"GGUF" + bytes(range(256)) * 400)
    fault(scripted, digest)
    async with opening("one", scripted.host) as house:
        house.app.services.pulls._downloads._pause = 0.01  # the pauses between repetitions add up
        before = house.blobs()
        answer = await house.ask("/api/pull", model=scripted.name, insecure=True)
        status, text = BLOBS[fault]
        assert text in answer.json()["error"]
        assert answer.status_code == status
        await nothing_kept(house, before, scripted)


async def test_a_text_that_is_not_what_it_should_be_is_refused(opening: Opening, scripted: Scripted) -> None:
    scripted.blobs[digest_of(scripted.system)] = b"You are kind."
    assert len(b"You are kind.") == len(scripted.system)
    async with opening("one", scripted.host) as house:
        before = house.blobs()
        answer = await house.ask("/api/pull", model=scripted.name, insecure=True)
        assert "digest mismatch" in answer.json()["error"]
        await nothing_kept(house, before, scripted)


async def nothing_kept(house: House, before: set[str], scripted: Scripted) -> None:
    assert house.blobs() == before
    assert not (await house.digest(scripted.name))
    for path in house.partial():
        assert path.suffix == ".parts" or not path.read_bytes().strip(b"\0").startswith(b"<h1>")


def missing_layers(tree: dict[str, Any]) -> object:
    del tree["layers"]
    return tree


def no_weights(tree: dict[str, Any]) -> object:
    tree["layers"] = tree["layers"][1:]
    return tree


def a_path_for_a_digest(tree: dict[str, Any]) -> object:
    tree["layers"][1]["digest"] = "sha256:../../../../etc/passwd"
    return tree


def a_number_for_a_digest(tree: dict[str, Any]) -> object:
    tree["config"]["digest"] = 7
    return tree


def negative_size(tree: dict[str, Any]) -> object:
    tree["layers"][0]["size"] = -1
    return tree


def huge_text(tree: dict[str, Any]) -> object:
    tree["layers"][1]["size"] = 10**12
    return tree


def many_texts(tree: dict[str, Any]) -> object:
    text = {"mediaType": "application/vnd.ollama.image.license", "size": LARGEST_SMALL_LAYER}
    tree["layers"] += [text | {"digest": f"sha256:{number:064}"} for number in range(5)]
    return tree


def two_sizes(tree: dict[str, Any]) -> object:
    tree["layers"].append(tree["layers"][0] | {"size": 1})
    return tree


def many_layers(tree: dict[str, Any]) -> object:
    tree["layers"] *= 3000
    return tree


def a_list(tree: dict[str, Any]) -> object:
    return [tree]


def an_index(tree: dict[str, Any]) -> object:
    return {"schemaVersion": 2, "manifests": []}


def foreign_layers(tree: dict[str, Any]) -> object:
    tree["layers"].append({"mediaType": "application/x-tar", "digest": "sha256:" + "0" * 64, "size": 1})
    return tree


MANIFESTS = {
    missing_layers: "no layer with a model's weights",
    no_weights: "no layer with a model's weights",
    a_path_for_a_digest: "the manifest cannot be read",
    a_number_for_a_digest: "the manifest cannot be read",
    negative_size: "the manifest cannot be read",
    huge_text: "1000000000000 bytes",
    many_texts: "the manifest's texts have more than",
    two_sizes: "two sizes for one layer",
    many_layers: "more than 4096 layers",
    a_list: "the manifest cannot be read",
    an_index: "the manifest cannot be read",
    foreign_layers: "unknown media type",
}


@pytest.mark.parametrize("change", MANIFESTS, ids=lambda change: change.__name__)
async def test_a_manifest_is_checked_before_anything_is_fetched(
    opening: Opening, scripted: Scripted, change: Callable[[dict[str, Any]], object], tmp_path: Path
) -> None:
    tree = change(scripted.manifest)
    scripted.on("/manifests/latest", lambda it: it.give(200, json.dumps(tree).encode()))
    async with opening("one", scripted.host) as house:
        before = house.blobs()
        answer = await house.ask("/api/pull", model=scripted.name, insecure=True)
        assert answer.status_code in (400, 500)
        assert MANIFESTS[change] in answer.json()["error"]
        assert scripted.asked("/blobs/") == 0
        await nothing_kept(house, before, scripted)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_manifest_is_limited_after_decompression(
    opening: Opening, scripted: Scripted, encoding: str
) -> None:
    body = b" " * 50_000_000
    sent = gzip.compress(body) if encoding == "gzip" else body
    scripted.on("/manifests/", lambda it: it.give(200, sent, content_encoding=encoding))
    async with opening("one", scripted.host) as house:
        answer = await house.ask("/api/pull", model=scripted.name, insecure=True)
        assert answer.status_code == 413
        assert "more than 1048576 bytes" in answer.json()["error"]


async def test_the_realm_of_another_host_gets_no_credentials(opening: Opening, scripted: Scripted) -> None:
    with Scripted() as thief:
        realm = f'Bearer realm="http://{thief.host}/token",service="x",scope="y"'
        async with opening("one", scripted.host) as house:
            await house.done(
                "/api/modelwright/login", registry=scripted.host, username="u", password="p", insecure=True
            )
            scripted.on(".", lambda it: it.give(401, www_authenticate=realm))
            answer = await house.ask("/api/pull", model=scripted.name, insecure=True)
        assert answer.status_code == 403
        assert "which is another host" in answer.json()["error"]
        assert not thief.seen


@pytest.mark.parametrize("realm", ["https://\xe9:x/", "http://[", "https://h:99999/", "\x7f"])
async def test_a_realm_that_leads_nowhere_is_said(opening: Opening, scripted: Scripted, realm: str) -> None:
    scripted.closed_by = f'Bearer realm="{realm}",service="x",scope="y"'
    async with opening("one", scripted.host) as house:
        answer = await house.ask("/api/pull", model=scripted.name, insecure=True)
    assert "internal error" not in answer.json()["error"]
    assert scripted.host in answer.json()["error"]


async def test_an_upload_that_goes_on_nowhere_is_said(opening: Opening, scripted: Scripted) -> None:
    scripted.on("HEAD ", lambda it: it.give(404))
    scripted.on("POST ", lambda it: it.give(202, location="http://\x7f/"))
    async with opening("one", scripted.host) as house:
        await house.done("/api/create", model=scripted.name, **{"from": "starter"})
        answer = await house.ask("/api/push", model=scripted.name, insecure=True)
    assert "which is no URL" in answer.json()["error"]


async def test_credentials_do_not_follow_a_redirect(opening: Opening, scripted: Scripted) -> None:
    with Scripted() as storage:
        digest = with_other_weights(scripted, b"GGUF" + bytes(5000))
        storage.blobs = scripted.blobs
        place = f"http://{storage.host}/blobs/{digest}"

        def sent_on(it: Any) -> None:
            given = it.headers.get("Authorization")
            it.give(*((307,) if given else (401,)), location=place, www_authenticate='Basic realm="x"')

        async with opening("one", scripted.host, storage.host) as house:
            await house.done(
                "/api/modelwright/login", registry=scripted.host, username="u", password="p", insecure=True
            )
            scripted.on(f"GET .*{digest}", sent_on)
            answer = await house.ask("/api/pull", model=scripted.name, insecure=True)
        assert "GGUF" in answer.json()["error"], "the blob came, and is no model"
        assert storage.asked(digest) == 1
        assert not any("authorization" in headers for _, headers in storage.seen)


async def test_a_registry_that_is_not_listed_is_not_spoken_to(opening: Opening, scripted: Scripted) -> None:
    async with opening("one", "registry.example") as house:
        for path in ("/api/pull", "/api/push"):
            await house.done("/api/create", model=scripted.name, **{"from": "starter"})
            answer = await house.ask(path, model=scripted.name, insecure=True)
            assert answer.status_code == 403
            assert "not among those that may be spoken to" in answer.json()["error"]
    assert not scripted.seen


async def test_http_must_be_asked_for(opening: Opening, scripted: Scripted) -> None:
    async with opening("one", scripted.host) as house:
        answer = await house.ask("/api/pull", model=f"http://{scripted.name}")
        assert answer.status_code == 400
        assert "insecure protocol http" in answer.json()["error"]
        answer = await house.ask("/api/pull", model=scripted.name)
        assert answer.status_code == 503, "https, which this registry does not speak"
    assert not scripted.seen
    await asyncio.sleep(0)
