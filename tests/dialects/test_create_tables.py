"""Ollama's own create tests, driven over HTTP against a whole server.

Two tables: sequences with the store they leave (0.33), and refusals of the
newest release (its pull request 14969), which refuses some things that we keep.
"""

import base64
import json
from pathlib import Path
from typing import Any

import gguf
import pytest

from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid
from modelwright.core.weight_files import NamedBlob, format_of
from tools.docs.conformance import case_name, exceptions

pytestmark = pytest.mark.anyio

TABLES = Path(__file__).parents[2] / "../shared/conformance/ollama"


def cases(name: str) -> list[dict[str, Any]]:
    path = TABLES / name
    return json.loads(path.read_text("utf-8"))["cases"] if path.is_file() else []


FLOWS = cases("create_flow.json")
NEWEST = cases("create_v034_pr14969.json")
GGUF = base64.b64decode(FLOWS[0]["uploads"][0]["base64"]) if FLOWS else b""


def newest(kind: str) -> Any:
    """Run a test for each case of a kind of the newest release's table."""
    found = [case for case in NEWEST if case["kind"] == kind]
    return pytest.mark.parametrize("case", found, ids=lambda case: case["name"])


absent = pytest.mark.skipif(not FLOWS, reason="the conformance tables are not here")

FLOW_EXCEPTIONS = exceptions("create_flow")

OWN_TEMPLATE = "TestCreateDetectTemplate/matched"
"""The exception that succeeds: it leaves a blob less. The others are refused."""

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
    if case["name"] in FLOW_EXCEPTIONS and case["name"] != OWN_TEMPLATE:
        step = case["steps"][0]
        answer = await house.client.request(step["method"], step["path"], json=step["body"])
        assert (answer.status_code, "error" in answer.json()) in {(400, True), (403, True)}
        return
    for step in case["steps"]:
        answer = await take(house, step)
        await check_store(house, step, exactly=case["name"] != OWN_TEMPLATE)
        if "response_contains" in step:
            assert contains(answer.json(), step["response_contains"])


NEWEST_EXCEPTIONS = exceptions("create_v034_pr14969")
"""Refusals that are worded otherwise, or that are none here, and why."""


@absent
@newest("create_http")
async def test_refusals_are_those_of_the_newest_ollama(house: Any, case: dict[str, Any]) -> None:
    digest = str(Digest.of(GGUF))
    await house.client.post(f"/api/blobs/{digest}", content=GGUF)
    text = json.dumps(case["request"])
    for placeholder in ("<digest of an uploaded empty-architecture GGUF>", "<digest of an uploaded GGUF>"):
        text = text.replace(placeholder, digest)
    answer = await house.client.post("/api/create", content=text)
    if case_name(case) in NEWEST_EXCEPTIONS:
        assert answer.status_code in (400, 404)  # the blobs that the case names are not there
        return
    assert answer.status_code == case["status"], answer.text
    assert case.get("error_contains", "") in answer.json()["error"]


@absent
@newest("head_blob")
async def test_blobs_are_found_as_upstream_finds_them(house: Any, case: dict[str, Any]) -> None:
    wanted = 404 if case_name(case) in NEWEST_EXCEPTIONS else case["status"]
    content = case.get("content", "").encode()
    digest = case.get("digest") or str(Digest.of(content))
    if content:
        await house.client.post(f"/api/blobs/{digest}", content=content)
    assert (await house.client.head(f"/api/blobs/{digest}")).status_code == wanted


@absent
@newest("detect_type")
async def test_files_are_of_the_type_that_upstream_sees(house: Any, case: dict[str, Any]) -> None:
    content = [
        GGUF if "content_first4" in file else file.get("content", "").encode() for file in case["files"]
    ]
    files = {
        file["name"].replace("<hex digest>", Digest.of(GGUF).hex): str(Digest.of(each))
        for file, each in zip(case["files"], content, strict=True)
    }
    named = [NamedBlob(name, Digest.parse(digest)) for name, digest in files.items()]
    if "error_is" in case:
        with pytest.raises(Invalid, match=case["error_is"]):
            format_of(named)
        return
    if format_of(named):
        assert format_of(named) == case["type"]
        return
    unheard = case_name(case) in NEWEST_EXCEPTIONS
    for each in () if unheard else content:
        await house.client.post(f"/api/blobs/{Digest.of(each)}", content=each)
    answer = await house.client.post("/api/create", json={"model": "m", "files": files, "stream": False})
    assert answer.status_code == (404 if unheard else 200 if case["type"] else 400), answer.text
    assert unheard or case["type"] or "unknown type" in answer.json()["error"]


@absent
@newest("gguf_media_type")
async def test_a_projector_is_a_layer_of_upstreams_type(
    house: Any, case: dict[str, Any], tmp_path: Path
) -> None:
    writer = gguf.GGUFWriter(tmp_path / "projector", "clip")
    for key, value in case["kv"].items():
        if key != "general.architecture":
            writer.add_key_value(key, value, gguf.GGUFValueType.get_type(value))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    contents = {case["file"]: (tmp_path / "projector").read_bytes(), "model.gguf": GGUF}
    for content in contents.values():
        await house.client.post(f"/api/blobs/{Digest.of(content)}", content=content)
    files = {name: str(Digest.of(content)) for name, content in contents.items()}
    await house.create("m", files=files)
    layers = (await manifests_of(house))[f"{LIBRARY}m/latest"]["layers"]
    assert {layer["digest"]: layer["mediaType"] for layer in layers}[files[case["file"]]] == case[
        "media_type"
    ]


@absent
@newest("safetensors_create")
async def test_a_draft_model_is_refused_by_name(house: Any, case: dict[str, Any]) -> None:
    assert case_name(case) in NEWEST_EXCEPTIONS
    names = {"files": case["request"]["files"], "draft_files": case["request"]["draft_files"]}
    body = {field: dict.fromkeys(found, str(Digest.of(b"{}"))) for field, found in names.items()}
    answer = await house.client.post("/api/create", json=body | {"model": "m"})
    assert answer.status_code == 400
    assert "draft" in answer.json()["error"]
