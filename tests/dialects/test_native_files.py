"""Naming a file of the server's machine: who may, and what others learn."""

import json
import os
from pathlib import Path
from typing import Any

import httpx2
import pytest

from modelwright.core.digest import Digest

pytestmark = pytest.mark.anyio

STARTER = Path(__file__).parents[2] / "src/modelwright/starter/starter-f16.gguf"
LINK = "/api/modelwright/blobs/link"
TOKEN = "only who reads the data folder knows it"


async def ask(
    client: httpx2.AsyncClient, path: object, token: str = TOKEN, **headers: str
) -> httpx2.Response:
    return await client.post(LINK, json={"path": str(path), "token": token}, headers=headers)


async def test_a_file_becomes_a_blob(house: Any, tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"x" * 5_000_000)
    answer = await ask(house.client, tmp_path / "a.gguf")
    last = json.loads(answer.text.splitlines()[-1])
    assert last == {"status": "success", "digest": str(Digest.of(b"x" * 5_000_000)), "size": 5_000_000}


def places(folder: Path) -> dict[str, Path]:
    """Everything that is no readable regular file."""
    (folder / "folder").mkdir()
    (folder / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    (folder / "secret").write_text("secret")
    (folder / "secret").chmod(0)
    return {name: folder / name for name in ("folder", "link", "pipe", "secret", "absent")}


async def test_an_unusable_path_is_told_as_an_absent_one(house: Any, tmp_path: Path) -> None:
    answers = {}
    for name, path in places(tmp_path).items():
        if name == "secret" and os.geteuid() == 0:
            continue  # root may read it
        answer = await ask(house.client, path)
        answers[name] = (answer.status_code, answer.content.replace(name.encode(), b"?"))
    assert answers["absent"][0] == 404
    assert len(set(answers.values())) == 1


@pytest.mark.parametrize("name", ["there", "absent"])
async def test_without_the_token_nothing_is_looked_at(house: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "there").write_text("x")
    for token in ("", "wrong", "wröng"):
        answer = await ask(house.client, tmp_path / name, token)
        assert answer.status_code == 403
        assert str(tmp_path) not in answer.text
    assert not (await house.client.head(f"/api/blobs/{Digest.of(b'x')}")).is_success


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
async def test_a_proxy_speaks_for_nobody(house: Any, tmp_path: Path, header: str) -> None:
    (tmp_path / "there").write_text("x")
    assert (await ask(house.client, tmp_path / "there", **{header: "10.0.0.1"})).status_code == 403


@pytest.mark.parametrize(("host", "status"), [("10.0.0.1", 403), ("::1", 200), ("", 403)])
async def test_the_peer_must_be_this_machine(house: Any, tmp_path: Path, host: str, status: int) -> None:
    (tmp_path / "there").write_text("x")
    transport = httpx2.ASGITransport(app=house.app, client=(host, 1234))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as far:
        assert (await ask(far, tmp_path / "there")).status_code == status


async def test_the_token_is_never_told(house: Any) -> None:
    assert TOKEN not in (await house.client.get("/api/modelwright/server")).text


async def test_a_linked_file_that_was_changed_is_not_made_into_anything(house: Any, tmp_path: Path) -> None:
    source = tmp_path / "mine.gguf"
    source.write_bytes(STARTER.read_bytes())
    digest = json.loads((await ask(house.client, source)).text.splitlines()[-1])["digest"]
    await house.create("mine", files={"mine.gguf": digest})
    if not (tmp_path / "blobs" / digest.replace(":", "-")).samefile(source):
        pytest.skip("this file system clones, so a change does not reach the blob")
    with source.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"!")
    for route, body in {
        "/api/create": {"model": "small", "from": "mine", "quantize": "Q8_0", "stream": False},
        "/api/show": {"model": "mine", "verbose": True},
    }.items():
        answer = await house.client.post(route, json=body)
        assert (answer.status_code, "was changed since it was linked" in answer.text) == (500, True)
