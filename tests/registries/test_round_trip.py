"""A model that is pushed and pulled elsewhere is the same model."""

import json
import sys
from collections.abc import AsyncGenerator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from modelwright.core.card import Card
from modelwright.core.digest import Digest
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.provenance import EMPTY, KIND, artifact
from modelwright.core.transfer_ports import Repository
from modelwright.registries.credentials import CredentialFile
from modelwright.registries.oci import OciRegistries
from modelwright.registries.traffic import Traffic
from modelwright.starter import WEIGHTS
from tests.registries.conftest import House, Opening, real
from tests.registries.scripted import Keeping, Scripted, Tickets, digest_of

BENCH = str(Path(__file__).parents[2] / "bench")
if BENCH not in sys.path:
    sys.path.append(BENCH)

from measuring.random_model import Shape, write_random_lora, write_random_model  # noqa: E402 - after the path

pytestmark = pytest.mark.anyio
TINY = Shape(hidden=64, layers=2, heads=2, feed_forward=128, vocabulary=512, context=2048)
MODELFILE = """\
FROM {base}
ADAPTER @{one} SCALE 0.75
ADAPTER @{two}
TEMPLATE {{{{ .System }}}}|{{{{ .Prompt }}}}|
SYSTEM You are Mario & <Luigi>.
PARAMETER temperature 0
PARAMETER num_predict 24
PARAMETER stop "</end>"
LICENSE One licence.
LICENSE Another licence.
MESSAGE user Hi
MESSAGE assistant It is me.
REQUIRES 0.5.0
"""


async def uploaded(house: House, path: Path) -> str:
    digest = str(Digest.of(path.read_bytes()))
    answer = await house.client.post(f"/api/blobs/{digest}", content=path.read_bytes())
    assert answer.is_success
    return digest


async def made(house: House, folder: Path, name: str, base: str) -> str:
    """A base, a child of it and a grandchild with everything; the last one's digest."""
    write_random_model(folder / "tiny.gguf", TINY)
    digests = {"base": await uploaded(house, folder / "tiny.gguf")}
    for seed, word in enumerate(("one", "two"), start=5):
        write_random_lora(folder / f"{word}.gguf", TINY, seed=seed)
        digests[word] = await uploaded(house, folder / f"{word}.gguf")
    await house.done("/api/create", model=base, files={"tiny.gguf": digests["base"]}, system="A base.")
    await house.done("/api/create", model="between", **{"from": base}, parameters={"top_k": 3})
    text = MODELFILE.format(**digests | {"base": "between"})
    await house.done("/api/create", model=name, modelfile=text)
    return await house.digest(name)


async def answer(house: House, name: str) -> Any:
    found = await house.done("/api/generate", model=name, prompt="Tell me.", options={"seed": 1})
    return found["response"]


@pytest.mark.limit(120)
async def test_everything_comes_back(opening: Opening, cncf: str, tmp_path: Path) -> None:
    name = f"{cncf}/team/everything"
    async with opening("one", cncf, engine="llamacpp") as one:
        digest = await made(one, tmp_path, name, f"{cncf}/team/tiny")
        said, shown = await answer(one, name), await one.done("/api/show", model=name)
        lines = await one.lines("/api/push", model=name, insecure=True)
        assert lines[0] == {"status": "retrieving manifest"}
        assert [line["status"] for line in lines[-2:]] == ["pushing manifest", "success"]
        moved = {
            line["digest"] for line in lines if line["status"].startswith("pushing ") and "digest" in line
        }
        await one.client.request("DELETE", "/api/delete", json={"model": name})
    async with opening("two", cncf, engine="llamacpp") as two:
        await two.done("/api/pull", model=name, insecure=True)
        assert await two.digest(name) == digest
        assert await answer(two, name) == said
        again = await two.done("/api/show", model=name)
        same = ("template", "system", "parameters", "license", "messages", "details", "requires")
        assert {each: again.get(each) for each in same} == {each: shown.get(each) for each in same}
        assert again["details"]["parent_model"] == "between:latest"
    manifest = httpx2.get(
        f"http://{cncf}/v2/team/everything/manifests/latest",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
    )
    assert manifest.headers["docker-content-digest"] == f"sha256:{digest}"
    tree = manifest.json()
    assert moved == {each["digest"] for each in (*tree["layers"], tree["config"])}
    scales = [each.get("annotations") for each in tree["layers"] if each["mediaType"].endswith("adapter")]
    assert scales == [{"org.modelwright.adapter.scale": "0.75"}, None]


async def test_what_the_registry_has_does_not_leave_again(opening: Opening, cncf: str) -> None:
    base, child = f"{cncf}/team/mounted", f"{cncf}/team/child"
    async with opening("one", cncf) as house:
        await house.done("/api/create", model=base, **{"from": "starter"})
        await house.done("/api/push", model=base, insecure=True)
        await house.done("/api/create", model=child, **{"from": base}, system="A child.")
        lines = await house.lines("/api/push", model=child, insecure=True)
        weights = [line for line in lines if line.get("total") == WEIGHTS.stat().st_size]
        assert [line.get("completed", 0) for line in weights] == [0, WEIGHTS.stat().st_size], (
            "mounted at once"
        )
        again = await house.lines("/api/push", model=child, insecure=True)
        assert again[-1] == {"status": "success"}


async def test_its_history_comes_with_it(opening: Opening, cncf: str) -> None:
    name = f"{cncf}/team/history"
    async with opening("one", cncf) as one, opening("two", cncf) as two:
        await one.done("/api/create", model="parent", **{"from": "starter"}, system="A parent.")
        await one.done("/api/create", model=name, **{"from": "parent"}, parameters={"top_k": 7})
        await one.done("/api/push", model=name, insecure=True)
        await two.done("/api/pull", model=name, insecure=True)
        specs = [
            (await house.client.get("/api/modelwright/history", params={"model": name})).json()
            for house in (one, two)
        ]
    assert specs[0]["revisions"][0]["spec"] == specs[1]["revisions"][0]["spec"]
    assert specs[1]["revisions"][0]["kind"] == "pull"


async def test_rotten_bytes_do_not_leave(opening: Opening, cncf: str) -> None:
    name = f"{cncf}/team/rotten"
    async with opening("one", cncf) as house:
        write_random_model(house.home / "tiny.gguf", TINY)
        digest = await uploaded(house, house.home / "tiny.gguf")
        await house.done("/api/create", model=name, files={"tiny.gguf": digest})
        blob = house.home / "blobs" / digest.replace(":", "-")
        rotten = bytearray(blob.read_bytes())
        rotten[-1] ^= 1
        blob.write_bytes(rotten)
        refused = await house.ask("/api/push", model=name, insecure=True)
        assert refused.status_code == 500
        assert "damaged on disk" in refused.json()["error"]
    assert httpx2.get(f"http://{cncf}/v2/team/rotten/tags/list").status_code == 404


async def test_a_registry_with_passwords(opening: Opening, tmp_path: Path) -> None:
    bcrypt_of_secret = "$2b$05$Bf/5AgOmRsFZr03UpvEv/uiV9hRhE0OGVKB9FwezCDgHiOKGu8h6K"
    users = tmp_path / "users"
    users.write_text(f"mario:{bcrypt_of_secret}\n")
    with real(tmp_path / "registry", users) as host:
        async with opening("one", host) as house:
            name = f"{host}/team/closed"
            await house.done("/api/create", model=name, **{"from": "starter"})
            refused = await house.ask("/api/push", model=name, insecure=True)
            assert refused.status_code == 403
            assert f"modelwright login {host}" in refused.json()["error"]
            login = {"registry": host, "username": "mario", "insecure": True}
            wrong = await house.ask("/api/modelwright/login", **login, password="wrong")
            assert wrong.status_code == 403
            await house.done("/api/modelwright/login", **login, password="secret")
            kept = house.home / "credentials.json"
            assert kept.stat().st_mode & 0o777 == 0o600
            assert json.loads(kept.read_text())["local"][host]["user"] == "mario"
            await house.done("/api/push", model=name, insecure=True)
            await house.done("/api/modelwright/logout", registry=host)
            assert (await house.ask("/api/pull", model=name, insecure=True)).status_code == 403


async def test_formats_and_card_come_back(opening: Opening, cncf: str, tmp_path: Path) -> None:
    name = f"{cncf}/team/shown"
    text = "FROM starter\nRENDERER qwen3-coder\nPARSER qwen3-coder\nTEMPLATE {{ .Prompt }}\n"
    card = Card("Mario", "Jumps.", "data:image/png;base64,AAAA", ("red",), {"vision": False}, "# Mario")
    async with opening("one", cncf) as one, opening("two", cncf) as two:
        await one.done("/api/create", model=name, modelfile=text)
        private = replace(card, active=False, extras={"openwebui": {"meta": {"knowledge": ["x"]}}})
        await one.app.services.models.change_card(LOCAL_ADMIN, name, private)
        digest = await one.digest(name)
        await one.done("/api/push", model=name, insecure=True)
        await one.client.request("DELETE", "/api/delete", json={"model": name})
        await one.done("/api/pull", model=name, insecure=True)
        await two.done("/api/pull", model=name, insecure=True)
        for house in (one, two):
            assert await house.digest(name) == digest
            shown = (await house.done("/api/show", model=name))["modelfile"]
            assert "RENDERER qwen3-coder" in shown
            assert "PARSER qwen3-coder" in shown
            assert (await house.app.services.models.summary(LOCAL_ADMIN, name)).card == card
        mine = replace(card, display_name="Luigi")
        await two.app.services.models.change_card(LOCAL_ADMIN, name, mine)
        await two.done("/api/pull", model=name, insecure=True)
        assert (await two.app.services.models.summary(LOCAL_ADMIN, name)).card == mine, "ours stays"


async def test_a_registry_that_lists_what_is_about_a_model_is_asked(
    opening: Opening, scripted: Scripted
) -> None:
    keeping = Keeping(scripted)
    async with opening("one", scripted.host) as one, opening("two", scripted.host) as two:
        await one.done("/api/create", model="parent", **{"from": "starter"}, system="A parent.")
        await one.done("/api/create", model=scripted.name, **{"from": "parent"}, parameters={"top_k": 7})
        await one.done("/api/push", model=scripted.name, insecure=True)
        digest = await one.digest(scripted.name)
        assert len(keeping.about[f"sha256:{digest}"]) == 1
        sent = scripted.asked("PATCH ")
        await one.done("/api/push", model=scripted.name, insecure=True)
        assert scripted.asked("PATCH ") == sent > 0, "only what is not there leaves"
        await two.done("/api/pull", model=scripted.name, insecure=True)
        assert await two.digest(scripted.name) == digest
        shown = await two.done("/api/show", model=scripted.name)
        assert shown["details"]["parent_model"] == "parent:latest", "its history came along"
    assert not scripted.asked("manifests/sha256-"), "the tag is for registries without such a list"


async def test_a_token_that_runs_out_in_the_middle_of_a_push_is_asked_for_again(
    opening: Opening, scripted: Scripted
) -> None:
    keeping = Keeping(scripted)
    scripted.rules.insert(0, ("HEAD ", lambda it: it.give(404)))
    tickets = Tickets(scripted)
    async with opening("one", scripted.host) as house:
        await house.done("/api/create", model=scripted.name, **{"from": "starter"}, system="A child.")
        await house.done("/api/push", model=scripted.name, insecure=True)
        digest = await house.digest(scripted.name)
    assert len(keeping.about[f"sha256:{digest}"]) == 1
    assert scripted.blobs[digest_of(WEIGHTS.read_bytes())] == WEIGHTS.read_bytes()
    assert tickets.given > 5


async def test_a_history_of_another_model_is_not_believed(opening: Opening, scripted: Scripted) -> None:
    keeping = Keeping(scripted)
    async with opening("one", scripted.host) as one, opening("two", scripted.host) as two:
        digests = {}
        for word in ("good", "bad"):
            name = f"{scripted.name}:{word}"
            await one.done("/api/create", model=name, **{"from": "starter"}, system=f"Be {word}.")
            await one.done("/api/push", model=name, insecure=True)
            shown = (await one.client.get("/api/tags")).json()["models"]
            digests[word] = f"sha256:{next(each['digest'] for each in shown if each['name'] == name)}"
        [foreign] = keeping.about[digests["bad"]]
        layer = keeping.manifest(foreign["digest"])["layers"][0]["digest"]
        about_good = artifact(KIND, scripted.blobs[layer], Digest.parse(digests["good"]), 1)
        keeping.about[digests["good"]] = [{**foreign, "digest": keeping.keep(about_good.content)}]
        await two.done("/api/pull", model=f"{scripted.name}:good", insecure=True)
        assert (await two.done("/api/show", model=f"{scripted.name}:good"))["system"] == "Be good."


async def test_a_push_that_breaks_off_goes_on_where_the_registry_says(
    opening: Opening, scripted: Scripted
) -> None:
    content = WEIGHTS.read_bytes()
    del scripted.blobs[digest_of(content)]
    keeping = Keeping(scripted)
    keeping.to_break = 2
    async with opening("one", scripted.host) as house:
        await house.done("/api/create", model=scripted.name, **{"from": "starter"})
        await house.done("/api/push", model=scripted.name, insecure=True)
    assert keeping.to_break == 0
    assert scripted.blobs[digest_of(content)] == content
    ranges = [headers["content-range"] for line, headers in scripted.seen if line.startswith("PATCH ")][:3]
    half, most = len(content) // 2, len(content)
    assert ranges == [f"{start}-{most - 1}" for start in (0, half, half + (most - half) // 2)]


async def test_what_others_said_of_a_model_stays(cncf: str, tmp_path: Path) -> None:
    """At a registry that lists it under a tag, which is written anew each time."""
    subject = Digest.of(b"a manifest")
    registries = OciRegistries(Traffic([cncf]), CredentialFile(tmp_path))
    async with registries.open(Repository(cncf, "team/about", insecure=True)) as remote:
        told = []
        for word in (b"one", b"two"):
            made = artifact(KIND, word, subject, 10)
            for blob in (word, EMPTY):
                await remote.upload(Digest.of(blob), len(blob), partial(pieces, blob), lambda done: None)
            await remote.attach(made.content, subject)
            told.append(Digest.of(made.content))
        assert await remote.attached(subject, KIND) == told


async def pieces(content: bytes, start: int) -> AsyncGenerator[bytes, None]:
    yield content[start:]
