"""Who may pull, push, export and import, and that a digest in a manifest proves nothing."""

import asyncio
import json
import os
import tarfile
import threading
from collections.abc import Coroutine, Mapping
from typing import Any

import httpx2
import pytest

from modelwright.core.digest import Digest
from modelwright.core.errors import NotFound
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.transfer_ports import Repository
from modelwright.starter import WEIGHTS
from tests.registries.conftest import House, Opening
from tests.registries.scripted import Keeping, Scripted, digest_of, layer
from tests.registries.test_archive import repacked

pytestmark = pytest.mark.anyio
EXPORT, IMPORT = "/api/modelwright/export", "/api/modelwright/import"
SECRET = "The word is swordfish."


class People:
    """Ann is an admin; bob and eve are users."""

    def __init__(self, house: House, keys: Mapping[str, str]) -> None:
        self._house = house
        self._keys = keys

    async def ask(self, who: str, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {"x-api-key": self._keys[who]}
        return await self._house.client.request(method, path, headers=headers, **more)

    async def post(self, who: str, path: str, **body: Any) -> httpx2.Response:
        whole = {} if path.endswith("/grants") else {"stream": False}
        return await self.ask(who, "POST", path, json=whole | body)


async def people(house: House) -> People:
    accounts = house.app.services.rights.accounts
    keys = {}
    for name, role in (("ann", "admin"), ("bob", "user"), ("eve", "user")):
        user = await accounts.add_user(LOCAL_ADMIN, name, role)
        keys[name] = (await accounts.add_key(LOCAL_ADMIN, user)).secret
    return People(house, keys)


async def test_a_user_pulls_into_a_namespace_of_its_own(opening: Opening, scripted: Scripted) -> None:
    async with opening("one", scripted.host) as house:
        folk = await people(house)
        refused = await folk.post("bob", "/api/pull", model=scripted.name, insecure=True)
        assert refused.status_code == 403
        assert 'stands in the namespace "team"' in refused.json()["error"]
        assert not scripted.seen, "nobody is asked for what may not be made"
        assert (await folk.post("ann", "/api/pull", model=scripted.name, insecure=True)).status_code == 200


async def test_a_digest_in_a_manifest_opens_nobodys_base(opening: Opening, scripted: Scripted) -> None:
    """What is here is asked for all the same, and the registry does not have it."""
    content = WEIGHTS.read_bytes() + bytes(32)
    scripted.manifest["layers"][0] = layer("model", content)
    async with opening("one", scripted.host) as house:
        folk = await people(house)
        uploaded = await folk.ask("ann", "POST", f"/api/blobs/{digest_of(content)}", content=content)
        assert uploaded.status_code == 201
        bob = (await house.app.services.rights.accounts.user("bob")).acting()
        repository = Repository(scripted.host, "team/evil", insecure=True)
        with pytest.raises(NotFound):
            async for _ in house.app.services.pulls._from_registry(bob, "latest", "mine", repository):
                pass
        assert scripted.asked(f"GET .*{digest_of(content)}") == 1
        assert (await folk.post("ann", "/api/pull", model=scripted.name, insecure=True)).status_code == 200


async def test_a_download_of_another_repository_opens_nobodys_base(
    opening: Opening, scripted: Scripted
) -> None:
    """Who may not know that a blob is coming waits, and then asks where it says that it is."""
    content, gate = os.urandom(50_000), threading.Event()
    digest = Digest.parse(digest_of(content))
    scripted.on("GET .*/team/other/", lambda it: it.give(404))
    scripted.on(f"GET .*{digest}", lambda it: (gate.wait(), it.serve_blob(content)))
    async with opening("one", scripted.host) as house:

        async def fetched(path: str, *, anywhere: bool) -> None:
            repository = Repository(scripted.host, path, insecure=True)
            downloads = house.app.services.pulls._downloads
            async for _ in downloads.fetch(repository, digest, len(content), anywhere=anywhere):
                pass

        async with asyncio.TaskGroup() as group:
            group.create_task(fetched("team/evil", anywhere=True))
            await asyncio.sleep(0)
            blind = group.create_task(refused_as_absent(fetched("team/other", anywhere=False)))
            await asyncio.sleep(0)
            gate.set()
        assert await blind
        assert scripted.asked(f"GET .*/team/other/.*{digest}") == 1


async def refused_as_absent(work: Coroutine[Any, Any, None]) -> bool:
    with pytest.raises(NotFound):
        await work
    return True


async def test_a_digest_in_an_archive_opens_nobodys_prompt(opening: Opening) -> None:
    async with opening("one") as house:
        folk = await people(house)
        await folk.post("ann", "/api/create", model="private", **{"from": "starter"}, system=SECRET)
        archive = (await folk.ask("ann", "GET", EXPORT, params={"model": "private"})).content
        to = {"params": {"name": "x"}}
        refused = await folk.ask("bob", "POST", IMPORT, **to, content=_without(archive, SECRET.encode()))
        assert "the archive lacks" in refused.json()["error"]["message"]
        public = await folk.ask("bob", "POST", IMPORT, **to, content=_without(archive, WEIGHTS.read_bytes()))
        assert public.status_code == 200, "everybody may derive from the starter"
        shown = await folk.post("bob", "/api/show", model="x")
        assert shown.json()["system"] == SECRET, "whoever has the file knows it"
        assert (await folk.post("eve", "/api/show", model="bob/x")).status_code == 404


def _without(archive: bytes, content: bytes) -> bytes:
    """An archive without the member that has this content."""
    return repacked(archive, change=lambda member, held: None if held == content else (member, held))


async def test_what_one_may_only_use_does_not_leave(opening: Opening) -> None:
    async with opening("one") as house:
        folk = await people(house)
        await folk.post("ann", "/api/create", model="private", **{"from": "starter"}, system=SECRET)
        for level, status in (("", 404), ("use", 403), ("read", 403), ("derive", 200)):
            if level:
                grant = {"model": "private", "principal": "user:bob", "level": level}
                assert (await folk.post("ann", "/api/modelwright/grants", **grant)).status_code == 200
            found = await folk.ask("bob", "GET", EXPORT, params={"model": "private"})
            assert found.status_code == status, level
            pushed = await folk.post("bob", "/api/push", model="private")
            assert pushed.status_code == (404 if status == 404 else 403), level


async def test_what_is_inherited_leaves_only_with_who_may_read_it(opening: Opening) -> None:
    async with opening("one", "registry.ollama.ai") as house:
        folk = await people(house)
        await folk.post("ann", "/api/create", model="private", **{"from": "starter"}, system=SECRET)
        grant = {"model": "private", "principal": "user:bob"}
        await folk.post("ann", "/api/modelwright/grants", **grant, level="derive")
        made = await folk.post("bob", "/api/create", model="mine", **{"from": "private"})
        assert made.status_code == 200
        await folk.ask("ann", "DELETE", "/api/modelwright/grants", json=grant)
        for answer in (
            await folk.ask("bob", "GET", EXPORT, params={"model": "mine"}),
            await folk.ask("bob", "GET", EXPORT, params={"model": "mine", "merge": "1"}),
            await folk.post("bob", "/api/push", model="mine"),
        ):
            assert answer.status_code == 403
            assert "one that you may not read" in answer.text
            assert SECRET.encode() not in answer.content


async def test_what_is_pulled_counts_as_brought(opening: Opening) -> None:
    async with opening("one") as house:
        folk = await people(house)
        archive = (await folk.ask("ann", "GET", EXPORT, params={"model": "starter"})).content
        await folk.ask("ann", "PUT", "/api/modelwright/quotas", json=_quota(1000))
        content = _foreign(archive)
        refused = await folk.ask("bob", "POST", IMPORT, params={"name": "x"}, content=content)
        assert refused.status_code == 429, refused.text
        assert "quota of 1000 bytes" in refused.text
        await folk.ask("ann", "PUT", "/api/modelwright/quotas", json=_quota(10**9))
        taken = await folk.ask("bob", "POST", IMPORT, params={"name": "x"}, content=content)
        assert taken.status_code == 200, taken.text
        audit = (await folk.ask("ann", "GET", "/api/modelwright/audit", params={"user": "bob"})).json()
        (line,) = [each for each in audit["entries"] if each["action"] == "import"]
        assert (line["detail"]["did"], line["revision"]) == ("create", 1)


async def test_what_leaves_is_written_down(opening: Opening, scripted: Scripted) -> None:
    Keeping(scripted)
    async with opening("one", scripted.host) as house:
        folk = await people(house)
        await folk.post("ann", "/api/create", model=scripted.name, **{"from": "starter"}, system=SECRET)
        await folk.post("ann", "/api/push", model=scripted.name, insecure=True)
        await folk.ask("ann", "GET", EXPORT, params={"model": scripted.name})
        entries = (await folk.ask("ann", "GET", "/api/modelwright/audit")).json()["entries"]
        digest = (await folk.ask("ann", "GET", "/api/tags")).json()["models"][0]["digest"]
    left = [each for each in entries if each["action"] in ("push", "export")]
    assert [(each["action"], each["name"], each["detail"]["to"]) for each in left] == [
        ("export", "ann", "a file"),
        ("push", "ann", scripted.host),
    ]
    assert {each["detail"]["manifest"] for each in left} == {f"sha256:{digest}"}


def _quota(most: int) -> dict[str, Any]:
    return {"user": "bob", "quota": "bytes", "most": most}


def _foreign(archive: bytes) -> bytes:
    """The same model on weights that nobody here has, without its history."""
    old, mine = WEIGHTS.read_bytes(), WEIGHTS.read_bytes() + bytes(32)
    manifests: list[bytes] = []

    def with_mine(member: tarfile.TarInfo, held: bytes) -> tuple[tarfile.TarInfo, bytes]:
        if held == old:
            held = mine
        elif held.startswith(b'{"schemaVersion":2') and digest_of(old).encode() in held:
            held = held.replace(digest_of(old).encode(), digest_of(mine).encode())
            held = held.replace(str(len(old)).encode(), str(len(mine)).encode())
            manifests.append(held)
        member.name = _place(held) if member.name.startswith("blobs/") else member.name
        return member, held

    def with_its_digest(member: tarfile.TarInfo, held: bytes) -> tuple[tarfile.TarInfo, bytes]:
        if member.name == "index.json":
            tree = json.loads(held)
            said = {"digest": digest_of(manifests[0]), "size": len(manifests[0])}
            held = json.dumps({**tree, "manifests": [tree["manifests"][0] | said]}).encode()
        return member, held

    return repacked(repacked(archive, change=with_mine), change=with_its_digest)


def _place(content: bytes) -> str:
    return f"blobs/sha256/{digest_of(content)[7:]}"
