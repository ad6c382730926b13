"""Models made of what Hugging Face and llama-gguf-split have: made into GGUF on the way."""

import hashlib
import json
from pathlib import Path
from typing import Any

import gguf
import httpx2
import numpy
import pytest

from modelwright.weights.split import part_names

pytestmark = pytest.mark.anyio

GOLDEN = Path(__file__).parents[1] / "weights" / "golden" / "llama"
FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


async def upload(client: httpx2.AsyncClient, content: bytes) -> str:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    await client.post(f"/api/blobs/{digest}", content=content)
    return digest


async def create(client: httpx2.AsyncClient, **body: Any) -> list[dict[str, Any]]:
    answer = await client.post("/api/create", json=body)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def details(client: httpx2.AsyncClient, model: str) -> dict[str, Any]:
    return dict((await client.post("/api/show", json={"model": model})).json()["details"])


@pytest.mark.parametrize(("quantize", "found"), [(None, "F16"), ("q8_0", "Q8_0")])
async def test_safetensors_become_a_gguf(
    client: httpx2.AsyncClient, tmp_path: Path, quantize: str | None, found: str
) -> None:
    paths = [path for name in FILES if (path := GOLDEN / name).exists()]
    files = {path.name: await upload(client, path.read_bytes()) for path in paths}
    lines = await create(client, model="converted", files=files, quantize=quantize)
    assert lines[0]["status"] == "converting model"
    assert lines[-1] == {"status": "success"}
    made = await details(client, "converted")
    assert (made["format"], made["family"], made["quantization_level"]) == ("gguf", "llama", found)
    assert list((tmp_path / "workshop").iterdir()) == []


async def test_a_conversion_that_fails_leaves_nothing(client: httpx2.AsyncClient, tmp_path: Path) -> None:
    files = {"config.json": b"{}", "model.safetensors": (GOLDEN / "model.safetensors").read_bytes()}
    digests = {name: await upload(client, content) for name, content in files.items()}
    body = {"model": "m", "files": digests, "stream": False}
    answer = await client.post("/api/create", json=body)
    assert answer.status_code == 400
    assert "architectures" in answer.json()["error"]
    assert list((tmp_path / "workshop").iterdir()) == []
    assert len(list((tmp_path / "blobs").iterdir())) == 2


def parts(folder: Path) -> dict[str, bytes]:
    """A GGUF in three files."""
    for number, name in enumerate(part_names("m-00001-of-00003.gguf")):
        writer = gguf.GGUFWriter(folder / name, "llama")
        writer.add_uint16("split.no", number)
        writer.add_uint16("split.count", 3)
        writer.add_int32("split.tensors.count", 3)
        writer.add_block_count(1)
        writer.add_embedding_length(32)
        writer.add_tensor(f"blk.0.{number}.weight", numpy.ones((4, 32), dtype=numpy.float32))
        for step in ("write_header_to_file", "write_kv_data_to_file", "write_tensors_to_file", "close"):
            getattr(writer, step)()
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


async def test_the_parts_of_a_split_gguf_become_one(client: httpx2.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    found = parts(tmp_path / "parts")
    digests = {name: await upload(client, found[name]) for name in reversed(found)}
    lines = await create(client, model="whole", files=digests)
    assert "parsing GGUF" in [line["status"] for line in lines]
    answer = await client.post("/api/show", json={"model": "whole", "verbose": True})
    assert len(answer.json()["tensors"]) == 3
    digests.pop("m-00002-of-00003.gguf")
    refused = await client.post("/api/create", json={"model": "less", "files": digests, "stream": False})
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("invalid split GGUF: ")


async def test_a_peft_folder_becomes_an_adapter(client: httpx2.AsyncClient) -> None:
    base = {name: await upload(client, (GOLDEN / name).read_bytes()) for name in FILES}
    await create(client, model="base", files=base)
    folder = sorted((GOLDEN / "adapter").iterdir())
    files = {path.name: await upload(client, path.read_bytes()) for path in folder}
    lines = await create(client, model="tuned", **{"from": "base"}, adapters=files)
    assert lines[0]["status"] == "converting adapter"
    await create(client, model="half", **{"from": "base"}, adapters=[{"files": files, "scale": 0.5}])
    texts = [
        (await client.post("/api/show", json={"model": model})).json()["modelfile"]
        for model in ("tuned", "half")
    ]
    adapter = next(line for line in texts[0].splitlines() if line.startswith("ADAPTER @"))
    assert f"{adapter} SCALE 0.5\n" in texts[1]


@pytest.mark.parametrize(
    "item", [1, {}, {"scale": 1}, {"digest": "x", "files": {}}, {"files": []}, {"files": {}}]
)
async def test_an_adapter_is_a_digest_or_files(client: httpx2.AsyncClient, item: object) -> None:
    body = {"model": "m", "from": "test", "adapters": [item], "stream": False}
    answer = await client.post("/api/create", json=body)
    assert (answer.status_code, "adapters.0" in answer.json()["error"]) == (400, True)


async def test_what_is_shown_of_a_quantized_child_makes_it_again(client: httpx2.AsyncClient) -> None:
    paths = [path for name in FILES if (path := GOLDEN / name).exists()]
    files = {path.name: await upload(client, path.read_bytes()) for path in paths}
    await create(client, model="whole", files=files, system="Be brief.")
    lines = await create(client, model="small", quantize="q8_0", **{"from": "whole"})
    assert lines[0]["status"] == "quantizing F16 model to Q8_0"
    shown = (await client.post("/api/show", json={"model": "small"})).json()
    await create(client, model="again", modelfile=shown["modelfile"])
    listed = {each["name"]: each["digest"] for each in (await client.get("/api/tags")).json()["models"]}
    assert listed["again:latest"] == listed["small:latest"] != listed["whole:latest"]
    assert (await details(client, "again"))["quantization_level"] == "Q8_0"
