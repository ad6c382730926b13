"""Ollama's own create tests, driven over HTTP against a whole server.

Two tables: sequences with the store they leave (0.33), and refusals of the
newest release (its pull request 14969), which refuses some things that we keep.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.digest import Digest

pytestmark = pytest.mark.anyio

TABLES = Path(__file__).parents[2] / "../shared/conformance/ollama"


def cases(name: str) -> list[dict[str, Any]]:
    path = TABLES / name
    return json.loads(path.read_text("utf-8"))["cases"] if path.is_file() else []


FLOWS = cases("create_flow.json")
NEWEST = [case for case in cases("create_v034_pr14969.json") if case["kind"] == "create_http"]
GGUF = base64.b64decode(FLOWS[0]["uploads"][0]["base64"]) if FLOWS else b""
absent = pytest.mark.skipif(not FLOWS, reason="the conformance tables are not here")

REMOTE = "models of other servers are not supported: remote_host is refused by name"
FLOW_EXCEPTIONS = {
    "TestCreateAndShowRemoteModel": REMOTE,
    "TestCreateFromCloudSourceSuffix": REMOTE,
    "TestDeleteCloudSourceNormalizesToLegacyName": REMOTE,
}
"""Sequences that end otherwise, and why."""

OWN_TEMPLATE = "TestCreateDetectTemplate/matched"
"""The engine renders with the template in the weights, so none is written beside them."""

LIBRARY = "registry.ollama.ai/library/"


async def manifests_of(house: Any) -> dict[str, Any]:
    """Ollama's path of each model -> its manifest's tree."""
    found = {}
    for stored in await house.catalogue.list_models():
        name = stored.name
        content = await house.catalogue.small_blob(stored.revision.manifest)
        assert Digest.of(content) == stored.revision.manifest
        found[f"{name.host}/{name.namespace}/{name.model}/{name.tag}"] = json.loads(content)
    return found


async def blobs_of(house: Any, manifests: dict[str, Any]) -> dict[str, bytes | None]:
    """File name of each blob that a manifest names -> its bytes; None for weights."""
    found = {}
    for manifest in manifests.values():
        for layer in (manifest["config"], *manifest["layers"]):
            digest = Digest.parse(layer["digest"])
            content = await house.catalogue.small_blob(digest)
            assert content is not None or await house.blobs.verify(digest)
            assert content is None or len(content) == layer["size"]
            found[f"sha256-{digest.hex}"] = content
    return found


async def take(house: Any, step: dict[str, Any]) -> Any:
    answer = await house.client.request(step["method"], step["path"], json=step["body"])
    assert answer.status_code == step["status"], answer.text
    if "error" in step:
        assert answer.json()["error"].startswith(step["error"])
    if "error_contains" in step:
        assert step["error_contains"] in answer.json()["error"]
    return answer


async def check_store(house: Any, step: dict[str, Any], *, exactly: bool) -> None:
    manifests = await manifests_of(house)
    if "manifests" in step:
        assert set(manifests) == set(step["manifests"])
    if "blobs" in step:
        blobs = await blobs_of(house, manifests)
        wanted = {blob["name"]: blob.get("text") for blob in step["blobs"]}
        found = {name: content.decode() if content else None for name, content in blobs.items()}
        assert found == wanted if exactly else found.items() <= wanted.items()
    if "config_of" in step:
        config = manifests[f"{LIBRARY}{step['config_of']}/latest"]["config"]["digest"]
        content = json.loads(await house.catalogue.small_blob(Digest.parse(config)))
        assert step["config_contains"].items() <= content.items()


def contains(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return all(name in found and contains(found[name], value) for name, value in wanted.items())
    return bool(found == wanted)


@absent
@pytest.mark.parametrize("case", FLOWS, ids=lambda case: case["name"])
async def test_sequences_leave_what_ollama_leaves(house: Any, case: dict[str, Any]) -> None:
    for name in ("test", "bert"):
        await house.client.request("DELETE", "/api/delete", json={"name": name})
    for upload in case["uploads"]:
        content = base64.b64decode(upload["base64"])
        await house.client.post(f"/api/blobs/{upload['digest']}", content=content)
    if case["name"] in FLOW_EXCEPTIONS:
        step = case["steps"][0]
        answer = await house.client.request(step["method"], step["path"], json=step["body"])
        assert (answer.status_code, "error" in answer.json()) in {(400, True), (403, True)}
        return
    for step in case["steps"]:
        answer = await take(house, step)
        await check_store(house, step, exactly=case["name"] != OWN_TEMPLATE)
        if "response_contains" in step:
            assert contains(answer.json(), step["response_contains"])


QUANTIZING = "weights are quantized and converted here, whatever their type"
NEWEST_EXCEPTIONS = {
    "gguf quantize": QUANTIZING,
    "safetensors quantize": QUANTIZING,
    "safetensors draft quantize": "draft models are refused before their type is looked at",
}
"""Refusals that are worded otherwise, or that are none here, and why."""


@absent
@pytest.mark.parametrize("case", NEWEST, ids=lambda case: case["name"])
async def test_refusals_are_those_of_the_newest_ollama(house: Any, case: dict[str, Any]) -> None:
    digest = str(Digest.of(GGUF))
    await house.client.post(f"/api/blobs/{digest}", content=GGUF)
    text = json.dumps(case["request"])
    for placeholder in ("<digest of an uploaded empty-architecture GGUF>", "<digest of an uploaded GGUF>"):
        text = text.replace(placeholder, digest)
    answer = await house.client.post("/api/create", content=text)
    if case["name"] in NEWEST_EXCEPTIONS:
        assert answer.status_code in (400, 404)  # the blobs that the case names are not there
        return
    assert answer.status_code == case["status"], answer.text
    assert case.get("error_contains", "") in answer.json()["error"]


@absent
@pytest.mark.parametrize(
    "case",
    [case for case in cases("create_v034_pr14969.json") if case["kind"] == "head_blob"],
    ids=lambda case: case["name"],
)
async def test_blobs_are_found_as_upstream_finds_them(house: Any, case: dict[str, Any]) -> None:
    if "condition" in case:
        pytest.skip("a folder that cannot be read cannot be made as root")
    if "content" in case:
        content = case["content"].encode()
        case["digest"] = str(Digest.of(content))
        await house.client.post(f"/api/blobs/{case['digest']}", content=content)
    assert (await house.client.head(f"/api/blobs/{case['digest']}")).status_code == case["status"]


@absent
def test_every_exception_is_a_case() -> None:
    assert set(FLOW_EXCEPTIONS) <= {case["name"] for case in FLOWS}
    assert set(NEWEST_EXCEPTIONS) <= {case["name"] for case in NEWEST}
