"""Pulling from a real registry: what comes is whole, shared and resumed."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx2
import pytest

from modelwright.core.digest import Digest
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.transfer_ports import Repository
from modelwright.registries.credentials import CredentialFile
from modelwright.registries.oci import OciRegistries
from modelwright.registries.traffic import Traffic
from modelwright.service.downloads import Downloads
from modelwright.service.transfer_events import LayerMoved
from modelwright.starter import WEIGHTS
from modelwright.store.blobs import BlobStore
from modelwright.store.partials import PartialStore
from tests.registries.conftest import House, Opening
from tests.registries.scripted import CONFIG, Scripted, digest_of, layer

pytestmark = pytest.mark.anyio


async def push_mario(house: House, name: str) -> str:
    """Make a model called `name` and push it; its digest."""
    await house.done("/api/create", model=name, **{"from": "starter"}, system="You are Mario.")
    await house.done("/api/push", model=name, insecure=True)
    return await house.digest(name)


async def test_a_model_comes_as_ollama_tells_of_it(opening: Opening, cncf: str) -> None:
    name = f"{cncf}/team/told"
    async with opening("one", cncf) as one, opening("two", cncf) as two:
        digest = await push_mario(one, name)
        lines = await two.lines("/api/pull", model=name, insecure=True)
        assert await two.digest(name) == digest
    statuses = list(dict.fromkeys(line["status"] for line in lines))
    assert statuses[0] == "pulling manifest"
    assert statuses[-3:] == ["verifying sha256 digest", "writing manifest", "success"]
    layers = [line for line in lines if "digest" in line]
    assert all(line["status"] == f"pulling {line['digest'][7:19]}" for line in layers)
    assert layers[0]["total"] == WEIGHTS.stat().st_size


async def test_a_base_that_is_not_here_is_pulled(opening: Opening, cncf: str) -> None:
    name = f"{cncf}/team/base"
    async with opening("one", cncf) as one, opening("two", cncf) as two:
        await push_mario(one, name)
        refused = await two.ask("/api/create", model="child", **{"from": name})
        assert refused.status_code == 404, "without `insecure` it is asked for over https"
        assert "it is not here, and it cannot be pulled" in refused.json()["error"]
        await two.done("/api/pull", model=name, insecure=True)
        await two.done("/api/create", model="child", **{"from": name})


async def test_two_pulls_of_one_model_share_the_work(opening: Opening, scripted: Scripted) -> None:
    async with opening("one", scripted.host) as house:
        await house.client.request("DELETE", "/api/delete", json={"model": "starter"})
        (house.home / "blobs" / digest_of(scripted.weights).replace(":", "-")).unlink()
        both = [house.done("/api/pull", model=scripted.name, insecure=True) for _ in range(2)]
        await asyncio.gather(*both)
    assert scripted.asked(f"GET .*/blobs/{digest_of(scripted.weights)}") == 1


async def test_what_is_here_is_not_fetched_and_what_has_rotted_is_mended(
    opening: Opening, scripted: Scripted
) -> None:
    asked = f"GET .*/blobs/{digest_of(scripted.weights)}"
    async with opening("one", scripted.host) as house:
        await house.done("/api/pull", model=scripted.name, insecure=True)
        assert scripted.asked(asked) == 0, "the starter has the same weights"
        blob = house.home / "blobs" / digest_of(scripted.weights).replace(":", "-")
        rotten = bytearray(blob.read_bytes())
        rotten[len(rotten) // 2] ^= 1
        blob.unlink()
        blob.write_bytes(rotten)
        await house.done("/api/pull", model=scripted.name, insecure=True)
        assert scripted.asked(asked) == 1
        assert blob.read_bytes() == scripted.weights


async def test_another_manifest_of_the_same_model_is_another_revision(
    opening: Opening, scripted: Scripted
) -> None:
    async with opening("one", scripted.host) as house:
        digests = []
        for family in ("llama", "llama", "llama-3"):
            config = json.dumps({**CONFIG, "model_family": family}).encode()
            scripted.manifest["config"] = layer("application/vnd.docker.container.image.v1+json", config)
            scripted.blobs[digest_of(config)] = config
            await house.done("/api/pull", model=scripted.name, insecure=True)
            digests.append(await house.digest(scripted.name))
        history = await house.client.get("/api/modelwright/history", params={"model": scripted.name})
    assert digests[0] == digests[1] != digests[2]
    assert [each["kind"] for each in history.json()["revisions"]] == ["pull", "pull"]


async def test_a_client_that_leaves_ends_the_work_and_the_next_goes_on(
    opening: Opening, scripted: Scripted
) -> None:
    scripted.weights = scripted.weights[:-1] + os.urandom(3 * 1024 * 1024)  # no GGUF, but a blob
    digest = digest_of(scripted.weights)
    scripted.blobs[digest] = scripted.weights
    scripted.manifest["layers"][0] |= {"digest": digest, "size": len(scripted.weights)}
    half = len(scripted.weights) // 2
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stall(handler: object) -> None:
        handler.give(200, scripted.weights[:half], content_length=str(len(scripted.weights)))  # type: ignore[attr-defined] - a handler
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()

    scripted.on(f"blobs/{digest}", stall)
    async with opening("one", scripted.host) as house:
        pull = house.app.services.pulls.pull(LOCAL_ADMIN, scripted.name, insecure=True)
        async for event in pull:
            if isinstance(event, LayerMoved) and event.completed > 1024 * 1024:
                break
        await pull.aclose()
        gate.set()
        assert len(house.partial()) == 2
        scripted.rules.clear()
        await house.ask("/api/pull", model=scripted.name, insecure=True)
        assert house.partial() == []
        again = [headers for line, headers in scripted.seen if digest in line][-1]
        assert int(again["range"].removeprefix("bytes=").partition("-")[0]) >= 1024 * 1024


async def test_parts_of_a_blob_come_at_the_same_time(tmp_path: Path, scripted: Scripted) -> None:
    content, together = os.urandom(4 << 16), threading.Barrier(4)
    digest = Digest.parse(digest_of(content))
    scripted.on(f"GET .*{digest}", lambda it: (together.wait(30), it.serve_blob(content)))
    blobs = BlobStore(tmp_path)
    registries = OciRegistries(Traffic([scripted.host]), CredentialFile(tmp_path))
    downloads = Downloads(registries, PartialStore(tmp_path, blobs, part=1 << 16), streams=4)
    repository = Repository(scripted.host, "team/evil", insecure=True)
    counts = [count async for count in downloads.fetch(repository, digest, len(content))]
    assert counts[-1] == len(content)
    assert blobs.path(digest).read_bytes() == content


KILLED = """
import asyncio, os, sys
from pathlib import Path
from modelwright.core.digest import Digest
from modelwright.core.transfer_ports import Repository
from modelwright.registries.credentials import CredentialFile
from modelwright.registries.oci import OciRegistries
from modelwright.registries.traffic import Traffic
from modelwright.service.downloads import Downloads
from modelwright.store.blobs import BlobStore
from modelwright.store.partials import PartialStore

async def main(home, host, digest, size, die_at):
    store = PartialStore(home, BlobStore(home), part=1 << 20)
    registries = OciRegistries(Traffic([host]), CredentialFile(home))
    downloads = Downloads(registries, store)
    repository = Repository(host, "team/blob", insecure=True)
    if die_at:
        write = os.pwrite
        def counted(file, piece, place):
            global written
            room = die_at - written
            done = write(file, bytes(piece)[:room], place)
            written += done
            if written >= die_at:
                os.kill(os.getpid(), 9)
            return done
        os.pwrite = counted
    async for done in downloads.fetch(repository, Digest.parse(digest), size):
        print(done, flush=True)

written = 0
home, host, digest, size, die_at = sys.argv[1:]
asyncio.run(main(Path(home), host, digest, int(size), int(die_at)))
"""


def fetch(home: Path, host: str, content: bytes, die_at: int) -> "subprocess.CompletedProcess[str]":
    arguments = [str(home), host, digest_of(content), str(len(content)), str(die_at)]
    return subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True, timeout=100
    )


def upload(host: str, content: bytes) -> None:
    """Put a blob into a real registry, without any code of ours."""
    with httpx2.Client(base_url=f"http://{host}", timeout=100) as client:
        place = client.post("/v2/team/blob/blobs/uploads/").headers["location"]
        headers = {"Content-Type": "application/octet-stream"}
        done = client.put(f"{place}&digest={digest_of(content)}", content=content, headers=headers)
        assert done.status_code == 201, done.text


@pytest.mark.limit(600)  # of twenty processes, one after the other
async def test_a_pull_goes_on_after_a_kill_at_any_byte(tmp_path: Path, cncf: str) -> None:
    dice = random.Random(8)
    content = dice.randbytes(5 * 1024 * 1024 + 7)
    upload(cncf, content)
    place = tmp_path / "blobs" / digest_of(content).replace(":", "-")
    for die_at in sorted(dice.randrange(1, len(content)) for _ in range(10)):
        killed = fetch(tmp_path, cncf, content, die_at)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert not place.exists()
        done = fetch(tmp_path, cncf, content, 0)
        assert done.returncode == 0, done.stderr
        assert place.read_bytes() == content
        place.unlink()
    assert not list((tmp_path / "partial").iterdir())
